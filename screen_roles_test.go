package main

import (
	"context"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/api"
)

// TestScreenAddsAProfile starts as people do today, with three secrets of an assumed role in the environment, and ends with a
// profile of that role in the config file.
func TestScreenAddsAProfile(t *testing.T) {
	b := newBox(t, sim.Options{})
	config := valueOf(b.env, "AWS_CONFIG_FILE")
	before, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	mika := b.World().Accounts()[0].Users[0]
	client := sts.New(sts.Options{
		Region: "eu-west-1", BaseEndpoint: sdk.String(b.URL()),
		Credentials: sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
			return sdk.Credentials{AccessKeyID: mika.AccessKey, SecretAccessKey: mika.SecretKey}, nil
		}),
	})
	out, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: sdk.String("arn:aws:iam::111122223333:role/operator"), RoleSessionName: sdk.String("pasted")})
	if err != nil {
		t.Fatal(err)
	}
	b.env = append(slices.DeleteFunc(b.env, func(s string) bool { return strings.HasPrefix(s, "AWS_PROFILE=") }),
		"AWS_ACCESS_KEY_ID="+*out.Credentials.AccessKeyId, "AWS_SECRET_ACCESS_KEY="+*out.Credentials.SecretAccessKey, "AWS_SESSION_TOKEN="+*out.Credentials.SessionToken)
	s := b.screen(t, 140, 40)
	s.await("1 region ·", "none: alt+a makes one of this role")
	s.press("M-a")
	s.await("add a profile", "arn:aws:iam::111122223333:role/operator")
	s.types("pasted-no-more")
	s.press("Down", "Down")
	s.types("default")
	s.press("Enter")
	s.await("+[profile pasted-no-more]", "+role_arn = arn:aws:iam::111122223333:role/operator", "enter write")
	if now, _ := os.ReadFile(config); string(now) != string(before) {
		t.Fatal("something was written before the diff was confirmed")
	}
	s.enter("enter write")
	s.await("added profile pasted-no-more", "› 111122223333  pasted-no-more", "default ──→ pasted-no-more")
	after, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(after), string(before)) || !strings.Contains(string(after), "rdsx_managed") {
		t.Errorf("the file is now:\n%s", after)
	}
	for _, secret := range []string{*out.Credentials.SecretAccessKey, *out.Credentials.SessionToken} {
		if strings.Contains(string(after), secret) {
			t.Error("a secret was written")
		}
	}
	s.press("Escape")
	s.await("1 region ·")
	s.press("C-c")
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if whoami, stderr, code := b.run(t, "profiles", "whoami", "pasted-no-more"); code != 0 || !strings.Contains(whoami, "assumed-role/operator") {
		t.Errorf("the profile is of no use: exit code %d, %s%s", code, whoami, stderr)
	}
}

