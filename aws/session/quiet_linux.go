package session

import (
	"net"
	"syscall"
)

// quietUntil is how many bytes may wait in the socket before the kernel says so again: more than come during a rest from an
// agent that sends a message a millisecond.
const quietUntil = readAhead * 3 / 4

// quiet keeps the kernel from waking the process for each segment that arrives while the reader rests: for a goroutine that
// is not waiting, such a wake-up is for nothing, and it costs more than reading the segment. The low-water mark of the socket
// does that (SO_RCVLOWAT, socket(7), which poll(2) and epoll(7) heed for TCP). It must be 1 again before anyone waits for bytes.
type quiet struct {
	conn syscall.RawConn
	on   bool
}

// newQuiet is nil for a connection that is no socket: then each segment is announced, as ever.
func newQuiet(conn net.Conn) *quiet {
	socket, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	return &quiet{conn: raw}
}

func (q *quiet) begin() {
	if q != nil && !q.on {
		q.on = q.mark(quietUntil) == nil
	}
}

// end is to be called before each read that may wait.
func (q *quiet) end() {
	if q != nil && q.on {
		q.on = q.mark(1) != nil
	}
}

// read takes what is there, without waiting; 0 when nothing is, or to find out why not needs an ordinary read.
func (q *quiet) read(p []byte) int {
	if q == nil {
		return 0
	}
	n := 0
	err := q.conn.Read(func(fd uintptr) bool {
		n, _ = syscall.Read(int(fd), p) // its error comes again in the ordinary read
		return true
	})
	if err != nil {
		return 0
	}
	return max(n, 0)
}

func (q *quiet) mark(bytes int) error {
	var failed error
	err := q.conn.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, bytes)
	})
	if err != nil {
		return err
	}
	return failed
}
