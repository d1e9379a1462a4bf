package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// board tells the tunnels of this process to the user's other rdsx processes, and ends them when one of those asks for it. It
// listens on a Unix socket of mode 0600 in a folder of 0700, from the first tunnel to the end of the process. A nil board tells
// nobody; so does one that can have no socket, which is no reason to refuse a tunnel.
type board struct {
	folders []string // where the socket may be, the best first
	log     func() *slog.Logger

	mu       sync.Mutex
	last     int // number of the latest tunnel
	notices  map[int]*notice
	listener net.Listener
	tried    bool // to listen
	closed   bool
	unread   map[net.Conn]bool // connections whose request has not come yet
	serving  sync.WaitGroup
	over     chan struct{} // closed by close
}

// posted is a tunnel as the board needs it.
type posted interface {
	Snapshot() aws.Tunnel
	End(why string) // ends its sessions at AWS and waits for that
}

// notice is a tunnel on the board.
type notice struct {
	tunnel posted
	fixed  openTunnel // what does not change in its life
	ended  bool       // by another process
}

// openTunnel is a tunnel as its process tells it to the others, and as rdsx ps prints it. Fields of its JSON are only ever added.
type openTunnel struct {
	ID          int             `json:"id"`   // within its process
	Name        string          `json:"name"` // as it was typed
	Set         string          `json:"set,omitempty"`
	Database    string          `json:"database,omitempty"` // its identifier
	Endpoint    string          `json:"endpoint"`           // host:port
	Instance    string          `json:"instance_id"`
	Local       string          `json:"local"`
	State       aws.TunnelState `json:"state"`
	Reason      string          `json:"reason,omitempty"`
	Up          uint64          `json:"up_bytes"`
	Down        uint64          `json:"down_bytes"`
	Connections []aws.Conn      `json:"connections"` // open now
	Accepted    uint64          `json:"connections_total"`
	Started     time.Time       `json:"started"`
	PID         int             `json:"pid"`
	Command     string          `json:"command"` // of its process: connect, exec, up, or screens
	Profile     string          `json:"profile,omitempty"`
	Region      string          `json:"region"`

	socket string // of its process, in the process that asks
}

// endedByDown is what the tunnel's own process says of such an end.
const endedByDown = "ended by rdsx down"

// What a process can be asked, one line of JSON on a connection, answered by one line.
const (
	boardVersion = 1
	askList      = "list"
	askEnd       = "end"
)

type boardRequest struct {
	Version int    `json:"version"`
	Ask     string `json:"ask"`
	IDs     []int  `json:"ids,omitempty"` // of the tunnels to end
}

type boardReply struct {
	Version int          `json:"version"`
	PID     int          `json:"pid"`
	Tunnels []openTunnel `json:"tunnels"`          // those that are open, or the last readings of those that were ended
	Leaving bool         `json:"leaving,omitzero"` // nothing is left to this process: the connection lasts until it ends
	Error   string       `json:"error,omitempty"`
}

// boardTime bounds how long a request or a reply may be under way.
const boardTime = 5 * time.Second

// newBoard is the process's board.
func (a *app) newBoard() *board {
	return &board{folders: a.runFolders(), log: a.log, notices: map[int]*notice{}, unread: map[net.Conn]bool{}, over: make(chan struct{})}
}

// told is what others are told of a tunnel to the route.
func (a *app) told(r route, command string) openTunnel {
	t := openTunnel{
		Name: cmp.Or(r.name, r.target.Name()), Endpoint: r.target.Endpoint.String(), PID: os.Getpid(), Command: command,
		Profile: r.target.Account.Profile, Region: r.target.Account.Region,
	}
	if r.target.Database != nil {
		t.Database = r.target.Database.ID
	}
	return t
}

// post puts a tunnel on the board until leave is called, which says whether another process has ended it.
func (b *board) post(t posted, fixed openTunnel) (leave func() (ended bool)) {
	if b == nil {
		return func() bool { return false }
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	n := &notice{tunnel: t, fixed: fixed}
	n.fixed.ID = b.last
	b.notices[b.last] = n
	if !b.tried && !b.closed {
		b.tried = true
		l, err := listenPrivately(b.folders, socketEnd)
		if err != nil {
			b.log().Debug("rdsx ps will not see this process", "error", err)
		} else {
			b.listener = l
			b.serving.Go(func() { b.serve(l) })
		}
	}
	return func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.notices, n.fixed.ID)
		return n.ended
	}
}

