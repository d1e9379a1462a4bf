package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/rdsx/rdsx/aws"
)

// settings is what the two configuration files say: the user's config.yaml and the .rdsx.yaml that a team keeps beside its code.
type settings struct {
	targets map[string]targetSettings // by what is typed behind connect, or by the database's identifier
	groups  map[string][]string       // profiles by the group's name, in the order in which they are written
	tunnels map[string][]string       // targets by the set's name, in the order in which they are written
}

func noSettings() settings {
	return settings{targets: map[string]targetSettings{}, groups: map[string][]string{}, tunnels: map[string][]string{}}
}

// targetSettings holds for one target where the command line says nothing.
type targetSettings struct {
	document string // Session document, name or ARN
	port     int    // local; 0 when it is left out
	via      string // instance, id or Name tag
	profile  string // where it is, when that is not where --profile and --region or their like lead
	region   string
	tuning
}

const (
	teamFile    = ".rdsx.yaml"
	maxSettings = 1 << 20 // bytes of one file; more is not a configuration
)

// settings reads the user's file, then the nearest .rdsx.yaml from the working directory upward. What the user says of a target,
// a group or a set of tunnels takes the place of what the team says of it. A file that is not there says nothing; one with a mistake is an error
// that names its line.
func (a *app) settings() (settings, error) {
	all := noSettings()
	var paths []string
	if dir, err := os.Getwd(); err == nil {
		if path := findUpward(dir, teamFile); path != "" {
			paths = append(paths, path)
		}
	}
	if path := a.settingsPath(); path != "" {
		paths = append(paths, path)
	}
	for _, path := range paths {
		if err := all.read(path); err != nil {
			return settings{}, aws.Advise(err, aws.ErrUsage, "edit "+path)
		}
	}
	return all, nil
}

// settingsPath is where the user's own file is or would be; "" where there is no home.
func (a *app) settingsPath() string {
	dir := a.home("XDG_CONFIG_HOME", ".config", "Library/Application Support", "AppData")
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "rdsx", "config.yaml")
}

// findUpward is the path of the nearest file of that name in dir or above it, or "".
func findUpward(dir, name string) string {
	for {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

// read adds what a file says.
func (s *settings) read(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxSettings+1))
	switch {
	case err != nil:
		return fmt.Errorf("read the configuration: %w", err)
	case len(text) > maxSettings:
		return fmt.Errorf("%s is over 1 MiB: that is no configuration", path)
	}
	more, err := parseSettings(path, text)
	if err != nil {
		return err
	}
	maps.Copy(s.targets, more.targets)
	maps.Copy(s.groups, more.groups)
	maps.Copy(s.tunnels, more.tunnels)
	return nil
}

// parseSettings reads YAML text. Errors read NAME:LINE: what is wrong; an unknown key is one, so that a typing error does not
// pass for a setting.
func parseSettings(name string, text []byte) (settings, error) {
	s := noSettings()
	var root yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	switch err := decoder.Decode(&root); {
	case errors.Is(err, io.EOF):
		return s, nil
	case err != nil:
		return s, fmt.Errorf("%s: %w", name, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return s, fmt.Errorf("%s: more than one YAML document", name)
	}
	if len(root.Content) == 0 {
		return s, nil
	}
	file := settingsFile{name}
	err := file.each(root.Content[0], "the file", []string{"targets", "groups", "tunnels"}, func(key string, value *yaml.Node) error {
		switch key {
		case "targets":
			return file.targets(value, s.targets)
		case "groups":
			return file.lists(value, "groups", "group", "profile", s.groups)
		}
		return file.lists(value, "tunnels", "set", "target", s.tunnels)
	})
	return s, err
}

// settingsFile words the errors of one file.
type settingsFile struct{ name string }

func (f settingsFile) bad(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", f.name, n.Line, fmt.Sprintf(format, args...))
}

// each calls do for every key of a mapping. Without known any key goes; a key twice never does.
func (f settingsFile) each(n *yaml.Node, what string, known []string, do func(key string, value *yaml.Node) error) error {
	n = behind(n)
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return f.bad(n, "%s is not a mapping", what)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := behind(n.Content[i])
		switch {
		case key.Kind != yaml.ScalarNode || key.Value == "":
			return f.bad(key, "a key of %s is not a name", what)
		case seen[key.Value]:
			return f.bad(key, "%s has %q twice", what, key.Value)
		case known != nil && !slices.Contains(known, key.Value):
			return f.bad(key, "%s has the unknown key %q; it takes %s", what, key.Value, strings.Join(known, ", "))
		}
		seen[key.Value] = true
		if err := do(key.Value, behind(n.Content[i+1])); err != nil {
			return err
		}
	}
	return nil
}

func (f settingsFile) targets(n *yaml.Node, into map[string]targetSettings) error {
	return f.each(n, "targets", nil, func(name string, value *yaml.Node) error {
		var t targetSettings
		what := fmt.Sprintf("target %q", name)
		err := f.each(value, what, append([]string{"document", "port", "via", "profile", "region"}, tuningKeys()...), func(key string, value *yaml.Node) error {
			if value.Kind != yaml.ScalarNode {
				return f.bad(value, "%s of %s is not a single value", key, what)
			}
			switch key {
			case "document":
				t.document = value.Value
			case "via":
				t.via = value.Value
			case "profile":
				t.profile = value.Value
			case "region":
				t.region = value.Value
			case "port":
				port, err := strconv.Atoi(value.Value)
				if err != nil || port < 1 || port > 65535 {
					return f.bad(value, "port %q of %s is not 1 to 65535", value.Value, what)
				}
				t.port = port
			default:
				if err := t.set(key, value.Value); err != nil {
					return f.bad(value, "%s %q of %s is not what it takes", key, value.Value, what)
				}
			}
			return nil
		})
		into[name] = t
		return err
	})
}

// lists reads named lists of names: of kind, each of several things.
func (f settingsFile) lists(n *yaml.Node, key, kind, thing string, into map[string][]string) error {
	return f.each(n, key, nil, func(name string, value *yaml.Node) error {
		if value.Kind != yaml.SequenceNode {
			return f.bad(value, "%s %q is not a list of %ss", kind, name, thing)
		}
		for _, item := range value.Content {
			item = behind(item)
			if item.Kind != yaml.ScalarNode || item.Value == "" {
				return f.bad(item, "%s %q holds something that is not a %s's name", kind, name, thing)
			}
			into[name] = append(into[name], item.Value)
		}
		if len(value.Content) == 0 {
			return f.bad(value, "%s %q is empty", kind, name)
		}
		return nil
	})
}

// behind is the node that an alias stands for.
func behind(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}
