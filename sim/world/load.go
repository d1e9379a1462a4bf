package world

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed default.yaml
var defaultYAML []byte

// Parse makes a world of YAML text. Errors read NAME:LINE: FIELD: what is wrong, one line for each.
func Parse(name string, text []byte) (*World, error) {
	var spec Spec
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&spec); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("no YAML document")
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := d.Decode(&Spec{}); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: more than one YAML document", name)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	problems := spec.complete()
	if len(problems) == 0 {
		return newWorld(spec), nil
	}
	lines := make([]error, len(problems))
	for i, p := range problems {
		lines[i] = fmt.Errorf("%s:%d: %w", name, lineOf(&root, p.path), p)
	}
	return nil, errors.Join(lines...)
}

// Load reads a world from a YAML file.
func Load(path string) (*World, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load world: %w", err)
	}
	return Parse(path, text)
}

// Default is the world that the demo and most tests use: three accounts, two regions, about twenty databases, some of them
// unreachable on purpose. Each call gives a world of its own; it fails only when the embedded file is broken.
func Default() (*World, error) { return Parse("default.yaml", defaultYAML) }

// problem is one thing wrong with a spec.
type problem struct {
	path string // accounts[0].regions[1].instances[3].id
	text string
}

func (p problem) Error() string { return p.path + ": " + p.text }

// step is one part of a path: a key, and an index into its list or -1.
type step struct {
	key   string
	index int
}

var stepPattern = regexp.MustCompile(`^([^\[\]]+)(?:\[(\d+)\])?$`)

func steps(path string) []step {
	var all []step
	for part := range strings.SplitSeq(path, ".") {
		m := stepPattern.FindStringSubmatch(part)
		if m == nil {
			return all
		}
		s := step{key: m[1], index: -1}
		if m[2] != "" {
			s.index, _ = strconv.Atoi(m[2])
		}
		all = append(all, s)
	}
	return all
}

// lineOf finds the line of a path, or of the nearest thing above it that is written down.
func lineOf(root *yaml.Node, path string) int {
	at := root
	if at.Kind == yaml.DocumentNode && len(at.Content) > 0 {
		at = at.Content[0]
	}
	for _, s := range steps(path) {
		next := child(at, s)
		if next == nil {
			break
		}
		at = next
	}
	return at.Line
}

func child(n *yaml.Node, s step) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != s.key {
			continue
		}
		value := n.Content[i+1]
		if s.index < 0 || value.Kind != yaml.SequenceNode {
			return value
		}
		if s.index < len(value.Content) {
			return value.Content[s.index]
		}
	}
	return nil
}
