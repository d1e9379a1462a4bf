package profiles

// reading is what one reader makes of a file. Line numbers count from 0 and are physical lines.
type reading struct {
	sections []*section
	faults   []fault // why the AWS CLI cannot read the file at all; the Go SDK never minds
}

// section is one section as its reader names it.
type section struct {
	name    string
	headers []int // lines of its headers: several when the reader merges
	keys    []*entry
}

// entry is one key. A nested block (s3 = and indented lines) has its pairs in nested and no value.
type entry struct {
	key, value string
	nested     []pair
	line, last int // the line of the key, and the last line that is part of its value
}

type pair struct{ key, value string }

// fault is a line that makes the AWS CLI refuse the whole file.
type fault struct {
	line int
	text string // what is wrong
	sdk  string // what the Go SDK does with it
}

// find is the last section of that name, or nil.
func (r reading) find(name string) *section {
	for i := len(r.sections) - 1; i >= 0; i-- {
		if r.sections[i].name == name {
			return r.sections[i]
		}
	}
	return nil
}

// get is the last entry of that key, or nil.
func (s *section) get(key string) *entry {
	for i := len(s.keys) - 1; i >= 0; i-- {
		if s.keys[i].key == key {
			return s.keys[i]
		}
	}
	return nil
}

// lastLine is the last line that holds something of the section; comments and blank lines after it are nobody's.
func (s *section) lastLine() int {
	last := s.headers[len(s.headers)-1]
	for _, e := range s.keys {
		last = max(last, e.last)
	}
	return last
}
