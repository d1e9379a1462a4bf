package account

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws"
)

// TestLoneQuote: the SDK panics at such a file, whatever profile is asked for.
func TestLoneQuote(t *testing.T) {
	for text, line := range map[string]string{
		"[default]\nregion = \"\n":                                    "line 2",
		"[default]\nregion = eu-west-1\n\n[profile x]\nfoo=' # why\n": "line 5",
		"[profile x]\ns3 =\n  a = '\n":                                "line 3",
	} {
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, _, err := Load(context.Background(), Options{Region: "eu-west-1", Env: []string{"AWS_CONFIG_FILE=" + path, "AWS_SHARED_CREDENTIALS_FILE=" + path + "-none"}})
		if !errors.Is(err, aws.ErrUsage) || !strings.Contains(err.Error(), line) || aws.NextOf(err) == "" {
			t.Errorf("%q: %v, want %s and advice", text, err, line)
		}
	}
	if n := loneQuote(filepath.Join("testdata", "explain.txt")); n != 0 {
		t.Errorf("a lone quote in line %d of a text that has none", n)
	}
}
