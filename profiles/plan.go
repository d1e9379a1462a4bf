package profiles

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Exists says that a section to add is there already.
type Exists struct {
	Name string
	Line int // in the config file, from 1; 0 when it is in the credentials file
}

func (e *Exists) Error() string {
	if e.Line == 0 {
		return e.Name + " exists already, in the credentials file"
	}
	return fmt.Sprintf("%s exists already, on line %d", e.Name, e.Line)
}

// Missing says that a section to change is not there.
type Missing struct{ Name string }

func (m *Missing) Error() string { return "there is no " + m.Name + " in the config file" }

// Foreign says that a section to change was not written by rdsx. Edit.Foreign allows it.
type Foreign struct {
	Name string
	Line int
	Mark string // what tells; "" for the lack of ManagedKey
}

func (f *Foreign) Error() string {
	mark := f.Mark
	if mark == "" {
		mark = "it has no " + ManagedKey
	}
	return fmt.Sprintf("%s on line %d was not written by rdsx (%s)", f.Name, f.Line, mark)
}

// Refusal says why a file is not edited: as it is, or as it would be, a tool could not use it.
type Refusal struct {
	Findings []Finding
	After    bool // the findings are of the file as the edit would leave it
}

func (r *Refusal) Error() string {
	var b strings.Builder
	for i, f := range r.Findings {
		if i > 0 {
			b.WriteString("; ")
		}
		if r.After {
			b.WriteString("this would leave ")
			if f.Profile != "" {
				b.WriteString("profile " + f.Profile + " broken: ")
			}
			b.WriteString(f.Text)
			continue
		}
		fmt.Fprintf(&b, "%s:%d: %s", f.File, f.Line, f.Text)
	}
	return b.String()
}

// Plan is a change that is not written yet.
type Plan struct {
	file   *File
	next   []byte
	others bool // see Others
}

// Plan works out the edits, one after the other, and proves them. Nothing is written. Errors are *Refusal, *Exists, *Missing,
// *Foreign, or say what is wrong with a name or a value.
func (f *File) Plan(edits ...Edit) (*Plan, error) {
	if fatal := f.fatal(); len(fatal) > 0 {
		return nil, &Refusal{Findings: fatal}
	}
	now := newDocument(f.data)
	for _, e := range edits {
		if err := f.admit(e); err != nil {
			return nil, err
		}
		splices, err := e.splices(now)
		if err != nil {
			return nil, err
		}
		next := newDocument(apply(now.data, splices))
		if err := e.prove(now, next, splices); err != nil {
			return nil, fmt.Errorf("%s %s: %w; the file is left as it is", e.Op, e.what(), err)
		}
		now = next
	}
	p := &Plan{file: f, next: now.data}
	return p, p.proveMeaning()
}

// admit refuses names and values that must not be written, and what the credentials file would hide.
func (f *File) admit(e Edit) error {
	if err := checkName(e.Name); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, k := range e.Keys {
		if err := checkKey(k); err != nil {
			return err
		}
		if seen[k.Name] || slices.Contains(e.Unset, k.Name) {
			return fmt.Errorf("%s is given twice", k.Name)
		}
		seen[k.Name] = true
	}
	for _, name := range e.Unset {
		if _, ok := shapes()[name]; !ok {
			return fmt.Errorf("%s is not a key that rdsx writes, nor one that it removes", name)
		}
	}
	if e.Session {
		return nil
	}
	hidden := readSDK(f.credentials).find(e.Name)
	switch {
	case hidden == nil:
		return nil
	case e.Op == Add:
		return &Exists{Name: e.what()}
	}
	for _, k := range e.Keys {
		if hidden.get(k.Name) != nil {
			return fmt.Errorf("%s of %s is set in the credentials file, line %d, which wins over the config file", k.Name, e.what(), hidden.get(k.Name).line+1)
		}
	}
	return nil
}

// proveMeaning refuses a plan after which a profile fails that did not fail before.
func (p *Plan) proveMeaning() error {
	known := map[string]bool{}
	for _, found := range p.file.Check() {
		known[found.id()] = true
	}
	after := *p.file
	after.data = p.next
	var fresh []Finding
	for _, found := range after.Check() {
		if found.Severity == Error && !known[found.id()] {
			fresh = append(fresh, found)
		}
	}
	if len(fresh) > 0 {
		return &Refusal{Findings: fresh, After: true}
	}
	return nil
}

// Empty says whether there is nothing to write: the file is already as meant.
func (p *Plan) Empty() bool { return bytes.Equal(p.file.data, p.next) }

// Bytes is the file's content after the plan. The caller must not change it.
func (p *Plan) Bytes() []byte { return p.next }

// Others says, of a plan to undo, that another program has changed the file since rdsx wrote it: that is taken back as well.
func (p *Plan) Others() bool { return p.others }

// Diff is the plan as a unified diff. Values of secret access keys and tokens in its context are replaced by [redacted].
func (p *Plan) Diff() string {
	return unified(p.file.files.Config, p.file.data, p.next)
}