// serve takes connections until the listener is closed.
func (b *board) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err == nil {
			b.serving.Go(func() { b.answer(c) })
			continue
		}
		retry := time.NewTimer(100 * time.Millisecond) // out of file descriptors, perhaps
		select {
		case <-b.over:
			retry.Stop()
			return
		case <-retry.C:
		}
	}
}

// answer answers the one request of a connection.
func (b *board) answer(c net.Conn) {
	defer c.Close() //nolint:errcheck // what was to be said has been said, or nobody listens
	q, err := b.request(c)
	if err != nil {
		return
	}
	reply := boardReply{Version: boardVersion, PID: os.Getpid()}
	switch q.Ask {
	case askList:
		reply.Tunnels = b.list()
	case askEnd:
		reply.Tunnels, reply.Leaving = b.end(q.IDs)
	default:
		reply.Error = fmt.Sprintf("process %d is of another version: it knows no request %q", os.Getpid(), q.Ask)
	}
	_ = c.SetWriteDeadline(time.Now().Add(boardTime))
	if json.NewEncoder(c).Encode(reply) == nil && reply.Leaving {
		<-b.over
	}
}

func (b *board) request(c net.Conn) (q boardRequest, err error) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return q, net.ErrClosed
	}
	b.unread[c] = true
	b.mu.Unlock()
	_ = c.SetReadDeadline(time.Now().Add(boardTime))
	err = json.NewDecoder(io.LimitReader(c, 1<<20)).Decode(&q)
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.unread, c)
	return q, err
}

// list reads the tunnels that are not over, the oldest first: exec keeps its own until its program has ended.
func (b *board) list() []openTunnel {
	b.mu.Lock()
	var all []*notice
	for id := 1; id <= b.last; id++ {
		if n := b.notices[id]; n != nil {
			all = append(all, n)
		}
	}
	b.mu.Unlock()
	out := make([]openTunnel, 0, len(all))
	for _, n := range all {
		if t := n.read(); t.State != aws.StateClosed {
			out = append(out, t)
		}
	}
	return out
}

func (n *notice) read() openTunnel {
	now, t := n.tunnel.Snapshot(), n.fixed
	t.Instance, t.Local, t.State, t.Reason, t.Started = now.Target.Instance.ID, now.Local, now.State, now.Reason, now.Started
	t.Up, t.Down, t.Accepted = now.Up, now.Down, now.Connections
	t.Connections = append([]aws.Conn{}, now.Conns...)
	return t
}

// end ends the tunnels with these numbers, all at once, and waits until their sessions are over, also where another process is
// ending one already. Of one that is gone there is nothing to tell. leaving says that the process has nothing else to do.
func (b *board) end(ids []int) (last []openTunnel, leaving bool) {
	b.mu.Lock()
	var ending []*notice
	for _, id := range ids {
		if n := b.notices[id]; n != nil {
			n.ended = true
			ending = append(ending, n)
		}
	}
	b.mu.Unlock()
	last = make([]openTunnel, len(ending))
	var all sync.WaitGroup
	for i, n := range ending {
		all.Go(func() {
			before := n.tunnel.Snapshot().Conns
			n.tunnel.End(endedByDown)
			last[i] = n.read()
			last[i].Connections = before
		})
	}
	all.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	leaving = len(ending) > 0
	for _, n := range b.notices {
		leaving = leaving && n.ended && (n.fixed.Command == "connect" || n.fixed.Command == "up")
	}
	for _, n := range ending {
		leaving = leaving && (n.fixed.Command == "connect" || n.fixed.Command == "up")
	}
	return last, leaving
}

// close takes the socket away and waits until nobody is being answered. Ends that were asked for are over by then.
func (b *board) close() {
	if b == nil {
		return
	}
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	b.closed = true
	close(b.over)
	if b.listener != nil {
		_ = b.listener.Close() // its file goes with it
	}
	for c := range b.unread {
		_ = c.Close()
	}
	b.mu.Unlock()
	b.serving.Wait()
}
