package profiles

import (
	"bytes"
	"strings"
)

// The AWS SDK for Go v2 reads with an own, lenient parser that never fails on syntax (docs/aws.md §1.1; its rules are those of
// config v1.33). This file is those rules. A value that is one lone quote makes the SDK panic; here it is kept.

// readSDK reads data by the Go SDK's rules.
func readSDK(data []byte) reading {
	p := sdkParser{byName: map[string]*section{}}
	for n, raw := range strings.Split(string(data), "\n") {
		p.line(n, raw)
	}
	return p.out
}

type sdkParser struct {
	out     reading
	byName  map[string]*section
	current *section
	key     *entry
}

func (p *sdkParser) line(n int, raw string) {
	text := strings.TrimLeft(raw, " \t")
	if strings.TrimSpace(raw) == "" || text[0] == '#' || text[0] == ';' {
		return
	}
	if name, ok := sdkHeader(raw); ok {
		p.header(n, name)
		return
	}
	indented := raw[0] == ' ' || raw[0] == '\t'
	if !indented {
		text = strings.TrimRight(cutComment(raw), " \t")
	}
	key, value, ok := sdkPair(text)
	switch {
	case p.current == nil:
	case ok && !indented:
		p.set(n, key, value)
	case ok && (p.key == nil || p.key.key == "" || p.key.value != ""):
		p.set(n, key, strings.TrimSpace(cutComment(value)))
	case ok:
		p.key.nest(key, value)
		p.key.last = n
	case indented && p.key != nil && p.key.key != "":
		if p.key.value != "" {
			p.key.value += "\n" + text
		}
		p.key.last = n
	}
}

func (p *sdkParser) header(n int, name string) {
	p.key = nil
	if name == "" {
		p.current = nil
		return
	}
	s, ok := p.byName[name]
	if !ok {
		s = &section{name: name}
		p.byName[name] = s
		p.out.sections = append(p.out.sections, s)
	}
	s.headers = append(s.headers, n)
	p.current = s
}

func (p *sdkParser) set(n int, key, value string) {
	e := p.current.get(key)
	if e == nil {
		e = &entry{key: key}
		p.current.keys = append(p.current.keys, e)
	}
	e.value, e.nested, e.line, e.last = value, nil, n, n
	p.key = e
}

// nest sets one pair of a nested block; a later one of the same key replaces it.
func (e *entry) nest(key, value string) {
	for i := range e.nested {
		if e.nested[i].key == key {
			e.nested[i].value = value
			return
		}
	}
	e.nested = append(e.nested, pair{key, value})
}

// sdkHeader is the name between the brackets of a header: the type, one space, and the rest as it is written.
func sdkHeader(raw string) (string, bool) {
	text, _, _ := strings.Cut(raw, "#")
	text, _, _ = strings.Cut(text, ";")
	text = strings.TrimSpace(text)
	if len(text) < 2 || text[0] != '[' || text[len(text)-1] != ']' {
		return "", false
	}
	text = strings.TrimSpace(text[1 : len(text)-1])
	if at := strings.IndexAny(text, " \t"); at > 0 {
		rest := strings.TrimLeft(text[at:], " \t")
		if rest == "" {
			return "", true
		}
		return text[:at] + " " + rest, true
	}
	return text, true
}

// cutComment drops what the SDK takes for a comment at the end of a line.
func cutComment(s string) string {
	for _, mark := range []string{" #", " ;", "\t#", "\t;"} {
		s, _, _ = strings.Cut(s, mark)
	}
	return s
}

// sdkPair splits at the first = or :. A wrapping pair of quotes is not part of the value.
func sdkPair(text string) (key, value string, ok bool) {
	at := strings.IndexAny(text, "=:")
	if at < 0 {
		return "", "", false
	}
	value = strings.TrimSpace(text[at+1:])
	if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		value = value[1 : n-1]
	}
	return strings.ToLower(strings.TrimSpace(text[:at])), value, true
}

// sdkName says what a section stands for, as cliName does. The SDK takes quotes as part of the name.
func sdkName(name string, credentials bool) (kind, id string) {
	rest, isProfile := strings.CutPrefix(name, kindProfile+" ")
	switch {
	case credentials && isProfile:
		return "", ""
	case credentials:
		return kindProfile, name
	case isProfile:
		return kindProfile, rest
	case strings.EqualFold(name, defaultProfile):
		return kindProfile, name
	}
	for _, kind := range []string{kindSession, kindServices} {
		if rest, ok := strings.CutPrefix(name, kind+" "); ok {
			return kind, rest
		}
	}
	return "", ""
}

// loneQuote is the first line whose value is a single quote character, which makes Go SDK programs crash; -1 for none.
func loneQuote(data []byte) int {
	for n, l := range splitLines(data) {
		raw := string(data[l.start:l.end])
		text := strings.TrimLeft(raw, " \t")
		if text == "" || text[0] == '#' || text[0] == ';' {
			continue
		}
		if _, isHeader := sdkHeader(raw); isHeader || !bytes.ContainsAny(data[l.start:l.end], "=:") {
			continue
		}
		if text == raw {
			text = strings.TrimRight(cutComment(raw), " \t")
		}
		if _, value, ok := sdkPair(text); ok && (value == `"` || value == `'`) {
			return n
		}
	}
	return -1
}
