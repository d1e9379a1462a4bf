package profiles

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The AWS CLI (v1 and v2) and every tool on botocore read with Python's configparser.RawConfigParser, strict, and then give the
// sections their meaning (docs/aws.md §1.1). This file is those rules; where they would stop at the first fault, it goes on and
// collects them all.

// cliDefaults is the section whose keys configparser adds to every other.
const cliDefaults = "DEFAULT"

// readCLI reads data by the AWS CLI's rules.
func readCLI(data []byte) reading { return readPython(data, false) }

// readPython is readCLI, and with flat the reading of files whose values have no blocks of keys in them.
func readPython(data []byte, flat bool) reading {
	p := cliParser{flat: flat}
	if bytes.HasPrefix(data, []byte(bom)) {
		p.fault(0, "the file starts with a byte order mark (BOM)", "loses the first section without a word")
	}
	for n, l := range splitLines(data) {
		text := data[l.start:l.end]
		if n == 0 {
			text = bytes.TrimPrefix(text, []byte(bom))
		}
		if !utf8.Valid(text) {
			p.fault(n, "a byte that is not UTF-8", "reads the bytes as they are")
		}
		// Python's text mode ends a line at a lone CR as well.
		for part := range bytes.SplitSeq(text, []byte("\r")) {
			p.line(n, string(part))
		}
	}
	p.finish()
	return p.out
}

type cliParser struct {
	out     reading
	current *section
	key     *entry // of the option that an indented line continues; nil when none can be
	parts   []string
	indent  int
	flat    bool
}

func (p *cliParser) fault(n int, text, sdk string) {
	p.out.faults = append(p.out.faults, fault{n, text, sdk})
}

func (p *cliParser) line(n int, raw string) {
	text := strip(raw)
	switch {
	case strings.HasPrefix(text, "#"), strings.HasPrefix(text, ";"):
		return
	case text == "":
		if p.key != nil {
			p.parts = append(p.parts, "")
		}
		return
	}
	indent := indentOf(raw)
	if p.key != nil && indent > p.indent {
		p.parts = append(p.parts, text)
		p.key.last = n
		return
	}
	p.indent = indent
	if end := strings.LastIndexByte(text, ']'); text[0] == '[' && end > 1 {
		p.header(n, text[1:end])
		return
	}
	if p.current == nil {
		p.fault(n, "a line before the first section", "ignores it")
		return
	}
	p.option(n, text)
}

func (p *cliParser) header(n int, name string) {
	p.finish()
	if name == cliDefaults {
		if s := p.out.find(name); s != nil { // configparser merges these, and these alone
			s.headers = append(s.headers, n)
			p.current = s
			return
		}
	} else if s := p.out.find(name); s != nil {
		p.fault(n, fmt.Sprintf("section [%s] again; it is on line %d already", name, s.headers[0]+1), "merges the two, the later value of a key wins")
	}
	p.current = &section{name: name, headers: []int{n}}
	p.out.sections = append(p.out.sections, p.current)
}

func (p *cliParser) option(n int, text string) {
	at := strings.IndexAny(text, "=:")
	if at < 0 {
		p.fault(n, "a line that is neither a header, nor key = value, nor a comment", "ignores it")
		return // the option before it can still be continued
	}
	p.finish()
	key := strings.ToLower(strings.TrimRightFunc(text[:at], isSpace))
	if key == "" {
		p.fault(n, "a value without a key", "ignores it")
		return
	}
	if e := p.current.get(key); e != nil {
		p.fault(n, fmt.Sprintf("key %s again; it is on line %d already", key, e.line+1), "uses the later value")
	}
	p.key = &entry{key: key, line: n, last: n}
	p.parts = []string{strip(text[at+1:])}
	p.current.keys = append(p.current.keys, p.key)
}

// finish joins the lines of the option that ends here.
func (p *cliParser) finish() {
	if p.key == nil {
		return
	}
	p.key.value = strings.TrimRightFunc(strings.Join(p.parts, "\n"), isSpace)
	if strings.HasPrefix(p.key.value, "\n") && !p.flat {
		p.nest()
	}
	p.key, p.parts = nil, nil
}

// nest reads an indented block under an empty value: one level of key = value.
func (p *cliParser) nest() {
	for _, text := range strings.FieldsFunc(p.key.value, isPythonLineEnd) {
		text = strip(text)
		if text == "" {
			continue
		}
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			if isSecret(p.key.key) {
				text = "[redacted]"
			}
			p.fault(p.key.line, fmt.Sprintf("the block under %s has a line that is not key = value (%s)", p.key.key, text), "ignores that line")
			continue
		}
		p.key.nested = append(p.key.nested, pair{strip(key), strip(value)})
	}
	p.key.value = ""
}

// isPythonLineEnd is where str.splitlines cuts.
func isPythonLineEnd(r rune) bool {
	return r >= '\n' && r <= '\r' || r >= 0x1c && r <= 0x1e || r == 0x85 || r == 0x2028 || r == 0x2029
}

// cliName says what a section stands for: kind "profile", "sso-session" or "services" and a name, or kind "" for a section
// that holds no profile. In the credentials file every section is a profile.
func cliName(header string, credentials bool) (kind, name string) {
	if credentials {
		return kindProfile, header
	}
	if header == defaultProfile {
		return kindProfile, defaultProfile
	}
	for _, kind := range []string{kindProfile, kindSession, kindServices} {
		if strings.HasPrefix(header, kind) {
			if parts, err := shlexSplit(header); err == nil && len(parts) == 2 {
				return kind, parts[1]
			}
			return "", ""
		}
	}
	return "", ""
}

// shlexSplit cuts s into words as Python's shlex.split does: POSIX quotes and backslashes, no comments.
func shlexSplit(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	inWord, escaped := false, false
	for _, r := range s {
		switch {
		case escaped:
			if quote != 0 && r != quote && r != '\\' {
				word.WriteByte('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '"' || r == '\'':
			quote, inWord = r, true
		case strings.ContainsRune(" \t\r\n", r):
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("no closing quotation")
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
