//go:build unix && !linux

package profiles

import (
	"os"
	"testing"
)

// asUser runs do as somebody whom modes bind.
func asUser(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Skip("modes do not bind root")
	}
	do()
}
