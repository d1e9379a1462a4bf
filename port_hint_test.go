package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/sim"
)

// TestPortHintOpensTheSame: what to type when the port is taken is what was typed, but for the port: anything less is another
// database.
func TestPortHintOpensTheSame(t *testing.T) {
	b := newBox(t, sim.Options{})
	port := takenPort(t)
	via := b.carrier(t)
	const free = `\d+`
	for typed, want := range map[string]string{
		"connect " + echoName + " --profile default --region eu-west-1 --via " + via + " --port " + port + " --bind 127.0.0.1": "rdsx connect " + echoName + " --profile default --region eu-west-1 --via " + via + " --bind 127.0.0.1 --port " + free,
		"connect --port=" + port + " orders-prod:reader --profile acme-prod-oncall --via bastion-a":                            "rdsx connect orders-prod:reader --profile acme-prod-oncall --via bastion-a --port " + free,
		"exec --via " + via + " " + echoName + " --port " + port + " -- true":                                                  "rdsx exec --via " + via + " " + echoName + " --port " + free + " -- true",
		"exec " + echoName + " --via " + via + " --port " + port + " -- sh -c :;hushhush --port " + port:                       "rdsx exec " + echoName + " --via " + via + " --port " + free + " -- sh …",
		"connect " + echoName + " --via " + via + " --reason it's --mfa-code 123456 --no-input --port " + port:                 "rdsx connect " + echoName + ` --via ` + via + ` --reason 'it'\\''s' --mfa-code MFA-CODE --no-input --port ` + free,
	} {
		_, stderr, code := b.run(t, strings.Fields(typed)...)
		if code != 1 || !regexp.MustCompile(`(?m)^hint: `+want+`$`).MatchString(stderr) {
			t.Errorf("rdsx %s: code %d, %s; want the hint %s", typed, code, stderr, want)
		}
	}
	if n := len(b.AllSessions()); n != 0 {
		t.Errorf("%d sessions were started for a port that cannot be had", n)
	}
}

// TestPortHintOfUp: a target of a set has its port in the configuration, so that is where it gets another one.
func TestPortHintOfUp(t *testing.T) {
	b := shop(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	config := fmt.Sprintf("targets:\n  %q: {via: dev-box, port: %d}\n", echoName, l.Addr().(*net.TCPAddr).Port)
	if err := os.WriteFile(filepath.Join(b.home(), "config", "rdsx", "config.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := b.run(t, "up", echoName)
	if code != 1 || !strings.HasSuffix(stderr, "\nhint: give it another port under targets: in config.yaml\n") {
		t.Errorf("code %d, %s", code, stderr)
	}
}
