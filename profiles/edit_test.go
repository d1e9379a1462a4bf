package profiles

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
)

// opened opens what is on disk.
func opened(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(t.Context(), Files{Config: path})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// inMemory is a file that was read and is not on disk.
func inMemory(data []byte) *File {
	return &File{files: Files{Config: "config"}, target: "config", data: data, exists: true}
}

func devRole() []Key {
	return Role{
		ARN: "arn:aws:iam::111122223333:role/Orders", CredentialSource: "Environment", Region: "eu-central-1",
		SessionName: "rdsx-jane", MFASerial: "arn:aws:iam::111122223333:mfa/jane", ExternalID: "a=b,c@d:e/f-g",
	}.Keys()
}

// afterFixture says which fixtures are refused, and on which line.
func refusedFixtures() map[string]int {
	return map[string]int{"08-dup-keys": 3, "15-bom": 1, "19-global-keys": 1, "20-junk-line": 3, "28-latin1": 3}
}

// TestFixtures adds, changes and removes in every file of the corpus: what is not changed stays, byte for byte and for every
// reader; a file that would stay broken is refused with its line.
func TestFixtures(t *testing.T) {
	for name, data := range fixtures(t) {
		t.Run(name, func(t *testing.T) {
			f := inMemory(data)
			plan, err := f.Plan(Edit{Op: Add, Name: "rdsx-new", Keys: devRole()})
			if line := refusedFixtures()[name]; line > 0 {
				var refusal *Refusal
				if !errors.As(err, &refusal) || refusal.Findings[0].Line != line || !strings.Contains(err.Error(), refusal.Findings[0].Text) {
					t.Fatalf("got %v, want a refusal of line %d", err, line)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(plan.Bytes(), data) {
				t.Error("the old file is not a prefix of the new one")
			}
			assertElsewhere(t, data, plan.Bytes(), "rdsx-new")
			assertRole(t, plan.Bytes())

			g := inMemory(plan.Bytes())
			changed, err := g.Plan(Edit{Op: Set, Name: "rdsx-new", Keys: []Key{{"region", "us-west-2"}}, Unset: []string{"mfa_serial"}})
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Replace(string(plan.Bytes()), "region = eu-central-1", "region = us-west-2", 1)
			from := strings.LastIndex(want, "mfa_serial = arn:aws:iam::111122223333:mfa/jane")
			if eol := strings.Index(want[from:], "\n") + 1; string(changed.Bytes()) != want[:from]+want[from+eol:] {
				t.Errorf("got %q", changed.Bytes())
			}

			gone, err := inMemory(changed.Bytes()).Plan(Edit{Op: Remove, Name: "rdsx-new"})
			if err != nil {
				t.Fatal(err)
			}
			if !sameButEnd(gone.Bytes(), data) {
				t.Errorf("add and remove left %q of %q", gone.Bytes(), data)
			}
		})
	}
}

// sameButEnd says whether a and b differ at most in one blank line or line end at their end.
func sameButEnd(a, b []byte) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	rest, ok := bytes.CutPrefix(a, b)
	return ok && len(bytes.TrimSpace(rest)) == 0 && bytes.Count(rest, []byte("\n")) <= 1
}

// assertElsewhere holds both readers to read everything but one profile as before.
func assertElsewhere(t *testing.T, before, after []byte, name string) {
	t.Helper()
	a, b := asOracle(before), asOracle(after)
	for _, raw := range []map[string]map[string]any{a.Raw, b.Raw} {
		maps.DeleteFunc(raw, func(header string, _ map[string]any) bool {
			kind, id := cliName(header, false)
			return kind == kindProfile && id == name
		})
	}
	if !reflect.DeepEqual(a.Raw, b.Raw) {
		t.Errorf("the AWS CLI reads otherwise:\n%v\n%v", a.Raw, b.Raw)
	}
	u, v := sdkView(readSDK(before), reading{}), sdkView(readSDK(after), reading{})
	delete(u.profiles, name)
	delete(v.profiles, name)
	for p, m := range u.profiles {
		if !reflect.DeepEqual(m.keys, v.profiles[p].keys) {
			t.Errorf("the SDK reads %s otherwise:\n%v\n%v", p, m.keys, v.profiles[p].keys)
		}
	}
	if len(u.profiles) != len(v.profiles) {
		t.Errorf("%d profiles, %d before", len(v.profiles), len(u.profiles))
	}
}

// assertRole asks the SDK itself for what devRole wrote.
func assertRole(t *testing.T, data []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := config.LoadSharedConfigProfile(t.Context(), "rdsx-new", func(o *config.LoadSharedConfigOptions) {
		o.ConfigFiles, o.CredentialsFiles = []string{path}, []string{}
	})
	if err != nil {
		t.Fatal(err)
	}
	have := []string{got.RoleARN, got.CredentialSource, got.Region, got.RoleSessionName, got.RoleDurationSeconds.String(), got.MFASerial, got.ExternalID}
	want := []string{"arn:aws:iam::111122223333:role/Orders", "Environment", "eu-central-1", "rdsx-jane", "1h0m0s", "arn:aws:iam::111122223333:mfa/jane", "a=b,c@d:e/f-g"}
	if !reflect.DeepEqual(have, want) {
		t.Errorf("the SDK reads %q, want %q", have, want)
	}
}

// edit is a random change of a generated file: a profile of its own, mostly, or a new one.
func (g *generator) edit(data []byte) Edit {
	names := []string{"new1", "new2"}
	for _, s := range readCLI(data).sections {
		if kind, name := cliName(s.name, false); kind == kindProfile && checkName(name) == nil {
			names = append(names, name, name, name)
		}
	}
	e := Edit{Name: g.pick(names...), Foreign: true}
	switch g.IntN(4) {
	case 0:
		e.Op = Add
		e.Keys = SSO{Session: "none", Account: "111122223333", Role: "Dev", Region: g.pick("eu-west-1", "us-east-1")}.Keys()[3:]
		if g.chance(60) {
			e.Keys = devRole()
		}
	case 1:
		e.Op = Remove
	default:
		e.Op = Set
		for _, k := range []Key{{"region", g.pick("eu-west-3", "ap-northeast-1")}, {"role_session_name", g.pick("me", "rdsx-x")}, {"external_id", "e-1"}, {"output", "json"}} {
			switch g.IntN(3) {
			case 0:
				e.Keys = append(e.Keys, k)
			case 1:
				e.Unset = append(e.Unset, k.Name)
			}
		}
	}
	return e
}

// TestTenThousandEdits plans ten thousand random edits of generated files. Every one is held to an account of its bytes
// that knows nothing of spans, to both readers, and to its way back.
func TestTenThousandEdits(t *testing.T) {
	planned, refused := map[Op]int{}, map[string]int{}
	for seed := uint64(0); planned[Add]+planned[Set]+planned[Remove] < 10000; seed++ {
		g := newGenerator(seed, seed%10 != 0)
		before := g.file()
		e := g.edit(before)
		plan, err := inMemory(before).Plan(e)
		if err != nil {
			refused[reason(err)]++
			continue
		}
		planned[e.Op]++
		after := plan.Bytes()
		assertLines(t, seed, e, before, after)
		assertElsewhere(t, before, after, e.Name)
		if t.Failed() {
			t.Fatalf("seed %d: %+v:\n%q\n%q", seed, e, before, after)
		}
		assertWayBack(t, seed, e, before, after)
	}
	t.Logf("planned %v, refused %v", planned, refused)
	if planned[Add] < 1000 || planned[Set] < 2000 || planned[Remove] < 2000 {
		t.Errorf("too few edits were planned: %v, refused %v", planned, refused)
	}
	if refused["?"] > 0 {
		t.Errorf("refusals without a reason: %v", refused)
	}
}

func reason(err error) string {
	var refusal *Refusal
	var exists *Exists
	var missing *Missing
	switch {
	case errors.As(err, &refusal) && refusal.After:
		return "broken after"
	case errors.As(err, &refusal):
		return "unreadable"
	case errors.As(err, &exists):
		return "exists"
	case errors.As(err, &missing):
		return "missing"
	case strings.Contains(err.Error(), "has headers on"):
		return "headers differ"
	case strings.Contains(err.Error(), "goes over several lines"):
		return "several lines"
	case strings.Contains(err.Error(), "is a header for the SDKs"):
		return "indented header"
	case strings.Contains(err.Error(), "the file is left as it is"):
		return "not proved"
	}
	return "?" + err.Error()
}

// assertLines: what Add changes is after the old file; what Set changes is lines of its keys; what Remove takes is one run of
// lines that begins with the header or the blank line before it.
func assertLines(t *testing.T, seed uint64, e Edit, before, after []byte) {
	t.Helper()
	var out, in []string
	for _, l := range compare(cut(before), cut(after)) {
		switch l.mark {
		case '-':
			out = append(out, strings.TrimSpace(l.text))
		case '+':
			in = append(in, strings.TrimSpace(l.text))
		}
	}
	key := func(s string) string {
		at := strings.IndexAny(s, "=:")
		return strings.ToLower(strings.TrimSpace(s[:max(at, 0)]))
	}
	switch e.Op {
	case Add:
		if !bytes.HasPrefix(after, before) {
			t.Errorf("seed %d: add changed %q", seed, out)
		}
	case Set:
		allowed := map[string]bool{}
		for _, k := range e.Keys {
			allowed[k.Name] = true
		}
		for _, name := range e.Unset {
			allowed[name] = true
		}
		for _, s := range append(out, in...) {
			// A line that had no end may have got one.
			gotEnd := bytes.HasSuffix(bytes.TrimSpace(before), []byte(s)) && bytes.Contains(after, []byte(s))
			if !allowed[key(s)] && !gotEnd {
				t.Errorf("seed %d: set changed %q", seed, s)
			}
		}
	case Remove:
		if len(in) > 0 || len(out) == 0 || strings.Count(strings.Join(out, "\n"), "[") == 0 {
			t.Errorf("seed %d: remove took %q and put %q", seed, out, in)
		}
	}
}

// assertWayBack: a new section that is removed again leaves the file as it was, up to the end of its last line; a value that is
// set back leaves the very bytes.
func assertWayBack(t *testing.T, seed uint64, e Edit, before, after []byte) {
	t.Helper()
	switch e.Op {
	case Add:
		back, err := inMemory(after).Plan(Edit{Op: Remove, Name: e.Name})
		if err != nil {
			t.Fatalf("seed %d: remove again: %v", seed, err)
		}
		if !sameButEnd(back.Bytes(), before) {
			t.Fatalf("seed %d: add and remove made\n%q of\n%q", seed, back.Bytes(), before)
		}
	case Set:
		s := readCLI(before)
		var undo Edit
		for _, sec := range s.sections {
			if !e.inCLI(sec) {
				continue
			}
			undo = Edit{Op: Set, Name: e.Name, Foreign: true}
			for _, k := range e.Keys {
				have := sec.get(k.Name)
				if have == nil {
					undo.Unset = append(undo.Unset, k.Name)
				} else if checkKey(Key{k.Name, have.value}) == nil {
					undo.Keys = append(undo.Keys, Key{k.Name, have.value})
				} else {
					return
				}
			}
			for _, name := range e.Unset {
				if sec.get(name) != nil {
					return // the place of a line that is gone is not known
				}
			}
		}
		back, err := inMemory(after).Plan(undo)
		if err != nil && reason(err) == "broken after" {
			return // it was broken before; rdsx does not write that
		}
		if err != nil {
			t.Fatalf("seed %d: set back: %v", seed, err)
		}
		if !sameButEnd(back.Bytes(), before) {
			t.Fatalf("seed %d: %+v and back made\n%q of\n%q", seed, e, back.Bytes(), before)
		}
	}
}
