package gateway

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/xtaci/smux"

	"github.com/rdsx/rdsx/sim/frame"
)

// mini is a small client of the data channel, good enough to prove the gateway and the agent: it acknowledges everything,
// sends again what is overdue, and survives the loss of its websocket.
type mini struct {
	t       testing.TB
	version string
	batch   *batchConn // nil without batching
	closed  chan string
	shaken  chan struct{}
	stop    chan struct{}
	wg      sync.WaitGroup

	mu       sync.Mutex
	room     sync.Cond
	ws       *websocket.Conn
	next     int64
	out      map[int64]*unacked
	expected int64
	early    map[int64]frame.Message
	kinds    map[string]int // of messages received
	flags    []uint32
	duplic   int
	over     bool

	in  *smuxIn
	mux *smux.Session
}

type unacked struct {
	frame []byte
	sent  time.Time
}

// window is what mini keeps in flight, in messages.
const window = 1024

func newMini(t testing.TB, version string) *mini {
	m := &mini{
		t: t, version: version, closed: make(chan string, 1), shaken: make(chan struct{}), stop: make(chan struct{}),
		out: map[int64]*unacked{}, early: map[int64]frame.Message{}, kinds: map[string]int{}, in: newSmuxIn(),
	}
	m.room.L = &m.mu
	m.wg.Go(m.resend)
	return m
}

// dial opens a websocket to the stream URL and gives the token; what is not acknowledged goes out again.
func (m *mini) dial(url, token string) error {
	d := websocket.Dialer{NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		var nd net.Dialer
		c, err := nd.DialContext(ctx, network, addr)
		return &batchConn{Conn: c}, err
	}, ReadBufferSize: 64 << 10}
	ws, resp, err := d.Dial(url, nil)
	if resp != nil && resp.Body != nil {
		_ = resp.Body.Close()
	}
	if err != nil {
		return err
	}
	open, _ := json.Marshal(map[string]string{"MessageSchemaVersion": "1.0", "RequestId": "r", "TokenValue": token, "ClientId": "c", "ClientVersion": m.version})
	if err := ws.WriteMessage(websocket.TextMessage, open); err != nil {
		return err
	}
	m.mu.Lock()
	m.ws, m.batch = ws, ws.NetConn().(*batchConn)
	for seq := m.next - int64(len(m.out)); seq < m.next; seq++ {
		if o := m.out[seq]; o != nil {
			_ = m.write(o.frame)
		}
	}
	m.mu.Unlock()
	m.wg.Go(func() { m.read(ws) })
	return nil
}

// write sends a frame on the present websocket. The caller holds mu.
func (m *mini) write(f []byte) error {
	if m.ws == nil {
		return net.ErrClosed
	}
	return m.ws.WriteMessage(websocket.BinaryMessage, f)
}

func (m *mini) read(ws *websocket.Conn) {
	defer ws.Close()
	for {
		_, b, err := ws.ReadMessage()
		if err != nil {
			m.mu.Lock()
			if m.ws == ws {
				m.ws = nil
			}
			m.mu.Unlock()
			m.end("websocket: " + err.Error())
			return
		}
		msg, err := frame.Parse(b)
		if err != nil {
			m.t.Errorf("frame from the gateway: %v", err)
			return
		}
		m.handle(msg)
	}
}

// end reports why, the first time only.
func (m *mini) end(why string) {
	select {
	case m.closed <- why:
	default:
	}
}

func (m *mini) handle(msg frame.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kinds[msg.Type]++
	switch msg.Type {
	case frame.Acknowledge:
		a, err := frame.ParseAck(msg.Payload)
		if err != nil {
			m.t.Errorf("acknowledgement: %v", err)
		}
		delete(m.out, a.Sequence)
		m.room.Broadcast()
	case frame.Output:
		ack := frame.Message{Type: frame.Acknowledge, Schema: 1, Created: 1, Flags: 3, Payload: frame.AppendAck(nil, msg.Type, msg.ID, msg.Sequence)}
		_ = m.write(frame.Append(nil, &ack))
		if msg.Sequence < m.expected {
			m.duplic++
			return
		}
		m.early[msg.Sequence] = msg
		for {
			next, ok := m.early[m.expected]
			if !ok {
				return
			}
			delete(m.early, m.expected)
			m.expected++
			m.stream(next)
		}
	case frame.Closed:
		var c struct{ Output string }
		if err := json.Unmarshal(msg.Payload, &c); err != nil {
			m.t.Errorf("channel_closed: %v", err)
		}
		m.over = true
		m.room.Broadcast()
		m.end("closed: " + c.Output)
	}
}

