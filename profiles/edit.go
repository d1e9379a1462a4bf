package profiles

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Op is what an Edit does.
type Op string

// The operations.
const (
	Add    Op = "add"    // a section that is not there yet
	Set    Op = "set"    // keys of a section that is there
	Remove Op = "remove" // a whole section
)

// Edit is one change of one section.
type Edit struct {
	Op      Op
	Session bool   // the section is [sso-session NAME], else it is the profile NAME
	Name    string // without quotes
	Keys    []Key  // of Add and Set, in writing order
	Unset   []string
	Foreign bool // the section may be one that rdsx has not written
}

func (e Edit) kind() string {
	if e.Session {
		return kindSession
	}
	return kindProfile
}

// what names the section in sentences.
func (e Edit) what() string { return e.kind() + " " + e.Name }

func (e Edit) header() string {
	if !e.Session && e.Name == defaultProfile {
		return "[" + defaultProfile + "]"
	}
	return "[" + e.kind() + " " + e.Name + "]"
}

// isTarget says whether a section, as either reader names it, is the one that e changes.
func (e Edit) isTarget(kind, name string) bool { return kind == e.kind() && name == e.Name }

func (e Edit) inCLI(s *section) bool { return e.isTarget(cliName(s.name, false)) }
func (e Edit) inSDK(s *section) bool { return e.isTarget(sdkName(s.name, false)) }

// splice puts text in the place of data[start:end].
type splice struct {
	start, end int
	text       string
}

func apply(data []byte, splices []splice) []byte {
	var out []byte
	at := 0
	for _, s := range splices {
		out = append(out, data[at:s.start]...)
		out = append(out, s.text...)
		at = s.end
	}
	return append(out, data[at:]...)
}

// document is the bytes under an edit with what both readers make of them.
type document struct {
	data     []byte
	lines    []line
	eol      string
	cli, sdk reading
}

func newDocument(data []byte) document {
	return document{data, splitLines(data), dominantEOL(data), readCLI(data), readSDK(data)}
}

// splices is e as spans of d, in order. No span means that d is as e wants it already.
func (e Edit) splices(d document) ([]splice, error) {
	s, err := d.locate(e)
	switch {
	case err != nil:
		return nil, err
	case e.Op == Add && s != nil:
		return nil, &Exists{Name: e.what(), Line: s.headers[0] + 1}
	case e.Op == Add:
		return e.added(d), nil
	case s == nil:
		return nil, &Missing{Name: e.what()}
	case s.get(ManagedKey) == nil && !e.Foreign:
		return nil, &Foreign{Name: e.what(), Line: s.headers[0] + 1}
	case e.Op == Remove:
		return d.removed(s), nil
	}
	return e.changed(d, s)
}

// locate finds the one section that both readers take for e's; nil when neither knows one.
func (d document) locate(e Edit) (*section, error) {
	var found []*section
	var cli, sdk []int
	for _, s := range d.cli.sections {
		if e.inCLI(s) {
			found = append(found, s)
			cli = append(cli, s.headers...)
		}
	}
	for _, s := range d.sdk.sections {
		if e.inSDK(s) {
			sdk = append(sdk, s.headers...)
		}
	}
	slices.Sort(sdk)
	if len(cli) == 0 && len(sdk) == 0 {
		return nil, nil
	}
	if len(cli) != 1 || !slices.Equal(cli, sdk) {
		return nil, fmt.Errorf("%s has headers on %s for the AWS CLI and on %s for the SDKs; leave one that both read: %s",
			e.what(), onLines(cli), onLines(sdk), e.header())
	}
	s := found[0]
	for _, other := range d.sdk.sections {
		for _, n := range other.headers {
			if n > s.headers[0] && n <= s.lastLine() {
				return nil, fmt.Errorf("line %d is a header for the SDKs, and for the AWS CLI part of a value in %s: remove its indentation first", n+1, e.what())
			}
		}
	}
	return s, nil
}

func onLines(lines []int) string {
	if len(lines) == 0 {
		return "no line"
	}
	var words []string
	for _, n := range lines {
		words = append(words, fmt.Sprint(n+1))
	}
	if len(words) == 1 {
		return "line " + words[0]
	}
	return "lines " + strings.Join(words, ", ")
}

