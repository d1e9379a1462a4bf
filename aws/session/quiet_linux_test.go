package session

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// announced says whether the kernel tells whoever polls conn that there is something to read.
func announced(t *testing.T, conn net.Conn) bool {
	t.Helper()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := raw.Control(func(fd uintptr) {
		n, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	}); err != nil {
		t.Fatal(err)
	}
	return n > 0
}

// TestQuietSocketSpeaksBeforeAWait: while the reader rests a byte is not announced, but after a rest that has brought nothing the
// read that waits must hear of a single one, which may be the last of a download.
func TestQuietSocketSpeaksBeforeAWait(t *testing.T) {
	here, there := sockets(t)
	q := newQuiet(here)
	q.begin()
	if _, err := there.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	if announced(t, here) {
		t.Error("a byte is announced to a reader who rests")
	}
	if q.end(); !announced(t, here) {
		t.Error("a byte is not announced to a reader who waits")
	}
	p := make([]byte, 8)
	if n := q.read(p); n != 1 || p[0] != 1 {
		t.Errorf("%d bytes read", n)
	}

	conn := &batchConn{Conn: here, dry: func() time.Duration { return time.Millisecond }, drained: true}
	_ = here.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if n, err := conn.Read(p); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes, %v", n, err)
	}
	if _, err := there.Write([]byte{2}); err != nil {
		t.Fatal(err)
	}
	if conn.quiet == nil || !announced(t, here) {
		t.Error("after a rest that has brought nothing, a byte is not announced")
	}
}