// stream takes stream messages in order. The caller holds mu.
func (m *mini) stream(msg frame.Message) {
	switch msg.PayloadType {
	case frame.HandshakeRequest:
		m.post(frame.HandshakeResponse, []byte(`{"ClientVersion":"`+m.version+`","ProcessedClientActions":[{"ActionType":"SessionType","ActionStatus":1,"ActionResult":null,"Error":""}],"Errors":null}`))
	case frame.HandshakeComplete:
		close(m.shaken)
	case frame.Data:
		m.in.push(msg.Payload)
	case frame.Flag:
		m.flags = append(m.flags, uint32(msg.Payload[3]))
	}
}

// post sends a stream message now. The caller holds mu.
func (m *mini) post(kind uint32, payload []byte) {
	msg := frame.Message{Type: frame.Input, Schema: 1, Created: 1, Sequence: m.next, PayloadType: kind, Payload: payload}
	o := &unacked{frame: frame.Append(nil, &msg), sent: time.Now()}
	m.out[m.next] = o
	m.next++
	_ = m.write(o.frame)
}

// settled says that everything sent is acknowledged.
func (m *mini) settled() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.out) == 0
}

func (m *mini) resend() {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-m.stop:
			return
		case <-tick.C:
		}
		m.mu.Lock()
		for _, o := range m.out {
			if time.Since(o.sent) > 300*time.Millisecond {
				o.sent = time.Now()
				_ = m.write(o.frame)
			}
		}
		m.mu.Unlock()
	}
}

// Write implements io.Writer for smux: messages of at most 1024 bytes, within the window.
func (m *mini) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.batch != nil {
		m.batch.cork()
		defer func() { _ = m.batch.uncork() }()
	}
	total := len(b)
	for len(b) > 0 {
		for len(m.out) >= window && !m.over {
			if m.batch != nil {
				_ = m.batch.uncork()
			}
			m.room.Wait()
		}
		if m.over {
			return total - len(b), io.ErrClosedPipe
		}
		n := min(len(b), 1024)
		m.post(frame.Data, b[:n])
		b = b[n:]
	}
	return total, nil
}

// Read implements io.Reader for smux.
func (m *mini) Read(b []byte) (int, error) { return m.in.Read(b) }

// Close implements io.Closer for smux.
func (m *mini) Close() error { m.in.close(); return nil }

// open starts smux once the handshake is done, or fails the test with the reason of the end.
func (m *mini) open() {
	m.t.Helper()
	select {
	case <-m.shaken:
	case why := <-m.closed:
		m.t.Fatalf("no handshake: %s", why)
	}
	c := smux.DefaultConfig()
	c.KeepAliveDisabled = true
	mux, err := smux.Client(m, c)
	if err != nil {
		m.t.Fatal(err)
	}
	m.mux = mux
}

// finish takes everything down.
func (m *mini) finish() {
	m.mu.Lock()
	m.over = true
	m.room.Broadcast()
	ws := m.ws
	m.mu.Unlock()
	close(m.stop)
	if ws != nil {
		_ = ws.Close()
	}
	if m.mux != nil {
		_ = m.mux.Close()
	}
	m.in.close()
	m.wg.Wait()
}

// smuxIn is an unbounded queue of bytes.
type smuxIn struct {
	mu     sync.Mutex
	some   sync.Cond
	buf    []byte
	closed bool
}

func newSmuxIn() *smuxIn {
	q := &smuxIn{}
	q.some.L = &q.mu
	return q
}

func (q *smuxIn) push(b []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.buf = append(q.buf, b...)
	q.some.Signal()
}

func (q *smuxIn) Read(b []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.buf) == 0 {
		if q.closed {
			return 0, io.EOF
		}
		q.some.Wait()
	}
	n := copy(b, q.buf)
	q.buf = q.buf[n:]
	return n, nil
}

func (q *smuxIn) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.some.Broadcast()
}

// serve runs a gateway on a real listener.
func serve(t testing.TB, g *Gateway) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: Batch(l), Config: &http.Server{Handler: g}}
	s.Start()
	g.SetURL(s.URL)
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		s.Close()
	})
}