// added is a new section at the end, a blank line before it.
func (e Edit) added(d document) []splice {
	var lines []string
	for _, k := range e.Keys {
		lines = append(lines, k.Name+" = "+k.Value)
	}
	return []splice{d.appended(e.header(), lines...)}
}

// appended puts a header and its lines at the end, a blank line before them.
func (d document) appended(header string, lines ...string) splice {
	var b strings.Builder
	if n := len(d.lines); n > 0 {
		last := d.lines[n-1]
		if last.end == last.next {
			b.WriteString(d.eol)
		}
		if strip(string(d.data[last.start:last.end])) != "" {
			b.WriteString(d.eol)
		}
	}
	b.WriteString(header + d.eol)
	for _, line := range lines {
		b.WriteString(line + d.eol)
	}
	return splice{len(d.data), len(d.data), b.String()}
}

// removed takes the section away from its header to its last value, with the blank line that set it apart.
func (d document) removed(s *section) []splice {
	first, last := s.headers[0], s.lastLine()
	blank := func(n int) bool {
		return n >= 0 && n < len(d.lines) && strip(string(d.data[d.lines[n].start:d.lines[n].end])) == ""
	}
	switch {
	case blank(first-1) && (blank(last+1) || last == len(d.lines)-1):
		first--
	case first == 0 && blank(last+1):
		last++
	}
	return []splice{{d.lines[first].start, d.lines[last].next, ""}}
}

// changed replaces values in their lines, takes lines away, and puts new keys after the section's last value.
func (e Edit) changed(d document, s *section) ([]splice, error) {
	var out []splice
	var added []string
	indent := d.indentOfLast(s)
	for _, k := range e.Keys {
		have := s.get(k.Name)
		if have == nil {
			added = append(added, indent+k.Name+" = "+k.Value)
			continue
		}
		if have.value == k.Value && d.alike(e, have) {
			continue
		}
		if have.last != have.line || len(have.nested) > 0 {
			return nil, fmt.Errorf("line %d: %s of %s goes over several lines; change it by hand", have.line+1, k.Name, e.what())
		}
		out = append(out, d.valueSpan(have.line, k.Value))
	}
	for _, name := range e.Unset {
		have := s.get(name)
		if have == nil {
			continue
		}
		if have.last != have.line {
			return nil, fmt.Errorf("line %d: %s of %s goes over several lines; remove it by hand", have.line+1, name, e.what())
		}
		l := d.lines[have.line]
		out = append(out, splice{l.start, l.next, ""})
	}
	if len(added) > 0 {
		out = append(out, d.insertAfter(s.lastLine(), added))
	}
	slices.SortStableFunc(out, func(a, b splice) int { return a.start - b.start })
	return out, nil
}

// indentOfLast is the white space before the last key of a section: a new key after it has as much, else it would be a part of
// that key's value, or the other way about.
func (d document) indentOfLast(s *section) string {
	n := len(s.keys)
	if n == 0 {
		return ""
	}
	text := string(d.text(s.keys[n-1].line))
	return text[:len(text)-len(strings.TrimLeftFunc(text, isSpace))]
}

func (d document) text(n int) []byte { return d.data[d.lines[n].start:d.lines[n].end] }

// alike says whether the SDK reads the same value on the same line.
func (d document) alike(e Edit, cli *entry) bool {
	for _, s := range d.sdk.sections {
		if e.inSDK(s) {
			have := s.get(cli.key)
			return have != nil && have.line == cli.line && have.value == cli.value
		}
	}
	return false
}

// valueSpan puts value after the delimiter of line n; the blanks around the delimiter stay.
func (d document) valueSpan(n int, value string) splice {
	l := d.lines[n]
	text := d.text(n)
	at := bytes.IndexAny(text, "=:") + 1
	rest := string(text[at:])
	from := at + len(rest) - len(strings.TrimLeftFunc(rest, isSpace))
	to := at + len(strings.TrimRightFunc(rest, isSpace))
	if to <= from { // the value is empty: at most blanks after the delimiter
		from, to = at, len(text)
		value = " " + value
	}
	return splice{l.start + from, l.start + to, value}
}

// insertAfter puts whole lines after line n. A file without a final line end stays without one.
func (d document) insertAfter(n int, texts []string) splice {
	l := d.lines[n]
	joined := strings.Join(texts, d.eol)
	if l.end == l.next {
		return splice{l.next, l.next, d.eol + joined}
	}
	return splice{l.next, l.next, joined + d.eol}
}
