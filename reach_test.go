package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/rdsx/rdsx/sim"
)

// TestConnectFollowsTheRules: the instance that the rules let through is taken before the nearer one, and where a rule keeps
// the only one out, that rule and its remedy are said before the attempt, which is made all the same.
func TestConnectFollowsTheRules(t *testing.T) {
	b := newBox(t, sim.Options{})
	p := b.start(t, "fraud-prod", "--profile", "acme-prod-oncall", "--port", "0")
	if ev := p.await(func(ev event) bool { return strings.Contains(ev.Text, "starting a session on") }); !strings.Contains(ev.Text, "app-1") {
		t.Errorf("the application's group alone is let in: %s", ev.Text)
	}
	p.await(func(ev event) bool { return ev.State == "idle" })
	if code := p.stop(syscall.SIGINT); code != 130 && code != 0 {
		t.Errorf("exit code %d", code)
	}
	if sessions := b.Sessions(); len(sessions) > 0 {
		t.Errorf("still open: %+v", sessions)
	}
	if strings.Contains(p.stderr.String(), "warning") {
		t.Errorf("stderr: %s", p.stderr)
	}

	fenced := b.start(t, "search-staging", "--profile", "acme-staging-ci", "--port", "0")
	ev := fenced.await(func(ev event) bool { return strings.Contains(ev.Text, "starting a session on") })
	if !strings.Contains(ev.Text, "bastion-staging") {
		t.Errorf("%s", ev.Text)
	}
	fenced.await(func(ev event) bool { return ev.State == "idle" })
	fenced.stop(syscall.SIGINT)
	for _, want := range []string{
		"warning: bastion-staging i-05000000000000001 does not seem to reach it: acl: tcp/3306 into subnet-050000000000000a4 is denied for 10.30.0.",
		"hint: add to acl-05000000000000fe1: inbound rule", "aws ec2 create-network-acl-entry --network-acl-id acl-05000000000000fe1 --ingress",
	} {
		if !strings.Contains(fenced.stderr.String(), want) {
			t.Errorf("stderr lacks %q: %s", want, fenced.stderr)
		}
	}
}

// TestFraudGoesThroughTheApp: the list names the same instance as connect takes, and the path that decides it.
func TestFraudGoesThroughTheApp(t *testing.T) {
	b := newBox(t, sim.Options{})
	out, _, code := b.run(t, "ls", "--profile", "acme-prod-oncall")
	if code != 0 || !strings.Contains(out, "● i-0a000000000000003") {
		t.Errorf("code %d\n%s", code, out)
	}
	out, _, _ = b.run(t, "ls", "--profile", "acme-staging-ci")
	if !strings.Contains(out, "✗ i-05000000000000001  acl: tcp/3306 into subnet-050000000000000a4 is denied") {
		t.Errorf("%s", out)
	}
}
