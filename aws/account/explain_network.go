package account

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go"

	"github.com/rdsx/rdsx/aws"
)

// profile explains what the SDK finds wrong in the files.
func (f *failure) profile() *aws.Hint {
	file := firstOf(f.origin.configFile, "~/.aws/config")
	section := fmt.Sprintf("[profile %s] in %s", firstOf(f.origin.profile, "NAME"), file)
	var role config.SharedConfigAssumeRoleError
	var missing config.SharedConfigProfileNotExistError
	var needsARN config.CredentialRequiresARNError
	switch {
	case errors.As(f.err, &role) && role.Err != nil:
		next := "fix source_profile in " + section
		if near := Near(role.Profile, f.origin.profiles, 3); len(near) > 0 {
			next += ": did you mean " + strings.Join(near, ", ") + "?"
		}
		return f.hint(aws.ErrUsage, next, fmt.Sprintf("%s names the source_profile %q, which does not exist", f.origin.name(), role.Profile))
	case errors.As(f.err, &role):
		return f.hint(aws.ErrUsage, "fix source_profile in "+section,
			fmt.Sprintf("the source_profile %q has no credentials of its own, or leads back to itself", role.Profile))
	case errors.As(f.err, &missing):
		return f.adopt(noProfile(missing.Profile, "the configuration", f.origin))
	case errors.As(f.err, &needsARN):
		return f.hint(aws.ErrUsage, "add role_arn to "+section, fmt.Sprintf("%s has %s without a role_arn", f.origin.name(), needsARN.Type))
	case f.says("only one credential type may be specified"):
		return f.hint(aws.ErrUsage, "keep one of source_profile, credential_source, credential_process, web_identity_token_file in "+section,
			f.origin.name()+" names more than one source of credentials")
	case f.says("partial credentials found"):
		return f.hint(aws.ErrUsage, fmt.Sprintf("aws configure --profile %s", firstOf(f.origin.profile, "NAME")), f.origin.name()+" has only one half of a key pair")
	case f.says("sso session section", "configured to use sso but is missing"):
		return f.hint(aws.ErrUsage, "rdsx profiles check says what is missing; rdsx profiles edit "+firstOf(f.origin.profile, "NAME")+" adds it", f.plain())
	}
	return nil
}

func noProfile(name, by string, o *origin) error {
	next := "rdsx profiles add " + name
	if near := Near(name, o.profiles, 3); len(near) > 0 {
		next = "did you mean " + strings.Join(near, ", ") + "?"
	} else if len(o.profiles) > 0 {
		next = "there are: " + strings.Join(o.profiles[:min(8, len(o.profiles))], ", ")
	}
	return aws.Advise(fmt.Errorf("there is no profile %q (%s) in %s or %s", name, by, o.configFile, o.credentialsFile), aws.ErrUsage, next)
}

func noRegion(o *origin) error {
	text := "no region is set"
	next := "add --region, for example --region eu-west-1, or set AWS_REGION"
	if o.profile != "" {
		text = fmt.Sprintf("%s has no region", o.name())
		next = fmt.Sprintf("rdsx profiles edit %s --region REGION, or add --region here", o.profile)
	}
	return aws.Advise(errors.New(text), aws.ErrUsage, next)
}

func badRegion(region, by string) error {
	next := "region names look like eu-west-1"
	if near := Near(region, regions(), 3); len(near) > 0 {
		next = "did you mean " + strings.Join(near, ", ") + "?"
	}
	return aws.Advise(fmt.Errorf("%q (%s) is not the name of a region", region, by), aws.ErrUsage, next)
}

// regionOff recognises regions that are missing, unknown or switched off for STS.
func (f *failure) regionOff() *aws.Hint {
	switch {
	case f.says("missing region"):
		return f.adopt(noRegion(f.origin))
	case f.says("invalid input region"):
		return f.adopt(badRegion(f.origin.region, "region"))
	case f.is("RegionDisabledException"):
		return f.hint(aws.ErrSignIn, "activate STS for the region in the IAM console (account settings), or choose another --region", f.plain())
	}
	return nil
}

// network explains requests that got no answer, or no answer from AWS.
func (f *failure) network() *aws.Hint {
	host := hostOf(f.err)
	where := firstOf(host, "AWS")
	var dns *net.DNSError
	var op *net.OpError
	var deserialise *smithy.DeserializationError
	switch {
	case errors.As(f.err, &op) && op.Op == "proxyconnect" || f.says("proxyconnect"):
		return f.hint(nil, "check HTTPS_PROXY and NO_PROXY", f.doing("the proxy does not answer: "+lastPart(f.err)))
	case errors.As(f.err, &dns):
		return f.unknownHost(dns)
	case untrusted(f.err):
		return f.hint(nil, "if a proxy inspects TLS here, set AWS_CA_BUNDLE to a file with its certificate", f.doing(where+" shows a certificate that is not trusted: "+lastPart(f.err)))
	case errors.Is(f.err, syscall.ECONNREFUSED):
		return f.hint(nil, "check the endpoint URL and the proxy settings", f.doing(where+" refuses the connection"))
	case errors.Is(f.err, syscall.ENETUNREACH), errors.Is(f.err, syscall.EHOSTUNREACH):
		return f.hint(nil, "check that this machine is online", f.doing(where+" cannot be reached: "+lastPart(f.err)))
	case errors.Is(f.err, context.DeadlineExceeded), timedOut(f.err):
		return f.hint(nil, "check the network, HTTPS_PROXY, and that TCP 443 to AWS is open", f.doing(where+" does not answer in time"))
	case errors.As(f.err, &deserialise) || f.says("deserialization failed"):
		return f.hint(nil, "check the endpoint URL, and whether a proxy or a sign-in page of the network answers in its place",
			f.doing(where+" answers with something that is not AWS"))
	case host != "":
		return f.hint(nil, "check the network and the proxy settings", f.doing(where+": "+lastPart(f.err)))
	}
	return nil
}

func (f *failure) unknownHost(dns *net.DNSError) *aws.Hint {
	text := f.doing("no address for " + dns.Name)
	region := f.origin.region
	if dns.IsNotFound && region != "" && strings.Contains(dns.Name, region) && !slices.Contains(regions(), region) {
		next := "choose another --region"
		if near := Near(region, regions(), 3); len(near) > 0 {
			next = "did you mean --region " + strings.Join(near, ", ") + "?"
		}
		return f.hint(aws.ErrUsage, next, fmt.Sprintf("there is no region %q: no address for %s", region, dns.Name))
	}
	return f.hint(nil, "check that this machine is online and resolves names (VPN, proxy)", text)
}

func untrusted(err error) bool {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	return errors.As(err, &authority) || errors.As(err, &name) || errors.As(err, &invalid) || errors.As(err, &verify)
}

func timedOut(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// hostOf is the host that a failed request was sent to, or "".
func hostOf(err error) string {
	var u *url.Error
	if !errors.As(err, &u) {
		return ""
	}
	parsed, parseErr := url.Parse(u.URL)
	if parseErr != nil {
		return ""
	}
	return parsed.Host
}
