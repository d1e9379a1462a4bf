package profiles

import (
	"fmt"
	"slices"

	"gopkg.in/ini.v1"
)

// rawSection is a section as gopkg.in/ini.v1 reads it: a third reader, which nobody here wrote, to hold the two against.
type rawSection struct {
	name string
	keys []rawKey
}

type rawKey struct {
	name   string
	values []string // several for a key that stands there twice
	nested []string
}

// readRaw reads data under the one set of options that keeps values of AWS files as they are (docs/aws.md §1.3, set H).
func readRaw(data []byte) ([]rawSection, error) {
	f, err := ini.LoadSources(ini.LoadOptions{
		InsensitiveKeys:            true,
		AllowNestedValues:          true,
		IgnoreContinuation:         true,
		IgnoreInlineComment:        true,
		PreserveSurroundedQuote:    true,
		SkipUnrecognizableLines:    true,
		AllowNonUniqueSections:     true,
		AllowShadows:               true,
		AllowDuplicateShadowValues: true,
		ChildSectionDelimiter:      "\x00", // "." would let [profile a.b] inherit from [profile a]
	}, data)
	if err != nil {
		return nil, fmt.Errorf("read the file with ini.v1: %w", err)
	}
	var out []rawSection
	for _, s := range f.Sections() {
		raw := rawSection{name: s.Name()}
		for _, k := range s.Keys() {
			key := rawKey{name: k.Name(), values: k.ValueWithShadows()}
			for _, nested := range k.NestedValues() {
				// ini.v1 keeps indented blank lines and comments under a value, which mean nothing.
				if nested != "" && nested[0] != '#' && nested[0] != ';' {
					key.nested = append(key.nested, nested)
				}
			}
			if len(key.values) < 2 {
				key.values = []string{k.Value()} // ValueWithShadows drops an empty one
			}
			raw.keys = append(raw.keys, key)
		}
		if raw.name == ini.DefaultSection && len(raw.keys) == 0 {
			continue // ini.v1 always has one of its own
		}
		out = append(out, raw)
	}
	return out, nil
}

func (s rawSection) equal(t rawSection) bool {
	return s.name == t.name && slices.EqualFunc(s.keys, t.keys, func(a, b rawKey) bool {
		return a.name == b.name && slices.Equal(a.values, b.values) && slices.Equal(a.nested, b.nested)
	})
}