func valueOf(env []string, name string) string {
	for _, kv := range slices.Backward(env) {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// TestScreenAsksForTheCode opens a database through a role that asks for MFA: the screens make room for the question, again after
// a code that is wrong, and no more.
func TestScreenAsksForTheCode(t *testing.T) {
	b := newBox(t, sim.Options{})
	s := b.screen(t, 120, 30, "--profile", "acme-prod-operator")
	s.await("MFA code of arn:aws:iam::")
	s.types("000000")
	s.press("Enter")
	s.await("AWS refuses that code", "MFA code of arn:aws:iam::")
	s.types("123456")
	s.press("Enter")
	s.await("1 region ·", "acme-prod-operator")
	s.types("orders-prod")
	s.await("> orders-prod", "› ")
	s.press("Enter")
	s.await("local port for orders-prod", "✓ free")
	s.enter("local port for orders-prod")
	text := s.await("tunnels", "○ idle")
	if strings.Contains(text, "MFA code") {
		t.Errorf("asked twice:\n%s", text)
	}
	s.press("p")
	s.await("profiles", "› 777788889999  acme-prod-operator")
	s.press("Escape")
	s.await("tunnels", "○ idle")
	s.press("q")
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestScreenRenewsExpiredKeys loses the role's keys and the websocket in the middle of a connection: the code is asked for again,
// and the connection goes on.
func TestScreenRenewsExpiredKeys(t *testing.T) {
	b := newBox(t, sim.Options{})
	s := b.screen(t, 120, 30, "--profile", "acme-prod-operator")
	s.await("MFA code of arn:aws:iam::")
	s.types("123456")
	s.press("Enter")
	s.await("1 region ·")
	endpoint := ""
	for _, d := range b.ls(t, "--profile", "acme-prod-operator").Databases {
		if d.ID == "orders-prod" && d.Role == "writer" {
			endpoint = d.Endpoint.Host + ":" + strconv.Itoa(d.Endpoint.Port)
		}
	}
	b.reaches(t, endpoint, echoServer(t))
	local := s.open("orders-prod")
	c := echoed(t, local)
	s.await("● open")
	b.ExpireKeys()
	b.CutClient("")
	s.await("MFA code of arn:aws:iam::")
	s.types("123456")
	s.press("Enter")
	s.await("● open", "tunnels")
	if _, err := c.Write([]byte("still here")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len("still here"))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "still here" {
		t.Fatalf("the connection answers %q: %v", got, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	s.await("○ idle")
	s.press("q")
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestScreenOffersTheSignIn loses an SSO profile's token, its keys and the websocket in the middle of a connection: the screens
// offer the sign-in by themselves, and the connection goes on after it.
func TestScreenOffersTheSignIn(t *testing.T) {
	b := newBox(t, sim.Options{})
	b.env = append(b.env, "SSH_CONNECTION=192.0.2.1 50000 192.0.2.2 22") // no browser at this end
	b.must(t, "profiles", "add", "corp-ops", "--sso-session", "corp", "--account", "777788889999", "--role", "Operator", "--region", "eu-central-1",
		"--sso-start-url", "https://acme.awsapps.com/start", "--sso-region", "eu-west-1", "--yes")
	b.must(t, "profiles", "login", "corp-ops")
	endpoint := ""
	for _, d := range b.ls(t, "--profile", "corp-ops").Databases {
		if d.ID == "orders-prod" && d.Role == "writer" {
			endpoint = d.Endpoint.Host + ":" + strconv.Itoa(d.Endpoint.Port)
		}
	}
	b.reaches(t, endpoint, echoServer(t))
	s := b.screen(t, 80, 24, "--profile", "corp-ops")
	c := echoed(t, s.open("orders-prod"))
	s.await("● open")
	b.SignIns().SetApproval(api.ApproveAsk)
	b.SignIns().Revoke()
	b.ExpireKeys()
	b.CutClient("")
	s.await("sign in to corp-ops?", "orders-prod  1 connection", "enter sign in   esc later")
	s.press("Escape")
	s.await("put off: s on the dashboard signs in")
	s.await("s sign in", "waits for a sign-in") // once the notice has gone
	s.press("s")
	s.await("Open this page", "/device?user_code=")
	b.confirm(t, make(chan error))
	s.await("● open", "tunnels")
	if _, err := c.Write([]byte("still here")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len("still here"))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "still here" {
		t.Fatalf("the connection answers %q: %v", got, err)
	}
	b.SignIns().Revoke() // hours later
	b.ExpireKeys()
	b.CutClient("")
	s.await("sign in to corp-ops?")
	s.enter("sign in to corp-ops?")
	b.confirm(t, make(chan error))
	s.await("● open", "tunnels")
	if _, err := c.Write([]byte("y")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Errorf("the connection has not lived through it: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	s.await("○ idle")

	// The same for a session that a new connection wants.
	b.SignIns().Revoke()
	b.ExpireKeys()
	b.Terminate("", "it is too old")
	s.await("it is too old")
	addr := c.RemoteAddr().String()
	if lost, err := net.Dial("tcp", addr); err == nil {
		defer lost.Close() //nolint:errcheck // it is reset
	}
	s.await("sign in to corp-ops?", "orders-prod  0 connections")
	s.enter("sign in to corp-ops?")
	b.confirm(t, make(chan error))
	s.await("○ idle", "tunnels")
	if err := echoed(t, addr).Close(); err != nil {
		t.Fatal(err)
	}
	s.press("q")
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestScreenSignsInByDevice writes a profile of an SSO portal from the form, signs in to it with a code that is confirmed from
// elsewhere, and sees how long that holds.
func TestScreenSignsInByDevice(t *testing.T) {
	b := newBox(t, sim.Options{})
	b.env = append(b.env, "SSH_CONNECTION=192.0.2.1 50000 192.0.2.2 22") // no browser at this end
	b.SignIns().SetApproval(api.ApproveAsk)
	s := b.screen(t, 110, 32)
	s.await("1 region ·")
	s.press("M-a")
	s.await("profile", "acme-dev-operator")
	s.press("a")
	s.await("add a profile")
	s.press("C-t")
	s.await("a role of an SSO portal")
	for _, text := range []string{"corp-ops", "corp", "777788889999", "Operator", "eu-west-1", "https://acme.awsapps.com/start", "eu-west-1"} {
		s.types(text)
		s.press("Down")
	}
	s.press("Enter")
	s.await("+[sso-session corp]", "+sso_account_id = 777788889999", "enter write")
	s.enter("enter write")
	s.await("› 777788889999  corp-ops", "○ signed out")
	s.press("s")
	s.await("Open this page", "/device?user_code=")
	never := make(chan error)
	b.confirm(t, never)
	s.await("› 777788889999  corp-ops", "● signed in")
	s.press("Escape")
	s.await("1 region ·")
	s.press("C-c")
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if who, stderr, code := b.run(t, "profiles", "whoami", "corp-ops"); code != 0 || !strings.Contains(who, "AWSReservedSSO_Operator_") {
		t.Errorf("exit code %d: %s%s", code, who, stderr)
	}
}
