package profiles

import (
	"errors"
	"strings"
	"testing"
)

const team = `[default]
region = eu-west-1
[profile hub]
role_arn = arn:aws:iam::111122223333:role/Hub
credential_source = Environment
[profile orders]
role_arn = arn:aws:iam::222233334444:role/Orders
source_profile = hub
rdsx_managed = 1
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start#/
sso_region = eu-west-1
`

// TestRefusals: what is not written, and the words that say why.
func TestRefusals(t *testing.T) {
	add := func(name string, keys ...Key) Edit { return Edit{Op: Add, Name: name, Keys: keys} }
	set := func(name string, keys ...Key) Edit { return Edit{Op: Set, Name: name, Keys: keys} }
	region := Key{"region", "eu-west-1"}
	for name, c := range map[string]struct {
		edit Edit
		says string
	}{
		"there already":           {add("hub"), "profile hub exists already, on line 3"},
		"there in credentials":    {add("jane"), "profile jane exists already, in the credentials file"},
		"not there":               {set("nobody", region), "there is no profile nobody"},
		"not ours":                {set("hub", region), "profile hub on line 3 was not written by rdsx"},
		"not ours to remove":      {Edit{Op: Remove, Name: "hub"}, "was not written by rdsx"},
		"session not ours":        {Edit{Op: Remove, Session: true, Name: "corp"}, "sso-session corp on line 10 was not written by rdsx"},
		"a source of others":      {Edit{Op: Remove, Name: "hub", Foreign: true}, "profile orders broken: source_profile hub does not exist"},
		"name with a blank":       {add("a b"), "is not read alike"},
		"quoted name":             {add(`"a"`), "is not read alike"},
		"name with a bracket":     {add("a]b"), "is not read alike"},
		"name like a flag":        {add("-x"), "is not read alike"},
		"no name":                 {add(""), "is not read alike"},
		"Default":                 {add("Default"), "taken for default"},
		"access key":              {add("x", Key{"aws_access_key_id", "AKIAIOSFODNN7EXAMPLE"}), "not a key that rdsx writes"},
		"secret":                  {add("x", Key{"aws_secret_access_key", "s"}), "not a key that rdsx writes"},
		"token":                   {set("orders", Key{"aws_session_token", "t"}), "not a key that rdsx writes"},
		"token away":              {Edit{Op: Set, Name: "orders", Unset: []string{"aws_session_token"}}, "nor one that it removes"},
		"newline":                 {set("orders", Key{"region", "eu-west-1\noutput = json"}), "control character"},
		"inline comment":          {set("orders", Key{"external_id", "ab #c"}), "for a comment"},
		"quotes":                  {set("orders", Key{"external_id", `"ab"`}), "strip quotes"},
		"blank at the end":        {set("orders", Key{"external_id", "ab "}), "white space around"},
		"empty":                   {set("orders", Key{"external_id", ""}), "starts a nested block"},
		"not UTF-8":               {set("orders", Key{"external_id", "a\xe9"}), "not UTF-8"},
		"comment as value":        {set("orders", Key{"external_id", "#ab"}), "for a comment"},
		"no ARN":                  {set("orders", Key{"role_arn", "Orders"}), "is not a role's ARN"},
		"no account":              {set("orders", Key{"sso_account_id", "1234"}), "12 digits"},
		"no region":               {set("orders", Key{"region", "Ireland"}), "is not a region"},
		"a day and a second":      {set("orders", Key{"duration_seconds", "86401"}), "900 to 43200"},
		"over an hour in a chain": {set("orders", Key{"duration_seconds", "7200"}), "an hour at most"},
		"no such source":          {set("orders", Key{"source_profile", "nobody"}), "source_profile nobody does not exist"},
		"itself":                  {set("orders", Key{"source_profile", "orders"}), "circle"},
		"two sources":             {set("orders", Key{"credential_source", "Environment"}), "only one of"},
		"role without source":     {Edit{Op: Set, Name: "orders", Unset: []string{"source_profile"}}, "role_arn without source_profile"},
		"no such session":         {add("x", SSO{"none", "111122223333", "Dev", ""}.Keys()...), "sso-session none does not exist"},
		"given twice":             {set("orders", region, region), "given twice"},
		"set and unset":           {Edit{Op: Set, Name: "orders", Keys: []Key{region}, Unset: []string{"region"}}, "given twice"},
	} {
		t.Run(name, func(t *testing.T) {
			f := inMemory([]byte(team))
			f.credentials = []byte("[jane]\naws_access_key_id = A\naws_secret_access_key = s\n")
			if plan, err := f.Plan(c.edit); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q; plan %v", err, c.says, plan != nil)
			}
		})
	}
}

// TestHiddenByCredentials: a key that the credentials file sets too would be written in vain.
func TestHiddenByCredentials(t *testing.T) {
	f := inMemory([]byte("[default]\nregion = eu-west-1\n[profile x]\nrdsx_managed = 1\n"))
	f.credentials = []byte("[x]\nregion = eu-west-2\n")
	if _, err := f.Plan(Edit{Op: Set, Name: "x", Keys: []Key{{"region", "eu-west-1"}}}); err == nil || !strings.Contains(err.Error(), "credentials file, line 2, which wins") {
		t.Error(err)
	}
	var foreign *Foreign
	if _, err := inMemory([]byte(team)).Plan(Edit{Op: Remove, Name: "hub"}); !errors.As(err, &foreign) || foreign.Line != 3 {
		t.Error(err)
	}
}

