package cli

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParseSettings(t *testing.T) {
	got, err := parseSettings("config.yaml", []byte(`
# of the shop team
targets:
  orders-prod: {document: rdsx-orders-prod, port: 15432, via: bastion}
  "cache.internal:6379":
    via: i-0a000000000000001
  orders-us: {profile: prod, region: us-east-1}
tunnels:
  shop: [orders-prod, "billing:reader"]
groups:
  shop: [shop-dev, shop-prod]
  all: &all
    - shop-dev
  same: *all
`))
	if err != nil {
		t.Fatal(err)
	}
	want := settings{
		targets: map[string]targetSettings{
			"orders-prod":         {document: "rdsx-orders-prod", port: 15432, via: "bastion"},
			"cache.internal:6379": {via: "i-0a000000000000001"},
			"orders-us":           {profile: "prod", region: "us-east-1"},
		},
		tunnels: map[string][]string{"shop": {"orders-prod", "billing:reader"}},
		groups:  map[string][]string{"shop": {"shop-dev", "shop-prod"}, "all": {"shop-dev"}, "same": {"shop-dev"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	for _, empty := range []string{"", "# nothing\n", "targets:\n", "targets: {}\ngroups: ~\ntunnels:\n", "---\n"} {
		if got, err := parseSettings("config.yaml", []byte(empty)); err != nil || len(got.targets)+len(got.groups)+len(got.tunnels) > 0 {
			t.Errorf("%q: %+v, %v", empty, got, err)
		}
	}
}

func TestParseSettingsSaysTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"target:\n  a: {}\n":                         `c.yaml:1: the file has the unknown key "target"; it takes targets, groups, tunnels`,
		"targets:\n  a:\n    port: 1\n    prot: 2\n": `c.yaml:4: target "a" has the unknown key "prot"; it takes document, port, via, profile, region`,
		"targets:\n  a: {port: 0}\n":                 `c.yaml:2: port "0" of target "a" is not 1 to 65535`,
		"targets:\n  a: {port: pg}\n":                `c.yaml:2: port "pg"`,
		"targets:\n  a: {via: [x]}\n":                `c.yaml:2: via of target "a" is not a single value`,
		"targets:\n  a: {}\n  a: {}\n":               `c.yaml:3: targets has "a" twice`,
		"targets: [a]\n":                             `c.yaml:1: targets is not a mapping`,
		"groups:\n  g: one\n":                        `c.yaml:2: group "g" is not a list`,
		"groups:\n  g: []\n":                         `c.yaml:2: group "g" is empty`,
		"groups:\n  g:\n    - {}\n":                  `c.yaml:3: group "g" holds something`,
		"tunnels:\n  t: orders\n":                    `c.yaml:2: set "t" is not a list of targets`,
		"tunnels:\n  t: []\n":                        `c.yaml:2: set "t" is empty`,
		"tunnels:\n  t: [a, [b]]\n":                  `c.yaml:2: set "t" holds something that is not a target's name`,
		"a: b: c\n":                                  `c.yaml: yaml: mapping values are not allowed`,
		"targets: {}\n---\ngroups: {}\n":             `c.yaml: more than one YAML document`,
	} {
		if _, err := parseSettings("c.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// TestSettingsOfUserAndTeam: the nearest .rdsx.yaml above the working directory counts, and the user's own file goes first.
func TestSettingsOfUserAndTeam(t *testing.T) {
	root := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(".rdsx.yaml", "targets: {far: {port: 1}}\n")
	write("repo/.rdsx.yaml", "targets: {orders: {port: 1, via: team}, billing: {port: 2}}\ngroups: {g: [team]}\ntunnels: {a: [x], b: [y]}\n")
	write("home/rdsx/config.yaml", "targets: {orders: {port: 3}}\ntunnels: {b: [z]}\n")
	write("repo/a/b/file", "")
	t.Chdir(filepath.Join(root, "repo", "a", "b"))
	a := &app{Process: Process{Env: []string{"XDG_CONFIG_HOME=" + filepath.Join(root, "home")}}}
	got, err := a.settings()
	if err != nil {
		t.Fatal(err)
	}
	want := settings{
		targets: map[string]targetSettings{"orders": {port: 3}, "billing": {port: 2}},
		groups:  map[string][]string{"g": {"team"}},
		tunnels: map[string][]string{"a": {"x"}, "b": {"z"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	write("home/rdsx/config.yaml", "x: 1\n")
	if _, err := a.settings(); err == nil || !strings.Contains(err.Error(), filepath.Join("rdsx", "config.yaml")+":1: ") {
		t.Errorf("a mistake in the user's file: %v", err)
	}
}

// FuzzParseSettings: no text makes the reader panic, and what it takes is within its bounds.
func FuzzParseSettings(f *testing.F) {
	f.Add([]byte("targets: {a: {document: d, port: 1, via: v}}\ngroups: {g: [p]}\n"))
	f.Add([]byte("tunnels: {t: [a, b]}\n"))
	f.Add([]byte("a: &x {b: *x}\ntargets: *x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseSettings("f", text)
		if err != nil {
			return
		}
		for name, target := range s.targets {
			if name == "" || target.port < 0 || target.port > 65535 {
				t.Errorf("target %q: %+v", name, target)
			}
		}
		for name, group := range s.groups {
			if name == "" || len(group) == 0 {
				t.Errorf("group %q: %v", name, group)
			}
		}
		for name, set := range s.tunnels {
			if name == "" || len(set) == 0 {
				t.Errorf("set %q: %v", name, set)
			}
		}
	})
}
