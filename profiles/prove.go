package profiles

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// prove holds the bytes after an edit against those before it: only the spans differ and they lie in the section or are
// blank, all three readers see the section as meant and every other section as it was. It trusts nothing of how after was made.
func (e Edit) prove(before, after document, splices []splice) error {
	if err := e.proveBytes(before, after.data, splices); err != nil {
		return err
	}
	if len(after.cli.faults) > 0 {
		return fmt.Errorf("line %d would be %s", after.cli.faults[0].line+1, after.cli.faults[0].text)
	}
	if err := e.proveReading("the AWS CLI", before.cli, after.cli, e.inCLI); err != nil {
		return err
	}
	if err := e.proveReading("the SDKs", before.sdk, after.sdk, e.inSDK); err != nil {
		return err
	}
	return e.proveRaw(before.data, after.data)
}

func (e Edit) proveBytes(before document, after []byte, splices []splice) error {
	at, shift := 0, 0
	for _, s := range append(splices, splice{len(before.data), len(before.data), ""}) {
		to := s.start + shift
		if s.start < at || to > len(after) || !bytes.Equal(before.data[at:s.start], after[at+shift:to]) || !bytes.HasPrefix(after[to:], []byte(s.text)) {
			return fmt.Errorf("bytes %d to %d would change, which are not part of the edit", at, s.start)
		}
		at, shift = s.end, shift+len(s.text)-(s.end-s.start)
		if err := e.proveSpan(before, s); err != nil {
			return err
		}
	}
	if len(after) != len(before.data)+shift {
		return fmt.Errorf("%d bytes would be there, %d are meant", len(after), len(before.data)+shift)
	}
	return nil
}

// proveSpan holds the bytes that a span takes away to be of the section, or blank.
func (e Edit) proveSpan(before document, s splice) error {
	for n, l := range before.lines {
		if l.next <= s.start || l.start >= s.end || strip(string(before.text(n))) == "" {
			continue
		}
		owned := slices.ContainsFunc(before.cli.sections, func(s *section) bool {
			return e.inCLI(s) && n >= s.headers[0] && n <= s.lastLine()
		})
		if !owned {
			return fmt.Errorf("line %d would change, which is not part of %s", n+1, e.what())
		}
	}
	return nil
}

func (e Edit) proveReading(reader string, before, after reading, isTarget func(*section) bool) error {
	want, wantOthers := divide(before, isTarget)
	got, others := divide(after, isTarget)
	if where, ok := firstDifference(wantOthers, others); !ok {
		return fmt.Errorf("%s would read another section differently: %s", reader, where)
	}
	if e.Op == Remove {
		if got != nil {
			return fmt.Errorf("%s would still read %s", reader, e.what())
		}
		return nil
	}
	if want == nil {
		want = map[string]string{}
	}
	for _, k := range e.Keys {
		want[k.Name] = (&entry{key: k.Name, value: k.Value}).String()
	}
	for _, name := range e.Unset {
		delete(want, name)
	}
	if where, ok := firstDifference(lineUp(want), lineUp(got)); !ok {
		return fmt.Errorf("%s would read %s differently than meant: %s", reader, e.what(), where)
	}
	return nil
}

// divide separates the target's keys from everything else, in order. The target is nil when there is none.
func divide(r reading, isTarget func(*section) bool) (target map[string]string, others []string) {
	for _, s := range r.sections {
		if !isTarget(s) {
			others = append(others, "["+s.name+"]")
			for _, e := range s.keys {
				others = append(others, "["+s.name+"] "+e.String())
			}
			continue
		}
		if target == nil {
			target = map[string]string{}
		}
		for _, e := range s.keys {
			target[e.key] = e.String()
		}
	}
	return target, others
}

// String is the entry for comparisons and messages about this file's own structure; it is never shown with a secret in it.
func (e *entry) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s = %q", e.key, e.value)
	for _, p := range e.nested {
		fmt.Fprintf(&b, " {%s = %q}", p.key, p.value)
	}
	return b.String()
}

func lineUp(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for _, key := range sortedKeys(m) {
		out = append(out, m[key])
	}
	return out
}

// firstDifference names the first line where a and b differ, without its value: it may be a secret.
func firstDifference(a, b []string) (where string, equal bool) {
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			where = b[i]
		case i >= len(b) || a[i] != b[i]:
			where = a[i]
		default:
			continue
		}
		where, _, _ = strings.Cut(where, " = ")
		return where, false
	}
	return "", true
}

// proveRaw asks ini.v1. Where it cannot read the file as it was, the two other readers have to do.
func (e Edit) proveRaw(before, after []byte) error {
	old, err := readRaw(before)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	now, err := readRaw(after)
	if err != nil {
		return err
	}
	isTarget := func(s rawSection) bool {
		name, _ := sdkHeader("[" + s.name + "]")
		return e.isTarget(sdkName(name, false))
	}
	var target []rawSection
	for _, s := range now {
		if isTarget(s) {
			target = append(target, s)
		}
	}
	now = slices.DeleteFunc(now, isTarget)
	old = slices.DeleteFunc(old, isTarget)
	if !slices.EqualFunc(old, now, rawSection.equal) {
		return fmt.Errorf("ini.v1 would read another section than %s differently", e.what())
	}
	return e.proveRawTarget(target)
}

func (e Edit) proveRawTarget(target []rawSection) error {
	switch {
	case e.Op == Remove && len(target) == 0:
		return nil
	case e.Op == Remove || len(target) != 1:
		return fmt.Errorf("ini.v1 would read %d sections of %s", len(target), e.what())
	}
	has := map[string][]string{}
	for _, k := range target[0].keys {
		has[k.name] = k.values
	}
	for _, k := range e.Keys {
		if !slices.Equal(has[k.Name], []string{k.Value}) {
			return fmt.Errorf("ini.v1 would not read %s of %s as meant", k.Name, e.what())
		}
	}
	for _, name := range e.Unset {
		if has[name] != nil {
			return fmt.Errorf("ini.v1 would still read %s of %s", name, e.what())
		}
	}
	return nil
}
