package forward

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// Holder is the program that listens on a TCP port of this machine, the zero Process when none does. Another user's
// program can only be told by its user.
func Holder(port int) Process {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if s, ok := listenerIn(table, port); ok {
			return s.holder()
		}
	}
	return Process{}
}

// socket is one line of /proc/net/tcp.
type socket struct{ inode, uid string }

func listenerIn(path string, port int) (socket, bool) {
	file, err := os.Open(path)
	if err != nil {
		return socket{}, false
	}
	defer file.Close() //nolint:errcheck // only read
	return listener(file, port)
}

// listener finds who listens on port in the format of proc(5), /proc/net/tcp: sl, local_address, rem_address, st (0A is
// LISTEN), tx_queue:rx_queue, tr:when, retrnsmt, uid, timeout, inode.
func listener(r io.Reader, port int) (socket, bool) {
	want := fmt.Sprintf(":%04X", port)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if field := strings.Fields(lines.Text()); len(field) > 9 && field[3] == "0A" && strings.HasSuffix(field[1], want) {
			return socket{inode: field[9], uid: field[7]}, true
		}
	}
	return socket{}, false
}

func (s socket) holder() Process {
	link := "socket:[" + s.inode + "]"
	files, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is well formed
	for _, file := range files {
		if to, err := os.Readlink(file); err == nil && to == link {
			dir := filepath.Dir(filepath.Dir(file))
			pid, _ := strconv.Atoi(filepath.Base(dir)) // the pattern asks for digits
			name, _ := os.ReadFile(filepath.Join(dir, "comm"))
			return Process{PID: pid, Name: string(bytes.TrimSpace(name))}
		}
	}
	if u, err := user.LookupId(s.uid); err == nil {
		return Process{User: u.Username}
	}
	return Process{}
}
