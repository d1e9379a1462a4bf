package main

import (
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/world"
)

// greeter is a database that says one thing to whoever has said eight bytes.
func greeter(t *testing.T, says string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's listener
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close() //nolint:errcheck // a test's connection
				if _, err := io.ReadFull(c, make([]byte, 8)); err == nil {
					_, _ = io.WriteString(c, says)
					_, _ = io.Copy(io.Discard, c)
				}
			}()
		}
	}()
	return l.Addr().String()
}

// ready runs rdsx connect, with the probe, up to the local address, and returns what was said of the server before or after.
func (b *box) ready(t *testing.T, args ...string) (p *proc, before []event) {
	t.Helper()
	b.env = append(b.env, "RDSX_NO_PROBE=false")
	p = b.start(t, args...)
	p.await(func(ev event) bool {
		before = append(before, ev)
		return ev.Event == "state" && ev.State == "idle"
	})
	return p, before
}

func said(events []event) (text, hint string) {
	for _, ev := range events {
		if ev.Event == "server" {
			return ev.Text, ev.Hint
		}
	}
	return "", ""
}

func TestProbeTellsTheServer(t *testing.T) {
	t.Parallel()
	b := newBox(t, sim.Options{})
	if err := b.World().Serve("orders-dev", greeter(t, "N")); err != nil {
		t.Fatal(err)
	}
	p, before := b.ready(t, "orders-dev")
	for _, ev := range before {
		if ev.Event == "conn_opened" {
			t.Error("the probe is counted as a connection of the user's")
		}
	}
	text, _ := said(before)
	if text == "" {
		text = p.await(func(ev event) bool { return ev.Event == "server" }).Text
	}
	if text != "PostgreSQL" {
		t.Errorf("the server is said to be %q", text)
	}
	if code := p.stop(syscall.SIGINT); code != 130 {
		t.Errorf("exit code %d", code)
	}
}

func TestProbeOfWhatRefuses(t *testing.T) {
	t.Parallel()
	b := newBox(t, sim.Options{})
	if err := b.World().Serve("orders-dev", world.Refused); err != nil {
		t.Fatal(err)
	}
	p, before := b.ready(t, "orders-dev")
	if text, hint := said(before); !strings.Contains(text, "refuses connections") || !strings.Contains(hint, "rdsx doctor orders-dev") {
		t.Errorf("before the address is told: %q, hint %q", text, hint)
	}
	p.stop(syscall.SIGINT)
}

func TestProbeOfWhatIsSomethingElse(t *testing.T) {
	t.Parallel()
	b := newBox(t, sim.Options{})
	if err := b.World().Serve("orders-dev", greeter(t, "HTTP/1.1 400 Bad Request\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	p, before := b.ready(t, "orders-dev")
	if text, _ := said(before); !strings.Contains(text, "not as PostgreSQL") {
		t.Errorf("before the address is told: %q", text)
	}
	p.stop(syscall.SIGINT)
}

// TestProbeOfSilence closes the database's security group: the tunnel is called ready only with the rule that is missing, and a
// connection that is made once the rule is there goes through, although the agent's first dial still hangs.
func TestProbeOfSilence(t *testing.T) {
	t.Parallel()
	b := newBox(t, sim.Options{})
	if err := b.World().Serve("orders-dev", greeter(t, "N")); err != nil {
		t.Fatal(err)
	}
	at := world.Place{Account: "111122223333", Region: "eu-west-1"}
	ingress := func(rules ...world.Rule) {
		if err := b.World().Update(at, func(r *world.Region) {
			for i := range r.SecurityGroups {
				if r.SecurityGroups[i].ID == "sg-0d0000000000000d0" {
					r.SecurityGroups[i].Ingress = rules
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	ingress()
	p, before := b.ready(t, "orders-dev")
	text, hint := said(before)
	for _, want := range []string{"does not answer within", "no ingress rule allows tcp/5432"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in %q", want, text)
		}
	}
	if !strings.HasPrefix(hint, "aws ec2 authorize-security-group-ingress --group-id sg-0d0000000000000d0 ") {
		t.Errorf("hint: %q", hint)
	}
	ingress(world.Rule{Protocol: "tcp", From: 5432, To: 5432, Group: "sg-0d0000000000000b0"})
	c, err := net.Dial("tcp", before[len(before)-1].Local) //nolint:noctx // to rdsx on this machine
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // a test's connection
	if _, err := io.WriteString(c, "\x00\x00\x00\x08\x04\xd2\x16\x2f"); err != nil {
		t.Fatal(err)
	}
	one := make([]byte, 1)
	if _, err := io.ReadFull(c, one); err != nil || one[0] != 'N' {
		t.Errorf("after the rule is there: %q %v", one, err)
	}
	p.stop(syscall.SIGINT)
}

// TestProbeOfANameThatDoesNotResolve: AWS reports success before the agent has looked the name up. Nothing is called ready.
func TestProbeOfANameThatDoesNotResolve(t *testing.T) {
	t.Parallel()
	b := newBox(t, sim.Options{})
	b.env = append(b.env, "RDSX_NO_PROBE=false")
	if err := b.World().Serve("orders-dev", world.Unresolvable); err != nil {
		t.Fatal(err)
	}
	out, talk, code := b.run(t, "connect", "orders-dev")
	if code != 5 || out != "" || !strings.Contains(talk, "not resolved at the instance") {
		t.Errorf("code %d, stdout %q, stderr %q", code, out, talk)
	}
}
