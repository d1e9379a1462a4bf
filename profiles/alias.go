package profiles

import (
	"fmt"
	"strings"
)

// aliasSection is where the AWS CLI looks for commands of the user's own.
const aliasSection = "toplevel"

// Alias is the value of an alias of the AWS CLI, of a File whose Config is the CLI's alias file. "" is no alias.
func (f *File) Alias(name string) string {
	if s := readAliases(f.data).find(aliasSection); s != nil {
		if e := s.get(name); e != nil {
			return strip(e.value)
		}
	}
	return ""
}

// readAliases reads the alias file as the CLI does: as the config file, but what is indented under an empty value is text,
// such as a function of the shell.
func readAliases(data []byte) reading { return readPython(data, true) }

// PlanAlias plans to set an alias, or with the value "" to remove it. An alias of that name with another value than was is
// not touched: *Foreign. It gives the same proofs as Plan: nothing else changes, in bytes or in meaning.
func (f *File) PlanAlias(name, value, was string) (*Plan, error) {
	before := readAliases(f.data)
	if len(before.faults) > 0 {
		s := source{path: f.files.Config, data: f.data, cli: before}
		return nil, &Refusal{Findings: s.faults()}
	}
	d := document{f.data, splitLines(f.data), dominantEOL(f.data), before, reading{}}
	p := &Plan{file: f, next: f.data}
	s := before.find(aliasSection)
	var have *entry
	if s != nil {
		have = s.get(name)
	}
	if have != nil && strip(have.value) != was && strip(have.value) != value {
		return nil, &Foreign{Name: "alias " + name, Line: have.line + 1, Mark: "its value is another"}
	}
	p.next = apply(f.data, d.aliasSplices(s, have, name, value))
	return p, proveAlias(before, readAliases(p.next), name, value)
}

func (d document) aliasSplices(s *section, have *entry, name, value string) []splice {
	switch line := name + " = " + value; {
	case have == nil && value == "", have != nil && strip(have.value) == value:
		return nil
	case s == nil:
		return []splice{d.appended("["+aliasSection+"]", line)}
	case have == nil:
		return []splice{d.insertAfter(s.lastLine(), []string{d.indentOfLast(s) + line})}
	case value == "" && len(s.keys) == 1 && have.line == s.headers[0]+1: // no comment of the user's in between
		return d.removed(s)
	case value == "":
		return []splice{{d.lines[have.line].start, d.lines[have.last].next, ""}}
	}
	first, last := d.lines[have.line], d.lines[have.last]
	text := string(d.text(have.line))
	return []splice{{first.start, last.end, text[:len(text)-len(strings.TrimLeftFunc(text, isSpace))] + name + " = " + value}}
}

// proveAlias holds the reading after an edit against the one before.
func proveAlias(before, after reading, name, value string) error {
	if len(after.faults) > 0 {
		return fmt.Errorf("line %d would be %s; the file is left as it is", after.faults[0].line+1, after.faults[0].text)
	}
	all := func(r reading) (found string, others []string) {
		for _, s := range r.sections {
			if s.name != aliasSection {
				others = append(others, "["+s.name+"]")
			}
			for _, e := range s.keys {
				if s.name == aliasSection && e.key == name {
					found = strip(e.value)
					continue
				}
				others = append(others, "["+s.name+"] "+e.String())
			}
		}
		return found, others
	}
	_, want := all(before)
	got, others := all(after)
	if where, ok := firstDifference(want, others); !ok {
		return fmt.Errorf("the AWS CLI would read %s differently; the file is left as it is", where)
	}
	if got != value {
		return fmt.Errorf("the AWS CLI would not read the alias %s as meant; the file is left as it is", name)
	}
	return nil
}
