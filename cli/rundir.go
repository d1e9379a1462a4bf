package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	socketEnd     = ".sock"
	longestSocket = 103 // bytes of its path: macOS takes no more
	// socketAge is how old a socket on which nobody answers must be to be taken for dead: it is bound a moment before it listens.
	socketAge = 2 * time.Second
	// reportAge is how old the socket of a process that waits must be: the one that it has started connects at once, and then it is
	// gone. Nobody else may try it.
	reportAge = time.Minute
)

// stateFolder is the user's folder of rdsx's state; "" where there is no home.
func (a *app) stateFolder() string {
	dir := a.home("XDG_STATE_HOME", ".local/state", "Library/Application Support", "LocalAppData")
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "rdsx")
}

// runFolders are where processes of this user leave their sockets, the best first: the state folder, and where its path is too long
// for a socket a folder of the user's own among the temporary files. The system's folder for such things comes last: it is emptied
// at the end of the last login, which a process in the background or in a terminal multiplexer outlives.
func (a *app) runFolders() []string {
	var all []string
	if state := a.stateFolder(); state != "" {
		all = append(all, filepath.Join(state, "run"), filepath.Join(a.tempDir(), fmt.Sprintf("rdsx-%d-%s", os.Getuid(), digest(state)[:8])))
	}
	if dir := a.getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			all = append(all, filepath.Join(dir, "rdsx"))
		}
	}
	return all
}

// socketName begins with what tells this machine apart: home folders may be shared with others.
func socketName(pid int, end string) string {
	unique := strconv.FormatInt(time.Now().UnixNano()%(36*36*36*36), 36)
	return hostMark() + strconv.Itoa(pid) + "-" + unique + end
}

func hostMark() string {
	name, _ := os.Hostname() // without one all machines are this one
	return digest(name)[:6] + "-"
}

// pidOf is the process that a socket is of, 0 for another file or another machine's.
func pidOf(path string) int {
	rest, here := strings.CutPrefix(filepath.Base(path), hostMark())
	number, _, _ := strings.Cut(rest, "-")
	pid, err := strconv.Atoi(number)
	if !here || err != nil {
		return 0
	}
	return pid
}

// listenPrivately listens on a new socket to which only this user can connect, in the first folder that will do.
func listenPrivately(folders []string, end string) (net.Listener, error) {
	failed := errors.New("there is no folder for a socket: set HOME or XDG_RUNTIME_DIR")
	for _, dir := range folders {
		path := filepath.Join(dir, socketName(os.Getpid(), end))
		if len(path) > longestSocket {
			failed = fmt.Errorf("listen on %s: the path is too long for a socket", path)
			continue
		}
		if failed = makePrivate(dir); failed != nil {
			continue
		}
		var l net.Listener
		if l, failed = new(net.ListenConfig).Listen(context.Background(), "unix", path); failed != nil {
			continue
		}
		if failed = os.Chmod(path, 0o600); failed != nil {
			_ = l.Close()
			continue
		}
		return l, nil
	}
	return nil, failed
}

// makePrivate makes a folder that nobody else can look into.
func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if !isPrivate(dir) {
		return fmt.Errorf("%s is not a folder that this user alone can use", dir)
	}
	return nil
}

// isPrivate says whether it is a folder of this user's that nobody else can look into; a link to one is none.
func isPrivate(dir string) bool {
	info, err := os.Lstat(dir)
	return err == nil && info.IsDir() && ownAlone(info)
}

// clearAway removes the socket of a process that is gone, when it is older than that.
func clearAway(path string, age time.Duration) {
	if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()) > age {
		_ = os.Remove(path) // the next look will try again
	}
}

// socketsIn are the sockets of this machine's processes in a folder that have that end.
func socketsIn(dir, end string) []string {
	if !isPrivate(dir) {
		return nil
	}
	found, err := filepath.Glob(filepath.Join(escaped(dir), "*"+end))
	if err != nil { // only of a malformed pattern
		return nil
	}
	return slices.DeleteFunc(found, func(path string) bool { return pidOf(path) == 0 })
}

// isDead says whether err, of connecting to a socket, means that no process is behind it.
func isDead(err error) bool { return isRefused(err) || errors.Is(err, fs.ErrNotExist) }
