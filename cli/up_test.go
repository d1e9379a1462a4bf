package cli

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws"
)

func names(wishes []wish) string {
	var out []string
	for _, w := range wishes {
		out = append(out, w.name+"/"+w.set)
	}
	return strings.Join(out, " ")
}

// TestWhichTunnels: a set's name is its targets, each is opened once, and without a name it is the only set or the default one.
func TestWhichTunnels(t *testing.T) {
	two := settings{tunnels: map[string][]string{"shop": {"a", "b:reader"}, "all": {"b:reader", "c"}}}
	one := settings{tunnels: map[string][]string{"shop": {"a"}}}
	def := settings{tunnels: map[string][]string{"shop": {"a"}, "default": {"d", "shop"}}}
	for _, c := range []struct {
		s    settings
		args string
		want string
	}{
		{two, "shop", "a/shop b:reader/shop"},
		{two, "shop all x:1", "a/shop b:reader/shop c/all x:1/"},
		{two, "c all a a", "c/ b:reader/all a/"},
		{one, "", "a/shop"},
		{def, "", "d/default shop/default"}, // sets are not nested
		{noSettings(), "shop", "shop/"},
	} {
		got, err := c.s.wishes(strings.Fields(c.args), connectFlags{}, "config.yaml")
		if err != nil || names(got) != c.want {
			t.Errorf("up %s: %s, %v; want %s", c.args, names(got), err, c.want)
		}
	}
	for says, s := range map[string]settings{"which of all, shop?": two, "no set of tunnels": noSettings()} {
		if _, err := s.wishes(nil, connectFlags{}, "config.yaml"); !errors.Is(err, aws.ErrUsage) || !strings.Contains(err.Error(), says) || aws.NextOf(err) == "" {
			t.Errorf("without a name: %v, want a usage error with %q and what to type", err, says)
		}
	}
}

// TestSettingsOfATunnel: what the command line says goes before what the configuration says of the target.
func TestSettingsOfATunnel(t *testing.T) {
	s := settings{
		targets: map[string]targetSettings{"a": {port: 1, via: "i-1", profile: "prod", region: "eu-west-1", tuning: tuning{sessions: "2"}}},
		tunnels: map[string][]string{"shop": {"a", "b"}},
	}
	got, err := s.wishes([]string{"shop"}, connectFlags{via: "i-2"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if f := got[0].flags; f.port != 1 || f.via != "i-2" || f.sessions != "2" || got[1].flags.port != 0 {
		t.Errorf("flags %+v", got)
	}
	for _, c := range []struct {
		flags           globalFlags
		profile, region string
	}{
		{globalFlags{}, "prod", "eu-west-1"},
		{globalFlags{profile: "dev"}, "dev", "eu-west-1"},
		{globalFlags{region: "us-east-1"}, "prod", "us-east-1"},
		{globalFlags{many: manyFlags{group: "g", regions: "a,b"}}, "", ""},
		{globalFlags{many: manyFlags{all: true}}, "", "eu-west-1"},
	} {
		at := (&app{flags: c.flags}).at(got[0].settings)
		if at.flags.profile != c.profile || at.flags.region != c.region {
			t.Errorf("%+v: profile %q in %q, want %q in %q", c.flags, at.flags.profile, at.flags.region, c.profile, c.region)
		}
	}
}

func TestTwoWantOnePort(t *testing.T) {
	wishes := []wish{{name: "a"}, {name: "b", flags: connectFlags{port: 5}}, {name: "c"}, {name: "d", flags: connectFlags{port: 5}}}
	if err := samePort(wishes); !errors.Is(err, aws.ErrUsage) || !strings.Contains(err.Error(), "b and d both want the local port 5") {
		t.Errorf("%v", err)
	}
	if err := samePort(wishes[:3]); err != nil {
		t.Error(err)
	}
}

// TestPortsOfOthers: a port that another tunnel is to have is not taken by chance.
func TestPortsOfOthers(t *testing.T) {
	free := freePort(t.Context(), "", 20000, nil)
	if got := freePort(t.Context(), "", 20000, []int{free, free + 1}); got == free || got == free+1 || got < free {
		t.Errorf("got %d, which another one is to have: %d and the next", got, free)
	}
}

func TestCalled(t *testing.T) {
	x := openTunnel{Name: "billing:reader", Set: "shop", Database: "billing", Endpoint: "b.example:5432", Local: "127.0.0.1:15432"}
	for _, name := range []string{"billing:reader", "shop", "billing", "b.example:5432", "b.example", "127.0.0.1:15432", ":15432"} {
		if !x.called(name) {
			t.Errorf("%s does not name %+v", name, x)
		}
	}
	for _, name := range []string{"", ":", ":5432", "bill", "15432", "127.0.0.1"} {
		if x.called(name) {
			t.Errorf("%q names %+v", name, x)
		}
	}
	if (openTunnel{Name: "a", Local: "/run/s"}).called("") {
		t.Error("nothing names a tunnel without a set")
	}
}

// TestNothingNewOnTheCommandLine: the process of its own is told what this one was, but no code of an MFA device, which is used
// up, nothing of the environment, which it has as well, and nothing that would make it detach again.
func TestNothingNewOnTheCommandLine(t *testing.T) {
	a := &app{Process: Process{Name: "rdsx", Env: []string{"RDSX_ENDPOINT_URL=https://user:hidden@proxy"}}}
	root := a.root()
	cmd, args, err := root.Find([]string{"up", "-d", "--json", "--mfa-code", "123456", "--via=bastion", "--profile", "prod", "shop"})
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	if err := a.fromEnv(cmd.Flags()); err != nil || a.flags.endpointURL == "" {
		t.Fatalf("the environment says nothing: %v", err)
	}
	got, err := a.anew(cmd.Flags(), cmd.Flags().Args(), "/run/x.up", map[string]error{"b": nil})
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Join(got.Args, " ")
	for _, want := range []string{"rdsx up ", " --detach=false ", " --json=false ", " --no-input=true ", " --report=/run/x.up ", " --via=bastion ", " --profile=prod ", " --without=b "} {
		if !strings.Contains(line, want) {
			t.Errorf("%q lacks %q", line, want)
		}
	}
	if strings.Contains(line, "123456") || strings.Contains(line, "hidden") || strings.Contains(line, "--json=true") || !strings.HasSuffix(line, " -- shop") || !slices.Equal(got.Env, a.Env) {
		t.Errorf("%q in %v", line, got.Env)
	}
}
