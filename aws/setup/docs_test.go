package setup

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of docs/iam.md anew")

const tableStart, tableEnd = "<!-- the table begins: go test ./aws/setup -run Docs -update writes it -->\n", "<!-- the table ends -->\n"

// TestDocsOfCalls holds docs/iam.md to the table of commands, which cli's tests hold to what the commands call.
func TestDocsOfCalls(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "iam.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), tableStart)
	_, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no marks for the table", path)
	}
	want := before + tableStart + callTables() + tableEnd + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s is not the table of the commands; go test ./aws/setup -run Docs -update writes it", path)
	}
}

// callTables is a table for each command.
func callTables() string {
	var b strings.Builder
	for _, c := range Commands() {
		name := "rdsx " + c.Name
		if c.Name == "screen" {
			name = "rdsx without a command: the screens"
		}
		fmt.Fprintf(&b, "\n### %s\n\n| permission | on | for |\n|---|---|---|\n", name)
		for _, call := range c.Calls {
			why := call.Why
			if call.When != "" {
				why += "; when " + call.When
			}
			on := string(call.On)
			if call.On == Free {
				on = "nothing: everybody may"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", call.Action, on, why)
		}
	}
	b.WriteString("\n")
	return b.String()
}
