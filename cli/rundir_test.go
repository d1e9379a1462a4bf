package cli

import (
	"net"
	"os"
	"testing"
	"time"
)

// TestDeadReport: the socket of a process that was killed before the one that it had started was there is removed, and that of one
// that may be waiting still is left alone: whoever connects to it is taken for the other one.
func TestDeadReport(t *testing.T) {
	a := boardApp(t)
	l, err := listenPrivately(a.runFolders(), reportEnd)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	path := l.Addr().String()
	a.peers(t.Context())
	if _, err := os.Stat(path); err != nil {
		t.Error("one that is waited on is removed")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, long, long); err != nil {
		t.Fatal(err)
	}
	a.peers(t.Context())
	if _, err := os.Stat(path); err == nil {
		t.Error("the one of a dead process stays for ever")
	}
}
