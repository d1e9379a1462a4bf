package cli

import (
	"path/filepath"
	"testing"
)

// TestAliasFileIsNeverBelowTheWorkingFolder: without HOME the alias file is where the AWS CLI looks for it then.
func TestAliasFileIsNeverBelowTheWorkingFolder(t *testing.T) {
	t.Parallel()
	for _, env := range [][]string{nil, {"HOME="}} {
		a := &app{Process: Process{Env: env}}
		if path := a.aliasFiles().Config; !filepath.IsAbs(path) {
			t.Errorf("with %q the alias file is %s", env, path)
		}
	}
}
