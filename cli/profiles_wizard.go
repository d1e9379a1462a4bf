package cli

import (
	"context"
	"strings"

	"github.com/rdsx/rdsx/profiles"
)

// complete asks for what is missing of a new profile.
func complete(ctx context.Context, ask *asker, f *profiles.File, name string, keys *keyFlags) (string, error) {
	var err error
	if name == "" {
		if name, err = ask.line(ctx, "Name of the new profile: "); err != nil {
			return "", err
		}
	}
	if keys.get("role_arn") == "" && keys.get("sso_session") == "" {
		arn, err := ask.line(ctx, "Role to assume, arn:aws:iam::ACCOUNT:role/NAME (empty: sign in with SSO): ")
		if err != nil {
			return "", err
		}
		if arn != "" {
			keys.put("role_arn", arn)
		}
	}
	if keys.get("role_arn") != "" {
		return name, completeRole(ctx, ask, f, keys)
	}
	return name, completeSSO(ctx, ask, f, keys)
}

func completeRole(ctx context.Context, ask *asker, f *profiles.File, keys *keyFlags) error {
	if keys.get("source_profile") != "" || keys.get("credential_source") != "" {
		return nil // the flags say what is wanted; the rest may stay out
	}
	var names []string
	proposal := ""
	for _, p := range f.Profiles() {
		if p.Kind == profiles.KindNone {
			continue
		}
		names = append(names, printable(p.Name))
		if p.Name == "default" || proposal == "" {
			proposal = p.Name
		}
	}
	source, err := ask.or(ctx, "Profile whose credentials assume it ("+strings.Join(names, ", ")+")", proposal)
	if err != nil {
		return err
	}
	keys.put("source_profile", source)
	return askKeys(ctx, ask, keys, [][3]string{
		{"region", "Region", chainRegion(f, source)}, {"mfa_serial", "MFA device (empty for none)", ""}, {"external_id", "External id (empty for none)", ""},
	})
}

func completeSSO(ctx context.Context, ask *asker, f *profiles.File, keys *keyFlags) error {
	sessions, proposal, known := []string{}, "", false
	for _, s := range f.Sessions() {
		sessions = append(sessions, printable(s.Name))
		proposal = s.Name
	}
	if err := askKeys(ctx, ask, keys, [][3]string{{"sso_session", "sso-session (" + strings.Join(sessions, ", ") + ")", proposal}}); err != nil {
		return err
	}
	for _, s := range f.Sessions() {
		known = known || s.Name == keys.get("sso_session")
	}
	if !known && keys.portal.StartURL == "" {
		var err error
		if keys.portal.StartURL, err = ask.line(ctx, "It is new. Its start URL: "); err != nil {
			return err
		}
		if keys.portal.Region, err = ask.line(ctx, "Its region: "); err != nil {
			return err
		}
	}
	return askKeys(ctx, ask, keys, [][3]string{{"sso_account_id", "Account id", ""}, {"sso_role_name", "Permission set", ""}, {"region", "Region", ""}})
}

// askKeys asks for keys that were not typed: key, question, proposal.
func askKeys(ctx context.Context, ask *asker, keys *keyFlags, questions [][3]string) error {
	for _, q := range questions {
		if keys.get(q[0]) != "" {
			continue
		}
		answer, err := ask.or(ctx, q[1], q[2])
		if err != nil {
			return err
		}
		if answer != "" {
			keys.put(q[0], answer)
		}
	}
	return nil
}
