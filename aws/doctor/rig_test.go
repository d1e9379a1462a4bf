package doctor

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/world"
	"github.com/rdsx/rdsx/sim/world/iam"
)

const (
	home     = "111122223333"
	region   = "eu-west-1"
	bastion  = "i-0d000000000000001"
	bastions = "sg-0d0000000000000b0"
	dbs      = "sg-0d0000000000000d0"
	doors    = "sg-0d0000000000000e0"
	vpc      = "vpc-0d00000000000000a"
	subnet   = "subnet-0d0000000000000a1"
	nat      = "nat-0d00000000000000a"
)

// rig is a simulated AWS, a database behind it, and a user who examines it.
type rig struct {
	*testing.T
	sim     *sim.Sim
	options Options
	env     []string
	profile string
	admin   string // profile of who applies fixes
	banner  *server
}

// server is a database that says one thing to whoever asks.
type server struct {
	addr   string
	answer string // guarded by mu; "" for silence
	mu     sync.Mutex
}

func newServer(t *testing.T) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's listener
	if err != nil {
		t.Fatal(err)
	}
	s := &server{addr: l.Addr().String(), answer: "N"}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close() //nolint:errcheck // a test's connection
				if _, err := io.ReadFull(c, make([]byte, 8)); err == nil {
					s.mu.Lock()
					answer := s.answer
					s.mu.Unlock()
					_, _ = io.WriteString(c, answer)
					_, _ = io.Copy(io.Discard, c)
				}
			}()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return s
}

// say changes what it says from now on.
func (s *server) say(answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	return newRigWith(t, sim.Options{})
}

func newRigWith(t *testing.T, o sim.Options) *rig {
	t.Helper()
	w, err := world.Load(filepath.Join("testdata", "healthy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	o.World, o.DialLimit = w, time.Minute
	s, err := sim.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, sim: s, profile: "acme-operator", admin: "acme-admin", banner: newServer(t)}
	t.Cleanup(func() {
		if open := s.Sessions(); len(open) != 0 {
			t.Errorf("still open: %v", open)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := w.Serve("orders", r.banner.addr); err != nil {
		t.Fatal(err)
	}
	config, credentials, err := s.WriteConfig(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r.env = append(s.Env(config, credentials), "HOME="+t.TempDir())
	r.options = Options{
		Patience: 20 * time.Second, // of a loaded machine; the silent case has its own
		Local:    Local{LookPath: func(name string) (string, error) { return "/usr/bin/" + name, nil }},
	}
	r.options.Target = r.target
	return r
}

// target is the database as discovery would give it, as the world is now.
func (r *rig) target(context.Context) (aws.Target, error) {
	w := r.sim.World()
	reg := w.Region(home, region)
	d := reg.DBInstances[0]
	i := reg.Instances[0]
	db := aws.Database{
		ID: d.ID, Role: aws.RoleInstance, Engine: d.Engine, Endpoint: aws.Endpoint{Host: d.Endpoint, Port: d.Port}, Status: d.Status,
		VPC: vpc, Subnets: d.Subnets, Groups: d.Groups, Account: home, Region: region,
	}
	return aws.Target{
		Database: &db, Endpoint: db.Endpoint, Engine: d.Engine,
		Instance: aws.Instance{
			ID: i.ID, Name: i.Name, State: i.State, PingStatus: i.PingStatus, AgentVersion: i.AgentVersion, Platform: i.Platform, IP: i.IP, VPC: vpc, Subnet: i.Subnet,
			AZ: "eu-west-1a", Groups: i.Groups, Account: home, Region: region, Tags: i.Tags,
		},
	}, nil
}

// load is what the command line does with a profile.
func (r *rig) load(profile string) Options {
	o := r.options
	files := map[string]string{}
	for _, kv := range r.env {
		name, value, _ := strings.Cut(kv, "=")
		files[name] = value
	}
	o.Config, o.Account, _, o.LoadError = account.Load(r.Context(), account.Options{
		Profile: profile, Env: r.env, MFA: func(context.Context, string, bool) (string, error) { return r.sim.World().MFACode(), nil },
	})
	o.Local.Env = append(r.env, o.Local.Env...)
	text, err := os.ReadFile(files["AWS_CONFIG_FILE"])
	if err != nil {
		r.Fatal(err)
	}
	keys := sectionOf(string(text), profile)
	if keys["role_arn"] == "" {
		return o
	}
	a := Assumed{Profile: profile, ARN: keys["role_arn"], MFASerial: keys["mfa_serial"], ExternalID: keys["external_id"]}
	a.Source, _, _, a.SourceErr = account.Load(r.Context(), account.Options{Profile: keys["source_profile"], Env: r.env})
	o.Assumes = &a
	return o
}

func sectionOf(text, profile string) map[string]string {
	keys := map[string]string{}
	_, rest, _ := strings.Cut(text, "[profile "+profile+"]\n")
	rest, _, _ = strings.Cut(rest, "\n[")
	for line := range strings.Lines(rest) {
		if name, value, found := strings.Cut(line, " = "); found {
			keys[name] = strings.TrimSpace(value)
		}
	}
	return keys
}

// setKey edits the profile in the config file, as rdsx profiles edit would.
func (r *rig) setKey(profile, key, value string) {
	r.Helper()
	path := ""
	for _, kv := range r.env {
		if v, found := strings.CutPrefix(kv, "AWS_CONFIG_FILE="); found {
			path = v
		}
	}
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		r.Fatal(err)
	}
	header := "[profile " + profile + "]\n"
	before, after, _ := strings.Cut(string(text), header)
	line := ""
	if value != "" {
		line = key + " = " + value + "\n"
	}
	body, rest, _ := strings.Cut(after, "\n[")
	var kept strings.Builder
	for l := range strings.Lines(body) {
		if !strings.HasPrefix(l, key+" = ") {
			kept.WriteString(l)
		}
	}
	if err := os.WriteFile(path, []byte(before+header+line+kept.String()+"\n["+rest), 0o600); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) run() Report {
	r.Helper()
	return Run(r.Context(), r.load(r.profile), nil)
}

// Edits of the world.

func (r *rig) region(change func(*world.Region)) {
	r.Helper()
	if err := r.sim.World().Update(world.Place{Account: home, Region: region}, change); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) instance(change func(*world.Instance)) {
	r.Helper()
	if err := r.sim.World().UpdateInstance(bastion, change); err != nil {
		r.Fatal(err)
	}
}

// offline is what becomes of an agent that something has cut off.
func (r *rig) offline() {
	r.Helper()
	r.instance(func(i *world.Instance) { i.PingStatus, i.LastPing = "ConnectionLost", time.Hour })
}

func (r *rig) account(change func(*world.Account)) {
	r.Helper()
	if err := r.sim.World().UpdateAccount(home, func(a *world.Account) error { change(a); return nil }); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) role(name string, change func(*world.Role)) {
	r.Helper()
	r.account(func(a *world.Account) {
		for i := range a.Roles {
			if a.Roles[i].Name == name {
				change(&a.Roles[i])
			}
		}
	})
}

func (r *rig) group(id string, change func(*world.SecurityGroup)) {
	r.Helper()
	r.region(func(reg *world.Region) {
		for i := range reg.SecurityGroups {
			if reg.SecurityGroups[i].ID == id {
				change(&reg.SecurityGroups[i])
			}
		}
	})
}

func parsePolicy(t *testing.T, text string) iam.Policy {
	t.Helper()
	p, err := iam.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
