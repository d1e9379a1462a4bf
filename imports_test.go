package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/rdsx/rdsx"

// rule says what one folder of the tree may import from this module and from the AWS SDK, and why.
type rule struct {
	ours []string // import paths below the module, "/..." for a whole subtree
	sdk  bool
	why  string
}

// rules is the table of docs/architecture.md, "Who may import whom". The longest matching folder wins.
var rules = map[string]rule{
	".":                {ours: []string{"cli"}, why: "main is a table of contents: it wires cli and maps errors to exit codes"},
	"cli":              {ours: []string{"aws/...", "profiles", "tui/...", "sim/..."}, sdk: true, why: "cli wires everything together; only its demo may import sim"},
	"aws":              {why: "the nouns depend on the standard library alone"},
	"aws/account":      {ours: []string{"aws"}, sdk: true, why: "credentials know the nouns and the SDK"},
	"aws/discover":     {ours: []string{"aws", "aws/account"}, sdk: true, why: "discovery knows nouns, credentials and the SDK"},
	"aws/reach":        {ours: []string{"aws", "aws/account"}, sdk: true, why: "reachability knows nouns, credentials and the SDK"},
	"aws/session":      {ours: []string{"aws", "aws/account", "aws/session/wire", "aws/session/mux"}, sdk: true, why: "a session knows nouns, credentials, the SDK and its own two codecs"},
	"aws/session/wire": {why: "the frames are bytes and nothing else"},
	"aws/session/mux":  {why: "the mux is bytes and streams and nothing else"},
	"aws/setup":        {ours: []string{"aws", "aws/account"}, sdk: true, why: "set-up texts know nouns, credentials and the SDK"},
	"aws/doctor":       {ours: []string{"aws", "aws/account", "aws/reach", "aws/session", "aws/engine", "aws/setup"}, sdk: true, why: "the doctor asks every part that a tunnel depends on, and no screen or file editor"},
	"aws/forward":      {ours: []string{"aws"}, why: "the forwarder's Dialer is an interface; it knows no session, no SDK and no screen"},
	"aws/engine":       {why: "what an engine needs is facts about the engine"},
	"profiles":         {why: "the profile editor edits files and knows nothing of AWS"},
	"tui":              {ours: []string{"tui/...", "aws"}, why: "screens draw nouns; what they show arrives as messages"},
	"tui/targets":      {ours: []string{"aws", "tui/pick", "tui/chrome", "tui/theme", "tui/golden"}, why: "screens never import each other"},
	"tui/ports":        {ours: []string{"aws", "tui/pick", "tui/chrome", "tui/theme", "tui/golden"}, why: "screens never import each other"},
	"tui/tunnels":      {ours: []string{"aws", "tui/pick", "tui/chrome", "tui/theme", "tui/golden"}, why: "screens never import each other"},
	"tui/roles":        {ours: []string{"aws", "tui/pick", "tui/chrome", "tui/theme", "tui/golden"}, why: "screens never import each other"},
	"tui/pick":         {ours: []string{"tui/chrome", "tui/theme", "tui/golden"}, why: "the picker draws strings, and edits its filter in a field of the chrome"},
	"tui/chrome":       {ours: []string{"tui/theme"}, why: "header, help and toast know colours only"},
	"tui/golden":       {why: "golden screens compare strings"},
	"tui/theme":        {why: "colours by role depend on nothing of ours"},
	"sim":              {ours: []string{"sim/..."}, why: "a mistake on one side of the wire must not hide on the other: sim imports nothing of ours"},
	"demo":             {why: "the launcher is the standard library alone"},
	"testdata":         {why: "data"},
}

// TestImports holds the imports of every package to the table above. Test files may use sim as well: everything is proved
// on it.
func TestImports(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "dist" || path == filepath.Join("demo", "engines")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		seen++
		checkFile(t, filepath.ToSlash(path))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 10 {
		t.Fatalf("only %d Go files found: the walk is wrong", seen)
	}
}

func checkFile(t *testing.T, path string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	folder := filepath.ToSlash(filepath.Dir(path))
	r, at := ruleFor(folder)
	if at == "" {
		t.Errorf("%s: the folder %q has no rule: add it to DESIGN's table with its reason first", path, folder)
		return
	}
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if why := r.forbids(folder, imported, strings.HasSuffix(path, "_test.go")); why != "" {
			t.Errorf("%s imports %s: %s", path, imported, why)
		}
		if imported == "github.com/aws/aws-sdk-go-v2/aws" && (spec.Name == nil || spec.Name.Name != "sdk") {
			t.Errorf("%s imports %s without the name sdk: the name aws is our own package's", path, imported)
		}
	}
}

func ruleFor(folder string) (rule, string) {
	for at := folder; ; at = filepath.ToSlash(filepath.Dir(at)) {
		if r, ok := rules[at]; ok && (at != "." || folder == ".") {
			return r, at
		}
		if at == "." {
			return rule{}, ""
		}
	}
}

func (r rule) forbids(folder, imported string, test bool) string {
	if strings.HasPrefix(imported, "github.com/aws/aws-sdk-go-v2/") && !r.sdk && !test && !strings.HasPrefix(folder, "sim") {
		return r.why + "; not the AWS SDK"
	}
	ours, ok := strings.CutPrefix(imported, module+"/")
	if !ok || ours == folder {
		return ""
	}
	if test && folder == "." {
		return "" // what proves the program as a whole may put its parts together as it likes
	}
	if test && !strings.HasPrefix(folder, "sim") && (ours == "sim" || strings.HasPrefix(ours, "sim/")) {
		return ""
	}
	if strings.HasPrefix(ours, "sim") && strings.HasPrefix(folder, "cli") && !test {
		return ""
	}
	for _, allowed := range r.ours {
		if tree, ok := strings.CutSuffix(allowed, "/..."); ok && (ours == tree || strings.HasPrefix(ours, tree+"/")) || ours == allowed {
			return ""
		}
	}
	return r.why
}

// TestImportRulesBite proves that the rules can fail: each line is an import that must be refused.
func TestImportRulesBite(t *testing.T) {
	for folder, imported := range map[string]string{
		"aws":             module + "/aws/session",
		"aws/forward":     module + "/aws/session",
		"aws/engine":      "github.com/aws/aws-sdk-go-v2/service/rds",
		"aws/session/mux": module + "/aws",
		"sim/agent":       module + "/aws/session/wire",
		"tui/targets":     module + "/tui/tunnels",
		"tui":             module + "/aws/forward",
		"aws/discover":    module + "/sim",
		".":               module + "/aws",
	} {
		r, at := ruleFor(folder)
		if at == "" || r.forbids(folder, imported, false) == "" {
			t.Errorf("%s may import %s, and must not", folder, imported)
		}
	}
}
