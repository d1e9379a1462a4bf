package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/rdsx/rdsx/sim"
)

// temporaryKeys gives the profile of the staging account temporary keys of its user in the credentials file, as saml2aws and
// aws-vault do.
func (b *box) temporaryKeys(t *testing.T) {
	t.Helper()
	for _, a := range b.World().Accounts() {
		if a.ID != stagingPlace().Account {
			continue
		}
		for _, u := range a.Users {
			if u.Name != "ci" {
				continue
			}
			out, err := sts.New(sts.Options{
				Region: "eu-west-1", BaseEndpoint: sdk.String(b.URL()), Credentials: credentials.NewStaticCredentialsProvider(u.AccessKey, u.SecretKey, ""),
			}).GetSessionToken(t.Context(), &sts.GetSessionTokenInput{})
			if err != nil {
				t.Fatal(err)
			}
			path, section := filepath.Join(b.home(), ".aws", "credentials"), "["+staging+"]\n"
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			before, after, ok := strings.Cut(string(text), section)
			_, others, more := strings.Cut(after, "\n[")
			if more {
				others = "\n[" + others
			}
			keys := "aws_access_key_id = " + *out.Credentials.AccessKeyId + "\naws_secret_access_key = " + *out.Credentials.SecretAccessKey +
				"\naws_session_token = " + *out.Credentials.SessionToken + "\n"
			if err := os.WriteFile(path, []byte(before+section+keys+others), 0o600); err != nil || !ok {
				t.Fatal(ok, err)
			}
			return
		}
	}
	t.Fatal("the staging account has no such user")
}

// TestKeysRenewedInTheFile: the keys of a profile expire, and with them the way to a new websocket; what to do about it fits the
// profile. Once another program has written new ones the tunnel goes on by itself, its connection with it, and so do later ones
// that need a session of their own.
func TestKeysRenewedInTheFile(t *testing.T) {
	b := newBox(t, sim.Options{})
	b.reaches(t, echoName, echoServer(t))
	b.temporaryKeys(t)
	p := b.connect(t, echoName, "--profile", staging, "--via", "bastion-staging")
	c := echoed(t, p.local)
	b.ExpireKeys()
	b.CutClient("")
	ev := p.await(func(ev event) bool { return ev.Event == "link" && strings.Contains(ev.Text, "cannot resume") })
	if !strings.Contains(ev.Text, "have expired") || !strings.Contains(ev.Hint, "aws configure --profile "+staging) || strings.Contains(ev.Hint, "login") {
		t.Errorf("said %q, hint %q", ev.Text, ev.Hint)
	}
	b.temporaryKeys(t)
	p.await(func(ev event) bool { return strings.Contains(ev.Text, "resumed after") })
	if _, err := c.Write([]byte("y")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatalf("the connection has not lived through it: %v", err)
	}

	b.ExpireKeys()
	b.Terminate("", "it is too old")
	p.await(func(ev event) bool { return ev.Event == "session" && strings.Contains(ev.Text, "it is too old") })
	if lost, err := net.Dial("tcp", p.local); err == nil { // it is reset, perhaps before it is known to be there
		defer lost.Close() //nolint:errcheck // as above
	}
	ev = p.await(func(ev event) bool { return ev.Event == "session" && strings.Contains(ev.Text, "no session") })
	if !strings.Contains(ev.Hint, "aws configure --profile "+staging) {
		t.Errorf("said %q, hint %q", ev.Text, ev.Hint)
	}
	b.temporaryKeys(t)
	_ = echoed(t, p.local).Close()

	// Nothing was needed while the old ones expired and the new ones came.
	b.ExpireKeys()
	b.temporaryKeys(t)
	b.Terminate("", "it is older still")
	p.await(func(ev event) bool { return ev.Event == "session" && strings.Contains(ev.Text, "it is older still") })
	_ = echoed(t, p.local).Close()
}
