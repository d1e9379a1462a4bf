package profiles

import (
	"strings"
	"testing"
)

// TestProofBites hands the proof files that an editor with a mistake would make. It must refuse every one, and take the right
// one.
func TestProofBites(t *testing.T) {
	before := newDocument([]byte(team))
	e := Edit{Op: Set, Name: "orders", Keys: []Key{{"region", "eu-west-2"}}, Unset: []string{"external_id"}}
	splices, err := e.splices(before)
	if err != nil {
		t.Fatal(err)
	}
	right := string(apply(before.data, splices))
	if err := e.prove(before, newDocument([]byte(right)), splices); err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string]string{
		"a byte elsewhere":      strings.Replace(right, "eu-west-1", "eu-west-3", 1),
		"a comment elsewhere":   "# x\n" + right,
		"a line lost elsewhere": strings.Replace(right, "credential_source = Environment\n", "", 1),
		"another value":         strings.Replace(right, "eu-west-2", "eu-west-4", 1),
		"a key too many":        strings.Replace(right, "region = eu-west-2\n", "region = eu-west-2\noutput = json\n", 1),
		"the end cut off":       right[:len(right)-4],
		"something at the end":  right + "\n",
		"nothing done":          team,
	} {
		if err := e.prove(before, newDocument([]byte(wrong)), splices); err == nil {
			t.Errorf("%s: taken for right", name)
		}
	}
	// The same files, with spans that own up to the mistake.
	at := strings.Index(team, "[profile hub]")
	for name, s := range map[string]splice{
		"a span over another section": {at, at + len("[profile hub]"), "[profile bub]"},
		"a header twice":              {len(team), len(team), "[profile orders]\n"},
		"a key twice":                 {strings.Index(team, "rdsx_managed"), strings.Index(team, "rdsx_managed"), "role_arn = x\n"},
		"junk":                        {at, at, "junk\n"},
		"a key elsewhere":             {at, at, "output = json\n"},
		"a new section":               {at, at, "[profile more]\n"},
	} {
		spans := []splice{s}
		if err := (Edit{Op: Set, Name: "orders"}).prove(before, newDocument(apply(before.data, spans)), spans); err == nil {
			t.Errorf("%s: taken for right", name)
		}
	}
}

// TestProofNeedsBothReaders: a difference that one reader alone sees is a difference.
func TestProofNeedsBothReaders(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		cli, sdk      bool // who sees it
	}{
		"other quotes":          {"[profile a]\n[profile b]\nx = \"y\"\n", "[profile a]\n[profile b]\nx = 'y'\n", true, false},
		"another remark":        {"[profile a]\n[profile b]\nx = y #1\n", "[profile a]\n[profile b]\nx = y #2\n", true, false},
		"text after the header": {"[profile a]\n[profile b] #x\nx = y\n", "[profile a]\n[profile b] x\nx = y\n", false, true},
	} {
		e := Edit{Op: Set, Name: "a"}
		before, after := newDocument([]byte(c.before)), newDocument([]byte(c.after))
		cli := e.proveReading("CLI", before.cli, after.cli, e.inCLI)
		sdk := e.proveReading("SDKs", before.sdk, after.sdk, e.inSDK)
		if (cli != nil) != c.cli || (sdk != nil) != c.sdk {
			t.Errorf("%s: %v, %v", name, cli, sdk)
		}
	}
}
