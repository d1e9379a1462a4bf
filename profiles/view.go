package profiles

import (
	"maps"
	"slices"
)

// The kinds of section that mean something to both readers.
const (
	kindProfile  = "profile"
	kindSession  = "sso-session"
	kindServices = "services"

	defaultProfile = "default"
)

// view is what both files mean together to one reader: what a profile's name leads to.
type view struct {
	profiles, sessions map[string]*meaning
	services           map[string]bool
}

// meaning is a profile or an sso-session, with the keys of the credentials file laid over those of the config file.
type meaning struct {
	name          string
	keys          map[string]string
	nested        map[string]bool // keys that hold a block
	line          int             // of its header in config, from 0; -1 when it is only in credentials
	lines         map[string]int  // of its keys
	inCredentials map[string]bool // keys that come from the credentials file
	hidden        []string        // keys of the config file that the credentials file sets to another value
}

func (m *meaning) get(key string) string {
	if m == nil {
		return ""
	}
	return m.keys[key]
}

// lineOf is the line of a key, from 0, or of the header; the file is credentials when inCredentials[key].
func (m *meaning) lineOf(key string) int {
	if n, ok := m.lines[key]; ok {
		return n
	}
	return m.line
}

func newMeaning(name string, line int) *meaning {
	return &meaning{
		name: name, line: line,
		keys: map[string]string{}, nested: map[string]bool{}, lines: map[string]int{}, inCredentials: map[string]bool{},
	}
}

func (m *meaning) put(e *entry, credentials bool) {
	m.keys[e.key], m.lines[e.key] = e.value, e.line
	m.nested[e.key] = len(e.nested) > 0
	m.inCredentials[e.key] = credentials
}

// cliView is what the AWS CLI would use. It is empty where the CLI cannot read a file; ask for faults first.
func cliView(config, credentials reading) view {
	v := view{map[string]*meaning{}, map[string]*meaning{}, map[string]bool{}}
	for _, s := range config.sections {
		kind, name := cliName(s.name, false)
		if s.name == cliDefaults {
			continue
		}
		v.add(kind, s.meaning(name, config, false))
	}
	for _, s := range credentials.sections {
		if s.name == cliDefaults {
			continue
		}
		v.overlay(s.meaning(s.name, credentials, true))
	}
	return v
}

// meaning is a section by the CLI's rules: [DEFAULT] first, then its own keys.
func (s *section) meaning(name string, of reading, credentials bool) *meaning {
	m := newMeaning(name, s.headers[0])
	if defaults := of.find(cliDefaults); defaults != nil {
		for _, e := range defaults.keys {
			m.put(e, credentials)
		}
	}
	for _, e := range s.keys {
		m.put(e, credentials)
	}
	return m
}

// sdkView is what the Go SDK would use.
func sdkView(config, credentials reading) view {
	v := view{map[string]*meaning{}, map[string]*meaning{}, map[string]bool{}}
	// [profile default] takes the place of [default] wherever it stands: the prefixed names come last.
	sections := slices.SortedStableFunc(slices.Values(config.sections), func(a, b *section) int {
		return prefixed(a.name) - prefixed(b.name)
	})
	for _, s := range sections {
		kind, name := sdkName(s.name, false)
		v.add(kind, s.sdkMeaning(name, false))
	}
	for _, s := range credentials.sections {
		if kind, name := sdkName(s.name, true); kind != "" {
			v.overlay(s.sdkMeaning(name, true))
		}
	}
	return v
}

func prefixed(name string) int {
	if len(name) > len(kindProfile) && name[:len(kindProfile)+1] == kindProfile+" " {
		return 1
	}
	return 0
}

func (s *section) sdkMeaning(name string, credentials bool) *meaning {
	m := newMeaning(name, s.headers[0])
	for _, e := range s.keys {
		m.put(e, credentials)
	}
	return m
}

// add puts m in its place; a later section of the same name replaces the earlier one wholesale.
func (v *view) add(kind string, m *meaning) {
	switch kind {
	case kindProfile:
		v.profiles[m.name] = m
	case kindSession:
		v.sessions[m.name] = m
	case kindServices:
		v.services[m.name] = true
	}
}

// overlay lays a section of the credentials file over the profile of that name.
func (v *view) overlay(m *meaning) {
	have, ok := v.profiles[m.name]
	if !ok {
		m.line = -1
		v.profiles[m.name] = m
		return
	}
	for _, key := range sortedKeys(m.keys) {
		if old, ok := have.keys[key]; ok && old != m.keys[key] {
			have.hidden = append(have.hidden, key)
		}
	}
	maps.Copy(have.keys, m.keys)
	maps.Copy(have.lines, m.lines)
	maps.Copy(have.nested, m.nested)
	maps.Copy(have.inCredentials, m.inCredentials)
}

func (v view) names() []string { return sortedKeys(v.profiles) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
