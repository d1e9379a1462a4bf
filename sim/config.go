package sim

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/sim/world"
	"github.com/rdsx/rdsx/sim/world/iam"
)

// The files that WriteConfig makes.
const (
	configName      = "config"
	credentialsName = "credentials"
	caName          = "ca.pem"
)

// services are those that the simulator answers for. They need entries of their own: the STS client inside the SDK's
// credential chain looks at nothing else in a config file.
func services() []string {
	return []string{"cloudformation", "ec2", "ecs", "elasticache", "iam", "organizations", "memorydb", "opensearch", "rds", "redshift", "redshift_serverless", "sso", "sso_oidc", "ssm", "sts"}
}

// CAFile is where WriteConfig(dir) puts the CA, with TLS.
func CAFile(dir string) string { return filepath.Join(dir, caName) }

// WriteConfig writes config, credentials and (with TLS) ca.pem into dir: a profile for every user and role of the world that a
// person may use, every service pointed at the simulator. A profile is called ACCOUNT-USER or ACCOUNT-ROLE by the account's
// name; default is the first user. A role's source is the first user, or the role, that its trust policy lets in.
func (s *Sim) WriteConfig(dir string) (configFile, credentialsFile string, err error) {
	accounts := s.world.Accounts()
	var config, credentials strings.Builder
	common := s.commonKeys(dir)
	first := true
	for _, a := range accounts {
		for _, u := range a.Users {
			name := profileName(a, u.Name)
			keys := fmt.Sprintf("aws_access_key_id = %s\naws_secret_access_key = %s\n\n", u.AccessKey, u.SecretKey)
			if first {
				fmt.Fprintf(&config, "[default]\n%s%s\n", region(a), common)
				fmt.Fprintf(&credentials, "[default]\n%s", keys)
				first = false
			}
			fmt.Fprintf(&config, "[profile %s]\n%s%s\n", name, region(a), common)
			fmt.Fprintf(&credentials, "[%s]\n%s", name, keys)
		}
	}
	for _, a := range accounts {
		for _, r := range a.Roles {
			if lines, ok := roleLines(accounts, a, r); ok {
				fmt.Fprintf(&config, "[profile %s]\n%s%s%s\n", profileName(a, r.Name), lines, region(a), common)
			}
		}
	}
	config.WriteString("[services sim]\n")
	for _, name := range services() {
		fmt.Fprintf(&config, "%s =\n  endpoint_url = %s\n", name, s.url)
	}
	if s.ca != nil {
		if err := os.WriteFile(CAFile(dir), s.ca, 0o600); err != nil {
			return "", "", fmt.Errorf("write the CA: %w", err)
		}
	}
	configFile, credentialsFile = filepath.Join(dir, configName), filepath.Join(dir, credentialsName)
	if err := os.WriteFile(configFile, []byte(config.String()), 0o600); err != nil {
		return "", "", fmt.Errorf("write the AWS config: %w", err)
	}
	if err := os.WriteFile(credentialsFile, []byte(credentials.String()), 0o600); err != nil {
		return "", "", fmt.Errorf("write the AWS credentials: %w", err)
	}
	return configFile, credentialsFile, nil
}

// commonKeys are the lines of every profile.
func (s *Sim) commonKeys(dir string) string {
	lines := "endpoint_url = " + s.url + "\nservices = sim\noutput = json\n"
	if s.ca != nil {
		lines += "ca_bundle = " + CAFile(dir) + "\n"
	}
	return lines
}

func profileName(a world.Account, name string) string { return a.Name + "-" + name }

func region(a world.Account) string {
	if len(a.Regions) == 0 {
		return "region = eu-west-1\n"
	}
	return "region = " + a.Regions[0].Name + "\n"
}

// roleLines are the lines that assume a role; false when nobody in the world may.
func roleLines(accounts []world.Account, home world.Account, r world.Role) (string, bool) {
	for _, st := range r.Trust.Statements {
		if st.Deny || !slices.Contains(st.Actions, "sts:AssumeRole") {
			continue
		}
		for _, p := range st.Principals {
			source, mfa := sourceOf(accounts, p)
			if source == "" {
				continue
			}
			lines := fmt.Sprintf("role_arn = arn:aws:iam::%s:role/%s%s\nsource_profile = %s\n",
				home.ID, strings.TrimPrefix(r.Path, "/"), r.Name, source)
			return lines + conditionLines(st.Conditions, mfa), true
		}
	}
	return "", false
}

// sourceOf is the profile of who a trust policy's principal stands for, with the user's MFA device.
func sourceOf(accounts []world.Account, principal string) (profile, mfa string) {
	for _, a := range accounts {
		prefix := "arn:aws:iam::" + a.ID + ":"
		for _, u := range a.Users {
			if principal == a.ID || principal == prefix+"root" || principal == prefix+"user/"+u.Name {
				return profileName(a, u.Name), u.MFASerial
			}
		}
		for _, r := range a.Roles {
			if principal == prefix+"role/"+strings.TrimPrefix(r.Path, "/")+r.Name {
				return profileName(a, r.Name), ""
			}
		}
	}
	return "", ""
}

func conditionLines(conditions []iam.Condition, mfa string) string {
	lines := ""
	for _, c := range conditions {
		switch {
		case c.Key == "sts:externalid" && len(c.Values) > 0:
			lines += "external_id = " + c.Values[0] + "\n"
		case c.Key == "aws:multifactorauthpresent" && mfa != "":
			lines += "mfa_serial = " + mfa + "\n"
		}
	}
	return lines
}

// Env is the environment, NAME=VALUE, that points the SDK and the aws CLI at the simulator and nowhere else.
func (s *Sim) Env(configFile, credentialsFile string) []string {
	env := []string{
		"AWS_CONFIG_FILE=" + configFile,
		"AWS_SHARED_CREDENTIALS_FILE=" + credentialsFile,
		"AWS_ENDPOINT_URL=" + s.url,
		"AWS_ENDPOINT_URL_STS=" + s.url,
		"AWS_ENDPOINT_URL_SSO=" + s.url,
		"AWS_ENDPOINT_URL_SSO_OIDC=" + s.url,
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_PAGER=",
	}
	if accounts := s.world.Accounts(); len(accounts) > 0 {
		_, name, _ := strings.Cut(strings.TrimSpace(region(accounts[0])), " = ")
		env = append(env, "AWS_REGION="+name, "AWS_DEFAULT_REGION="+name)
	}
	if s.ca != nil {
		return append(env, "AWS_CA_BUNDLE="+CAFile(filepath.Dir(configFile)))
	}
	return append(env, "AWS_CA_BUNDLE=") // of the machine, if it has one
}
