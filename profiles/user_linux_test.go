package profiles

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// nobody owns no files of this machine.
const nobody = 65534

// asUser runs do as somebody whom modes bind. For root that is a thread with another file-system user, which ends with do.
func asUser(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		do()
		return
	}
	// The folder above those of t.TempDir is this test's own as well.
	if err := os.Chown(filepath.Dir(t.TempDir()), nobody, nobody); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread must not be used again
		if err := syscall.Setfsuid(nobody); err != nil {
			t.Error(err)
			return
		}
		do()
	}()
	<-done
}
