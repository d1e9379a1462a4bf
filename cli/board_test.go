package cli

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/rdsx/rdsx/aws"
)

// fakeTunnel is a tunnel on a board.
type fakeTunnel struct {
	mu    sync.Mutex
	state aws.TunnelState
	why   string
	ended chan struct{} // closed by End, when there is one
}

func (f *fakeTunnel) Snapshot() aws.Tunnel {
	f.mu.Lock()
	defer f.mu.Unlock()
	return aws.Tunnel{State: f.state, Local: "127.0.0.1:5432", Up: 7, Conns: []aws.Conn{{Peer: "127.0.0.1:50000"}}}
}

func (f *fakeTunnel) End(why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state, f.why = aws.StateClosed, why
	if f.ended != nil {
		close(f.ended)
	}
}

// boardApp is a process with a board in a folder that is short enough for a socket on every system.
func boardApp(t *testing.T) *app {
	t.Helper()
	dir, err := os.MkdirTemp("", "b")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	a := &app{Process: Process{Env: []string{"XDG_RUNTIME_DIR=" + dir}}}
	a.board = a.newBoard()
	t.Cleanup(a.board.close)
	return a
}

// TestBoard: a process tells its tunnels to another one of the same user alone, ends those that it is asked to end and no others,
// and is not found any more once it is over.
func TestBoard(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	a := boardApp(t)
	one, two := &fakeTunnel{state: aws.StateOpen}, &fakeTunnel{state: aws.StateIdle}
	leaveOne := a.board.post(one, openTunnel{Name: "one", Command: "connect"})
	leaveTwo := a.board.post(two, openTunnel{Name: "two", Command: "connect"})
	all, silent := a.peers(t.Context())
	if len(all) != 1 || len(silent) != 0 || len(all[0].tunnels) != 2 || all[0].tunnels[0].Name != "one" || all[0].tunnels[0].Up != 7 || all[0].tunnels[0].State != aws.StateOpen {
		t.Fatalf("told %+v, %v", all, silent)
	}
	if info, err := os.Stat(all[0].path); runtime.GOOS != "windows" && (err != nil || info.Mode().Perm() != 0o600) {
		t.Errorf("the socket: %v, %v; want 0600", info.Mode(), err)
	}
	ended, failed := endTunnels(t.Context(), all, all[0].tunnels[:1])
	if len(ended) != 1 || len(failed) != 0 || ended[0].State != aws.StateClosed || len(ended[0].Connections) != 1 || one.why != "ended by rdsx down" || two.why != "" {
		t.Errorf("ended %+v, %v; one %q, two %q", ended, failed, one.why, two.why)
	}
	if !leaveOne() || leaveTwo() {
		t.Error("the owner is not told which of them another process has ended")
	}
	if all, _ := a.peers(t.Context()); len(openTunnels(all)) != 0 {
		t.Errorf("both are gone, and listed are %+v", all)
	}
	if _, err := askBoard(t.Context(), all[0].path, boardRequest{Ask: "dance"}, listTime); err == nil || !strings.Contains(err.Error(), `no request "dance"`) {
		t.Errorf("an unknown request: %v", err)
	}
	// One that connects and says nothing does not hold up the end.
	c, err := new(net.Dialer).DialContext(t.Context(), "unix", all[0].path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a.board.close()
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(all[0].path), "*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if all, silent := a.peers(context.Background()); len(all)+len(silent) != 0 {
		t.Errorf("found after its end: %+v, %v", all, silent)
	}
}

// TestBoardHoldsOn: whoever ends the last tunnel of a process hears nothing but its end, which is when the board is closed.
func TestBoardHoldsOn(t *testing.T) {
	a := boardApp(t)
	tunnel := &fakeTunnel{ended: make(chan struct{})}
	a.board.post(tunnel, openTunnel{Name: "one", Command: "up"})
	all, _ := a.peers(t.Context())
	if len(all) != 1 {
		t.Fatalf("found %+v", all)
	}
	back := make(chan boardReply, 1)
	go func() {
		r, _ := askBoard(context.Background(), all[0].path, boardRequest{Ask: askEnd, IDs: []int{1}}, endTime)
		back <- r
	}()
	<-tunnel.ended
	select {
	case <-back:
		t.Error("back before the process was over")
	default:
	}
	a.board.close()
	if r := <-back; !r.Leaving || len(r.Tunnels) != 1 {
		t.Errorf("told %+v", r)
	}
}

// TestNobodyElsesFolder: a folder that others can look into holds no socket, and is not searched for any.
func TestNobodyElsesFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows keeps the profile's folders from others by other means")
	}
	a := boardApp(t)
	a.board.log = func() *slog.Logger { return slog.New(slog.DiscardHandler) }
	dir := a.runFolders()[0]
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	a.board.post(&fakeTunnel{}, openTunnel{Name: "one"})
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("there is %v", left)
	}
	long := &app{Process: Process{Env: []string{"XDG_STATE_HOME=/" + strings.Repeat("x", 100), "TMPDIR=" + filepath.Dir(dir)}}}
	l, err := listenPrivately(long.runFolders()[1:], socketEnd)
	if err != nil {
		t.Fatalf("where the state folder's path is too long: %v", err)
	}
	defer l.Close()
	if path := l.Addr().String(); !strings.HasPrefix(path, filepath.Dir(dir)+"/rdsx-") || !isPrivate(filepath.Dir(path)) {
		t.Errorf("listens at %s", path)
	}
}
