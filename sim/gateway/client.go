package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/rdsx/rdsx/sim/frame"
)

const (
	dataChannel = "/v1/data-channel/"
	cellNumber  = "AAEAAVnzXkTt0Pn8pjPZBFY2"

	openLimit = 30 * time.Second // for the first message
	byeLimit  = time.Second      // for the client's answer to a close
	slabSize  = 64 << 10
	frameRoom = 4 << 10 // a slab with less room is not begun on
	maxFrame  = 4 << 20
	frameHead = 120 // bytes before a message's payload
)

// client is one websocket of a session's client.
type client struct {
	s       *session
	ws      *websocket.Conn
	conn    *batchConn
	bye     func()        // closes with 1000
	gone    chan struct{} // closed when the websocket is no more
	written chan struct{} // closed when the writer has ended
	once    sync.Once
	slab    []byte
}

// opening is the first message (docs/protocol.md §1.1).
type opening struct {
	MessageSchemaVersion, RequestId, TokenValue, ClientId, ClientVersion string //nolint:revive // the wire's spelling
}

// ServeHTTP answers GET /v1/data-channel/ID?role=publish_subscribe.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, ok := strings.CutPrefix(r.URL.Path, dataChannel)
	if !ok || r.URL.Query().Get("role") != "publish_subscribe" {
		http.NotFound(w, r)
		return
	}
	if g.o.Verify != nil {
		if err := g.o.Verify(r); err != nil {
			g.o.Log.Info("gateway: upgrade refused", "session", id, "err", err)
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
	}
	s := g.find(id)
	if s == nil || r.URL.Query().Get("cell-number") != cellNumber {
		http.NotFound(w, r)
		return
	}
	if g.faults.spend(func(f *Faults) *int { return &f.FailUpgrades }) {
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	if !g.enter() {
		http.Error(w, errClosed.Error(), http.StatusServiceUnavailable)
		return
	}
	defer g.wg.Done()
	upgrader := websocket.Upgrader{ReadBufferSize: slabSize, CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	c := &client{s: s, ws: ws, gone: make(chan struct{}), written: make(chan struct{})}
	c.conn, _ = ws.NetConn().(*batchConn)
	if c.conn == nil {
		c.conn = &batchConn{Conn: ws.NetConn()} // not corked, so it only closes
	}
	c.serve(g.ctx)
}

// enter counts a goroutine, unless the gateway is closed.
func (g *Gateway) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.wg.Add(1)
	return true
}

// serve runs the websocket to its end.
func (c *client) serve(ctx context.Context) {
	defer c.drop()
	defer context.AfterFunc(ctx, c.drop)()
	c.ws.SetReadLimit(maxFrame)
	c.ws.SetPingHandler(func(data string) error { return c.pong(ctx, data) })
	if !c.opened() {
		c.refuse()
		return
	}
	writing, bye := context.WithTimeout(ctx, c.s.g.o.HourlyClose)
	defer bye()
	c.bye = bye
	c.s.attach(c)
	defer c.s.detach(c)
	go func() {
		defer close(c.written)
		c.write(writing)
	}()
	defer func() { <-c.written }()
	defer c.drop()
	c.read(ctx)
}

// drop breaks the connection at once: no close frame, no TLS goodbye.
func (c *client) drop() {
	c.once.Do(func() {
		close(c.gone)
		raw := c.conn.Conn
		if t, ok := raw.(interface{ NetConn() net.Conn }); ok {
			raw = t.NetConn()
		}
		_ = raw.Close()
	})
}

// opened reads the first message and redeems its token.
func (c *client) opened() bool {
	_ = c.ws.SetReadDeadline(time.Now().Add(openLimit))
	kind, text, err := c.ws.ReadMessage()
	if err != nil || kind != websocket.TextMessage {
		return false
	}
	_ = c.ws.SetReadDeadline(time.Time{})
	var o opening
	if err := json.Unmarshal(text, &o); err != nil || o.MessageSchemaVersion != "1.0" {
		return false
	}
	return c.s.redeem(o.TokenValue)
}

// refuse closes a websocket whose token is no good.
func (c *client) refuse() { c.turnAway(websocket.ClosePolicyViolation, "Token is not valid") }

// turnAway closes the websocket with a reason and waits for the client's answer, which a socket dropped at once would not let
// it give.
func (c *client) turnAway(code int, text string) {
	until := time.Now().Add(byeLimit)
	_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text), until)
	_ = c.ws.SetReadDeadline(until)
	for {
		if _, _, err := c.ws.NextReader(); err != nil {
			return
		}
	}
}

