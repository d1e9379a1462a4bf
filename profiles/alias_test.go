package profiles

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func openAlias(t testing.TB, text string) *File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "alias")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(t.Context(), Files{Config: path})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestAlias sets and removes an alias; in "before → after", what is removed again leaves before, except where noted.
func TestAlias(t *testing.T) {
	t.Parallel()
	const fn = "[toplevel]\nf =\n  !f() {\n    echo \"a=b\"\n  }; f\n"
	for name, c := range map[string]struct{ before, after, removed string }{
		"no file":              {"", "[toplevel]\nrdsx = !rdsx\n", ""},
		"other sections":       {"[command ec2]\nx = y\n", "[command ec2]\nx = y\n\n[toplevel]\nrdsx = !rdsx\n", "[command ec2]\nx = y\n"},
		"a function":           {fn, fn + "rdsx = !rdsx\n", fn},
		"CRLF":                 {"[toplevel]\r\na = b\r\n", "[toplevel]\r\na = b\r\nrdsx = !rdsx\r\n", "[toplevel]\r\na = b\r\n"},
		"no final newline":     {"[toplevel]\na = b", "[toplevel]\na = b\nrdsx = !rdsx", "[toplevel]\na = b\n"},
		"indented keys":        {"[toplevel]\n  a = b\n", "[toplevel]\n  a = b\n  rdsx = !rdsx\n", "[toplevel]\n  a = b\n"},
		"empty section":        {"[toplevel]\n", "[toplevel]\nrdsx = !rdsx\n", ""},
		"comment in section":   {"[toplevel]\n# mine\n", "[toplevel]\nrdsx = !rdsx\n# mine\n", "# mine\n"},
		"section in the midst": {"[toplevel]\na = b\n\n[x]\nc = d\n", "[toplevel]\na = b\nrdsx = !rdsx\n\n[x]\nc = d\n", "[toplevel]\na = b\n\n[x]\nc = d\n"},
	} {
		p, err := openAlias(t, c.before).PlanAlias("rdsx", "!rdsx", "!rdsx")
		if err != nil || string(p.Bytes()) != c.after {
			t.Errorf("%s: %v\n%q, want\n%q", name, err, bytesOf(p), c.after)
			continue
		}
		again := openAlias(t, c.after)
		if p, err = again.PlanAlias("rdsx", "!rdsx", "!rdsx"); err != nil || !p.Empty() || again.Alias("rdsx") != "!rdsx" {
			t.Errorf("%s: twice is not once: %v", name, err)
		}
		if p, err = again.PlanAlias("rdsx", "", "!rdsx"); err != nil || string(p.Bytes()) != c.removed {
			t.Errorf("%s, removed: %v\n%q, want\n%q", name, err, bytesOf(p), c.removed)
		}
	}
	var foreign *Foreign
	if _, err := openAlias(t, "[toplevel]\nrdsx = !x\n").PlanAlias("rdsx", "!rdsx", "!rdsx"); !errors.As(err, &foreign) || foreign.Line != 2 {
		t.Errorf("another's alias: %v", err)
	}
	var refusal *Refusal
	for _, broken := range []string{"rdsx = 1\n", "[toplevel]\na = 1\na = 2\n", "[toplevel]\n[toplevel]\n", "\ufeff[toplevel]\n", "[toplevel]\nnothing\n"} {
		if _, err := openAlias(t, broken).PlanAlias("rdsx", "!rdsx", "!rdsx"); !errors.As(err, &refusal) {
			t.Errorf("%q is edited: %v", broken, err)
		}
	}
}

func bytesOf(p *Plan) []byte {
	if p == nil {
		return nil
	}
	return p.Bytes()
}

// FuzzAlias plans on anything: what is planned keeps every other alias, and can be taken away again.
func FuzzAlias(f *testing.F) {
	for _, text := range []string{"", "[toplevel]\nf =\n  !f() {\n  }; f\n", "[toplevel]\r\n  a = b", "[x]\ny=z\n[toplevel]\nrdsx=\n  1\n  2\n", "[toplevel]\nrdsx : !x\n[b]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		before := readAliases([]byte(text))
		file := &File{files: Files{Config: "alias"}, data: []byte(text)}
		p, err := file.PlanAlias("rdsx", "!rdsx", file.Alias("rdsx"))
		if err != nil {
			return
		}
		if len(before.faults) > 0 {
			t.Errorf("a file that the CLI cannot read was planned on: %q", text)
		}
		after := &File{files: Files{Config: "alias"}, data: p.Bytes()}
		if after.Alias("rdsx") != "!rdsx" {
			t.Errorf("%q gives no alias", p.Bytes())
		}
		gone, err := after.PlanAlias("rdsx", "", "!rdsx")
		if err == nil && strings.Contains((&File{data: gone.Bytes()}).Alias("rdsx"), "rdsx") {
			t.Errorf("%q still has it", gone.Bytes())
		}
	})
}