// TestOnePlanManyEdits writes a session and the profile that needs it in one go, and takes both away again.
func TestOnePlanManyEdits(t *testing.T) {
	session := Edit{Op: Add, Session: true, Name: "new", Keys: Portal{StartURL: "https://new.awsapps.com/start#/", Region: "eu-west-1"}.Keys()}
	profile := Edit{Op: Add, Name: "new-dev", Keys: SSO{"new", "111122223333", "Dev", "eu-west-1"}.Keys()}
	plan, err := inMemory([]byte(team)).Plan(session, profile)
	if err != nil {
		t.Fatal(err)
	}
	want := team + `
[sso-session new]
sso_start_url = https://new.awsapps.com/start#/
sso_region = eu-west-1
sso_registration_scopes = sso:account:access
rdsx_managed = 1

[profile new-dev]
sso_session = new
sso_account_id = 111122223333
sso_role_name = Dev
region = eu-west-1
rdsx_managed = 1
`
	if string(plan.Bytes()) != want {
		t.Fatalf("got:\n%s", plan.Bytes())
	}
	if _, err := inMemory(plan.Bytes()).Plan(Edit{Op: Remove, Session: true, Name: "new"}); err == nil || !strings.Contains(err.Error(), "new-dev broken") {
		t.Error(err)
	}
	back, err := inMemory(plan.Bytes()).Plan(Edit{Op: Remove, Name: "new-dev"}, Edit{Op: Remove, Session: true, Name: "new"})
	if err != nil || string(back.Bytes()) != team {
		t.Errorf("%v: %q", err, back.Bytes())
	}
}

// TestStyle: an edit takes on the file's own line ends, indentation and blanks.
func TestStyle(t *testing.T) {
	set := Edit{Op: Set, Name: "a", Foreign: true, Keys: []Key{{"region", "us-west-2"}, {"output", "json"}}}
	for before, after := range map[string]string{
		"[profile a]\r\nregion=eu-west-1\r\n\r\n# b\r\n":             "[profile a]\r\nregion=us-west-2\r\noutput = json\r\n\r\n# b\r\n",
		"[profile a]\nregion : eu-west-1":                            "[profile a]\nregion : us-west-2\noutput = json",
		"[profile a]\n\tregion\t=\teu-west-1\t\n\n[profile b]\n":     "[profile a]\n\tregion\t=\tus-west-2\t\n\toutput = json\n\n[profile b]\n",
		"[profile a]\nregion =\n[profile b]\n":                       "[profile a]\nregion = us-west-2\noutput = json\n[profile b]\n",
		"[profile a]\n# x\n\n[profile b]\n":                          "[profile a]\nregion = us-west-2\noutput = json\n# x\n\n[profile b]\n",
		"[profile a]\ns3 =\n  region = no\n\n  b = c\n[profile b]\n": "[profile a]\ns3 =\n  region = no\n\n  b = c\nregion = us-west-2\noutput = json\n[profile b]\n",
		"[profile a]\nREGION = eu-west-1 # Ireland\n":                "[profile a]\nREGION = us-west-2\noutput = json\n",
	} {
		plan, err := inMemory([]byte(before)).Plan(set)
		if err != nil || string(plan.Bytes()) != after {
			t.Errorf("%q: %v, got %q", before, err, plan.Bytes())
		}
	}
}

func TestDiff(t *testing.T) {
	f := inMemory([]byte("[default]\naws_secret_access_key = wJalrXUtnFEMI\n#aws_session_token=Zm9v\n" + team[len("[default]\n"):]))
	plan, err := f.Plan(Edit{Op: Set, Name: "orders", Keys: []Key{{"region", "eu-west-2"}}}, Edit{Op: Set, Name: "default", Foreign: true, Keys: []Key{{"region", "eu-west-3"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := `--- config
+++ config
@@ -1,7 +1,7 @@
 [default]
 aws_secret_access_key = [redacted]
 #aws_session_token= [redacted]
-region = eu-west-1
+region = eu-west-3
 [profile hub]
 role_arn = arn:aws:iam::111122223333:role/Hub
 credential_source = Environment
@@ -9,6 +9,7 @@
 role_arn = arn:aws:iam::222233334444:role/Orders
 source_profile = hub
 rdsx_managed = 1
+region = eu-west-2
 [sso-session corp]
 sso_start_url = https://corp.awsapps.com/start#/
 sso_region = eu-west-1
`
	if got := plan.Diff(); got != want {
		t.Errorf("got:\n%s", got)
	}
	secret := &Plan{file: f, next: []byte(strings.Replace(string(f.data), "wJalr", "other", 1))}
	if got := secret.Diff(); !strings.Contains(got, "-aws_secret_access_key = [redacted]\n+aws_secret_access_key = [redacted]\n") || strings.Contains(got, "FEMI") {
		t.Errorf("a secret that changes: %s", got)
	}
}
