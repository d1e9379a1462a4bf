package profiles

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// FuzzPlan edits arbitrary bytes: never a crash, and what is planned leaves everything else to both readers.
func FuzzPlan(f *testing.F) {
	for _, data := range fixtures(f) {
		f.Add(data, "dev", "eu-west-1")
	}
	for seed := range uint64(50) {
		f.Add(newGenerator(seed, false).file(), "base", "us-east-1")
	}
	f.Fuzz(func(t *testing.T, data []byte, name, region string) {
		file := inMemory(data)
		file.Profiles()
		file.Sessions()
		for _, e := range []Edit{
			{Op: Add, Name: name, Keys: []Key{{"region", region}, {ManagedKey, "1"}}},
			{Op: Set, Name: name, Keys: []Key{{"region", region}}, Unset: []string{"output"}, Foreign: true},
			{Op: Remove, Name: name, Foreign: true},
		} {
			plan, err := file.Plan(e)
			if err != nil {
				continue
			}
			assertElsewhere(t, data, plan.Bytes(), name)
			if e.Op == Add && !bytes.HasPrefix(plan.Bytes(), data) {
				t.Errorf("add changed what was there: %q", plan.Bytes())
			}
			if got := patched(t, data, plan.Diff()); got != strings.Join(redacted(plan.Bytes()), "") {
				t.Errorf("the diff does not lead to the new file:\n%s\n%q", plan.Diff(), got)
			}
		}
	})
}

// FuzzCredentials reads arbitrary bytes as both files.
func FuzzCredentials(f *testing.F) {
	f.Add([]byte(team), []byte("[hub]\naws_access_key_id = A\n[profile x]\n"))
	f.Fuzz(func(t *testing.T, config, credentials []byte) {
		file := inMemory(config)
		file.credentials, file.files.Credentials = credentials, "credentials"
		for _, found := range file.Check() {
			if found.Line < 1 || found.Text == "" || found.File == "" {
				t.Errorf("%+v", found)
			}
		}
		file.Profiles()
	})
}

// FuzzDiff: a diff, applied, gives the new file.
func FuzzDiff(f *testing.F) {
	f.Add([]byte("a\nb\nc\n"), []byte("a\nc\nd"))
	f.Add([]byte(""), []byte("x"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if got := patched(t, a, unified("f", a, b)); got != strings.Join(redacted(b), "") {
			t.Errorf("%q: %q", got, unified("f", a, b))
		}
	})
}

// patched applies a unified diff to a, redacted as the diff is.
func patched(t *testing.T, a []byte, diff string) string {
	t.Helper()
	old := redacted(a)
	if diff == "" {
		return strings.Join(old, "")
	}
	var out strings.Builder
	at := 0
	lines := strings.SplitAfter(diff, "\n")[2:]
	for i, l := range lines {
		if i+1 < len(lines) && strings.HasPrefix(lines[i+1], `\ No newline`) {
			l = strings.TrimSuffix(l, "\n")
		}
		switch {
		case l == "" || l[0] == '\\':
		case l[0] == '@':
			var from, n int
			if _, err := fmt.Sscanf(l, "@@ -%d,%d", &from, &n); err != nil {
				t.Fatalf("%q: %v", l, err)
			}
			if n > 0 {
				from--
			}
			out.WriteString(strings.Join(old[at:from], ""))
			at = from
		case l[0] == '+':
			out.WriteString(l[1:])
		default:
			if at >= len(old) || old[at] != l[1:] {
				t.Fatalf("line %d is %q in the diff:\n%s", at+1, l, diff)
			}
			if l[0] == ' ' {
				out.WriteString(l[1:])
			}
			at++
		}
	}
	out.WriteString(strings.Join(old[at:], ""))
	return out.String()
}