// pong answers a ping after a round trip, and not at all while the network is frozen.
func (c *client) pong(ctx context.Context, data string) error {
	if err := c.s.g.faults.gate(ctx, c.gone); err != nil {
		return nil // the reader will see it
	}
	answer := func() {
		_ = c.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(byeLimit))
	}
	if rtt := c.s.g.faults.Load().RTT; rtt > 0 {
		time.AfterFunc(rtt, answer)
	} else {
		answer()
	}
	return nil
}

// read passes the client's frames on to the agent until the websocket ends.
func (c *client) read(ctx context.Context) {
	for {
		if c.s.g.faults.gate(ctx, c.gone) != nil {
			return
		}
		kind, r, err := c.ws.NextReader()
		if err != nil {
			return
		}
		f, err := c.readFrame(r)
		if err != nil {
			return
		}
		if kind != websocket.BinaryMessage {
			continue
		}
		if now := c.s.g.faults.Load(); now.MaxPayload > 0 && int64(len(f)-frameHead) > now.MaxPayload {
			if now.MaxPayloadSilent {
				continue
			}
			c.turnAway(websocket.CloseMessageTooBig, "Message is too big")
			return
		}
		switch frame.Kind(f) {
		case frame.Input:
			c.s.input.Store(int64(time.Since(c.s.started)))
		case frame.Acknowledge:
		default:
			c.s.g.o.Log.Warn("gateway: the client sent a message that is not its to send", "session", c.s.in.ID, "type", frame.Kind(f))
			continue
		}
		if c.s.up.put(ctx, c.gone, f) != nil {
			return
		}
	}
}

// readFrame reads a message into the slab: one allocation for dozens of frames, which the wires and the agent keep.
func (c *client) readFrame(r io.Reader) ([]byte, error) {
	if cap(c.slab)-len(c.slab) < frameRoom {
		c.slab = make([]byte, 0, slabSize)
	}
	at := len(c.slab)
	buf := c.slab
	for {
		if len(buf) == cap(buf) { // a large one: a slab of its own
			buf = append(make([]byte, 0, 2*(cap(buf)-at)+slabSize), buf[at:]...)
			at = 0
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			c.slab = buf
			return buf[at:len(buf):len(buf)], nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// write sends what comes down the wire, as many frames at once as there are, until the websocket's hour is over.
func (c *client) write(ctx context.Context) {
	defer c.drop()
	var batch [][]byte
	for {
		var err error
		batch, err = c.s.down.take(ctx, c.gone, batch[:0])
		switch {
		case errors.Is(err, errCut) || errors.Is(context.Cause(ctx), errClosed):
			return
		case err != nil:
			c.goodbye("Bye")
			return
		}
		over, err := c.send(batch)
		if err != nil {
			return
		}
		if over {
			c.goodbye("")
			return
		}
	}
}

// send writes a batch. over: the last of it was channel_closed.
func (c *client) send(batch [][]byte) (over bool, err error) {
	c.conn.cork()
	for i, f := range batch {
		over = over || frame.Kind(f) == frame.Closed
		err = errors.Join(err, c.ws.WriteMessage(websocket.BinaryMessage, f))
		batch[i] = nil
	}
	return over, errors.Join(err, c.conn.uncork())
}

// goodbye closes with 1000 and waits for the client's answer, which ends the reader.
func (c *client) goodbye(text string) {
	_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, text), time.Now().Add(byeLimit))
	t := time.NewTimer(byeLimit)
	defer t.Stop()
	select {
	case <-c.gone:
	case <-t.C:
	}
}
