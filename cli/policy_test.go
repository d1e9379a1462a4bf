package cli

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws/setup"
	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/api"
	"github.com/rdsx/rdsx/sim/world"
	"github.com/rdsx/rdsx/sim/world/iam"
)

// policyRig is a simulated AWS whose user mika has one policy: what rdsx says that a command needs.
type policyRig struct {
	*sim.Sim
	t    *testing.T
	env  []string
	echo net.Listener
	kept []api.Asked // what a scenario says was asked, when other commands had to run as well
}

const ciARN = "arn:aws:iam::444455556666:user/ci"

func newPolicyRig(t *testing.T, policies ...setup.Policy) *policyRig {
	t.Helper()
	box, err := sim.Start(t.Context(), sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	config, credentials, err := box.WriteConfig(home)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &policyRig{Sim: box, t: t, echo: l, env: append(box.Env(config, credentials), "HOME="+home, "TMPDIR="+home, "XDG_CONFIG_HOME="+filepath.Join(home, "none"), "AWS_PROFILE=acme-staging-ci", "PATH="+os.Getenv("PATH"))}
	t.Cleanup(func() {
		_ = l.Close()
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	go serveEcho(l)
	r.furnish(policies)
	return r
}

// furnish gives the user its policies, the account a Session document, and the databases somebody who answers.
func (r *policyRig) furnish(policies []setup.Policy) {
	t, w := r.t, r.World()
	t.Helper()
	r.allow(policies)
	billing, _ := w.Find("billing-staging")
	err := w.Update(world.Place{Account: "444455556666", Region: "eu-west-1"}, func(region *world.Region) {
		region.Documents = append(region.Documents, world.Document{
			Name: "Acme-Billing", Parameters: []world.Parameter{{Name: "localPortNumber", Default: "0"}},
			Properties: map[string]string{"type": "LocalPortForwarding", "host": billing.Host, "portNumber": "5432", "localPortNumber": "{{ localPortNumber }}"},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"billing-staging", "orders-staging"} {
		if err := w.Serve(id, r.echo.Addr().String()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.SetDial("echo.internal:7000", r.echo.Addr().String()); err != nil {
		t.Fatal(err)
	}
}

// allow gives the user these policies and no others.
func (r *policyRig) allow(policies []setup.Policy) {
	r.t.Helper()
	err := r.World().UpdateAccount("444455556666", func(a *world.Account) error {
		for i := range a.Users {
			if a.Users[i].Name == "ci" {
				a.Users[i].Policies = nil
				for _, p := range policies {
					a.Users[i].Policies = append(a.Users[i].Policies, parsed(r.t, p))
				}
			}
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// parsed is a policy as the simulated IAM reads it.
func parsed(t *testing.T, p setup.Policy) iam.Policy {
	t.Helper()
	one, err := iam.Parse([]byte(p.Text(setup.Place{})))
	if err != nil {
		t.Fatal(err)
	}
	return one
}

func serveEcho(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			b := make([]byte, 64)
			for {
				n, err := c.Read(b)
				if _, werr := c.Write(b[:n]); err != nil || werr != nil {
					_ = c.Close()
					return
				}
			}
		}()
	}
}

// run runs a command to its end and returns its code and what it said.
func (r *policyRig) run(args ...string) (int, string) {
	r.t.Helper()
	var out, talk bytes.Buffer
	code := Run(r.t.Context(), Process{Args: args, Env: r.env, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &talk})
	return code, out.String() + talk.String()
}

// tunnel opens a tunnel, does something with it and ends it.
func (r *policyRig) tunnel(use func(local string), args ...string) (code int) {
	r.t.Helper()
	ctx, stop := context.WithTimeout(r.t.Context(), time.Minute)
	defer stop()
	out, in, err := os.Pipe()
	if err != nil {
		r.t.Fatal(err)
	}
	defer out.Close()
	var talk bytes.Buffer
	done := make(chan int, 1)
	go func() {
		code := Run(ctx, Process{Args: append([]string{"connect", "--json"}, args...), Env: r.env, Stdin: strings.NewReader(""), Stdout: in, Stderr: &talk})
		_ = in.Close()
		done <- code
	}()
	opened := regexp.MustCompile(`"state":"(idle|open)".*"local":"([^"]+)"|"local":"([^"]+)".*"state":"(idle|open)"`)
	text, b, used := "", make([]byte, 4096), false
	for {
		n, err := out.Read(b)
		text += string(b[:n])
		if m := opened.FindStringSubmatch(text); m != nil && !used {
			used = true
			use(m[2] + m[3])
			stop()
		}
		if err != nil {
			break
		}
	}
	if code = <-done; !used {
		r.t.Fatalf("connect %v: code %d: %s%s", args, code, text, talk.String())
	}
	return code
}

// asked is what the policies of the user were asked, without what needs no permission. Roles that it assumed have their own.
func (r *policyRig) asked() []api.Asked {
	return slices.DeleteFunc(r.Asked(), func(a api.Asked) bool { return a.Principal != ciARN || a.Request.Action == "sts:GetCallerIdentity" })
}

// open opens a tunnel to a database that is answered by an echo. The engine is unknown to rdsx, so that no greeting is awaited.
func (r *policyRig) open(break_ bool, args ...string) {
	r.t.Helper()
	code := r.tunnel(func(local string) {
		conn, err := net.Dial("tcp", local)
		if err != nil {
			r.t.Error(err)
			return
		}
		defer conn.Close()
		echoes := func() {
			b := []byte{'x'}
			if _, err := conn.Write(b); err != nil {
				r.t.Error(err)
			} else if _, err = io.ReadFull(conn, b); err != nil {
				r.t.Errorf("nothing came back: %v", err)
			}
		}
		echoes()
		if break_ { // the session goes on with a new websocket
			r.CutClient("")
			echoes()
		}
	}, args...)
	if code != exitInterrupted {
		r.t.Errorf("connect %v ended with code %d", args, code)
	}
}

// scenarios do with each command what makes it call all that it calls.
func (r *policyRig) scenarios() map[string]func() {
	const target = "echo.internal:7000"
	must := func(args ...string) {
		r.t.Helper()
		if code, said := r.run(args...); code != 0 {
			r.t.Errorf("rdsx %v: code %d: %s", args, code, said)
		}
	}
	return map[string]func(){
		"ls": func() { must("ls") },
		"connect": func() {
			r.open(true, target, "--via", "bastion-staging")
			r.open(false, "billing-staging", "--document", "Acme-Billing", "--via", "bastion-staging")
			r.open(false, "orders-staging")
		},
		"exec": func() { must("exec", "orders-staging", "--", "true") },
		"sessions": func() {
			everything := setup.Policy{{Actions: []string{"*"}, Resources: []string{"*"}}}
			least, err := setup.Least([]string{"sessions"}, setup.Scope{})
			if err != nil {
				r.t.Fatal(err)
			}
			r.allow([]setup.Policy{everything})
			r.tunnel(func(string) {
				r.allow([]setup.Policy{least})
				r.Asked()
				must("sessions", "--mine", "--terminate", "--yes")
				r.kept = r.asked()
				r.allow([]setup.Policy{everything})
			}, target, "--via", "bastion-staging")
		},
		"doctor":   func() { r.run("doctor", "billing-staging") }, // its findings are its own matter
		"setup":    func() { must("setup", "all", "--database", "billing-staging", "--operator", "ci") },
		"profiles": func() { must("profiles", "whoami") },
	}
}

// TestLeastPolicyIsEnoughAndNoMore runs each command as a user who may do what rdsx policy prints for it. Nothing may be refused,
// and everything that the command always needs must have been asked for: no permission is there for nothing.
func TestLeastPolicyIsEnoughAndNoMore(t *testing.T) {
	for _, command := range setup.Commands() {
		if command.Name == "screen" {
			continue // needs a terminal; its calls are those of connect and the session limits
		}
		t.Run(command.Name, func(t *testing.T) {
			scope := setup.Scope{}
			least, err := setup.Least([]string{command.Name}, scope)
			if err != nil {
				t.Fatal(err)
			}
			policies := []setup.Policy{least}
			if command.Name == "connect" { // once through a document of the account
				own, err := setup.Least([]string{command.Name}, setup.Scope{Documents: []string{"Acme-Billing"}})
				if err != nil {
					t.Fatal(err)
				}
				policies = append(policies, own)
			}
			r := newPolicyRig(t, policies...)
			run, ok := r.scenarios()[command.Name]
			if !ok {
				t.Fatalf("there is no scenario of %s: the test proves nothing of it", command.Name)
			}
			run()
			asked := r.kept
			if asked == nil {
				asked = r.asked()
			}
			for _, a := range asked {
				if a.Denied {
					t.Errorf("%s on %s was refused", a.Request.Action, a.Request.Resource)
				}
			}
			for _, c := range command.Calls {
				if c.When == "" && c.On != setup.Free && !used(t, asked, command.Name, c) {
					t.Errorf("%s on %s is allowed, and was never asked for", c.Action, c.On)
				}
			}
		})
	}
}

// used says whether the statement that allows a call allowed one of those that were made.
func used(t *testing.T, asked []api.Asked, command string, c setup.Call) bool {
	t.Helper()
	for _, scope := range []setup.Scope{{}, {Documents: []string{"Acme-Billing"}}} {
		least, err := setup.Least([]string{command}, scope)
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range least {
			st.Actions = slices.DeleteFunc(slices.Clone(st.Actions), func(a string) bool { return a != c.Action })
			if len(st.Actions) == 0 || st.Sid != sidOf(t, command, c, scope) {
				continue
			}
			p := parsed(t, setup.Policy{st})
			if slices.ContainsFunc(asked, func(a api.Asked) bool { return iam.Decide([]iam.Policy{p}, a.Request) == iam.Allow }) {
				return true
			}
		}
	}
	return false
}

// sidOf is the statement that a call is in: an action can be in two.
func sidOf(t *testing.T, command string, c setup.Call, scope setup.Scope) string {
	t.Helper()
	for _, st := range scope.StatementsFor(c) {
		return st.Sid
	}
	t.Fatalf("%s: no statement for %s", command, c.Action)
	return ""
}

// TestEveryConditionBites: what the narrow policy of a tagged instance and one document refuses.
func TestEveryConditionBites(t *testing.T) {
	narrow, err := setup.Least([]string{"connect"}, setup.Scope{Tag: "bastion", Documents: []string{"Acme-Billing"}})
	if err != nil {
		t.Fatal(err)
	}
	r := newPolicyRig(t, narrow)
	r.open(false, "billing-staging", "--document", "Acme-Billing", "--via", "bastion-staging")
	for name, args := range map[string][]string{
		"AWS's document":       {"connect", "echo.internal:7000", "--via", "bastion-staging"},
		"an untagged instance": {"connect", "billing-staging", "--document", "Acme-Billing", "--via", "i-05000000000000002"},
	} {
		if code, said := r.run(args...); code != exitRefused {
			t.Errorf("%s: code %d: %s", name, code, said)
		}
	}
}
