package session

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"
	"github.com/xtaci/smux"

	"github.com/rdsx/rdsx/aws/session/wire"
)

// fakeAgent is the far end of one session.
type fakeAgent struct {
	box  *box
	conn *websocket.Conn

	hearing sync.Mutex // a websocket's last messages are still acted on when the next one has come
	writing sync.Mutex
	seq     int64
	buf     []byte

	expected int64
	ahead    map[int64]wire.Message
	unacked  map[int64][]byte // what the client has not acknowledged
	deaf     atomic.Bool      // hears nothing
	input    *io.PipeWriter
	mux      *smux.Session
	basic    *basicConn
	tasks    sync.WaitGroup
}

func (a *fakeAgent) run() {
	s := &a.box.script
	if s.resume == nil {
		defer a.tasks.Wait()
		defer a.hangUp()
	}
	switch {
	case s.cut:
		return
	case s.closeCode != 0:
		_ = a.conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(s.closeCode, "token not accepted"))
		_, _, _ = a.conn.ReadMessage()
		return
	}
	_, text, err := a.conn.ReadMessage()
	if err != nil {
		return
	}
	a.box.mu.Lock()
	_ = json.Unmarshal(text, &a.box.hello)
	a.box.mu.Unlock()
	if !s.silent {
		actions, version := s.actions, s.agentVersion
		if actions == "" {
			actions = portActions
		}
		if version == "" {
			version = "3.3.4851.0"
		}
		_ = a.send(wire.PayloadHandshakeRequest, fmt.Appendf(nil, `{"AgentVersion":%q,"RequestedClientActions":%s}`, version, actions))
	}
	a.listen(a.conn)
}

func (a *fakeAgent) listen(conn *websocket.Conn) {
	for {
		_, frame, err := conn.ReadMessage()
		if err != nil || !a.receive(frame) {
			return
		}
	}
}

// again is run for a websocket in the place of a lost one: what is not acknowledged is sent again.
func (a *fakeAgent) again(conn *websocket.Conn) {
	if _, _, err := conn.ReadMessage(); err != nil {
		return
	}
	a.writing.Lock()
	a.conn.Close()
	a.conn = conn
	var seqs []int64
	for seq := range a.unacked {
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	for _, seq := range seqs {
		_ = conn.WriteMessage(websocket.BinaryMessage, a.unacked[seq])
	}
	a.writing.Unlock()
	a.listen(conn)
}

func (a *fakeAgent) hangUp() {
	if a.input != nil {
		a.input.Close()
	}
	if a.mux != nil {
		a.mux.Close()
	}
	if a.basic != nil {
		a.basic.Close()
	}
	a.conn.Close()
}

func (a *fakeAgent) receive(frame []byte) bool {
	a.hearing.Lock()
	defer a.hearing.Unlock()
	if a.deaf.Load() {
		return true
	}
	var m wire.Message
	if err := wire.Decode(frame, &m); err != nil {
		a.box.tb.Errorf("the client sent a bad message: %v", err)
		return false
	}
	if m.Type != wire.InputStreamData {
		var ack wire.Ack
		if m.Type == wire.Acknowledge && wire.ParseAck(m.Payload, &ack) == nil {
			a.writing.Lock()
			delete(a.unacked, ack.Seq)
			a.writing.Unlock()
		}
		return true
	}
	flag := m.PayloadType == wire.PayloadFlag
	if !flag || !a.box.script.ignoreFlags {
		_ = a.write(func(b []byte) []byte { return wire.AppendAck(b, &m, wire.NewID(), 1) })
	}
	if m.Seq > a.expected {
		a.ahead[m.Seq] = m // gorilla gives every message a buffer of its own
	}
	for ok := m.Seq == a.expected; ok; m, ok = a.ahead[a.expected] {
		delete(a.ahead, m.Seq)
		a.expected++
		if !a.act(&m) {
			return false
		}
	}
	return true
}

func (a *fakeAgent) act(m *wire.Message) bool {
	switch m.PayloadType {
	case wire.PayloadHandshakeResponse:
		return a.handshaken(string(m.Payload))
	case wire.PayloadFlag:
		f, _ := wire.ParseFlag(m.Payload)
		a.box.mu.Lock()
		a.box.flags = append(a.box.flags, f)
		a.box.mu.Unlock()
		if f == wire.DisconnectToPort && a.basic != nil {
			a.basic.leave()
			a.basic = nil
		}
	case wire.PayloadOutput:
		switch {
		case a.input != nil:
			_, _ = a.input.Write(m.Payload)
		case a.mux == nil:
			if a.basic == nil || a.basic.over.Load() {
				a.connectBasic()
			}
			if a.basic != nil {
				_, _ = a.basic.Write(m.Payload)
			}
		}
	}
	return true
}

func (a *fakeAgent) handshaken(response string) bool {
	s := &a.box.script
	a.box.mu.Lock()
	a.box.responses = append(a.box.responses, response)
	a.box.mu.Unlock()
	if strings.Contains(response, `"ActionStatus":2`) || strings.Contains(response, `"ActionStatus":3`) {
		return true // a real agent cancels some time later; the client must not need it
	}
	if strings.Contains(response, `"ActionType":"SessionType","ActionStatus":1`) && muxAgent(s) {
		a.serveMux()
	}
	_ = a.send(wire.PayloadHandshakeComplete, fmt.Appendf(nil, `{"HandshakeTimeToComplete":1000,"CustomerMessage":%q}`, s.customer))
	if s.closedOutput != nil {
		body, _ := json.Marshal(map[string]any{"MessageType": "channel_closed", "SessionId": sessionID, "Output": *s.closedOutput})
		_ = a.write(func(b []byte) []byte {
			m := wire.Message{Type: wire.ChannelClosed, Created: 1, Flags: 3, ID: wire.NewID(), Payload: body}
			return m.Append(b)
		})
	}
	return true
}

func muxAgent(s *script) bool {
	return (s.agentVersion == "" || newer(s.agentVersion, lastWithoutMux)) && (s.actions == "" || strings.Contains(s.actions, "LocalPortForwarding"))
}

// serveMux runs an smux server, as the agent does, on the byte stream inside the messages.
func (a *fakeAgent) serveMux() {
	in, w := io.Pipe()
	a.input = w
	cfg := smux.DefaultConfig()
	cfg.KeepAliveDisabled = true
	server, err := smux.Server(agentStream{in, a}, cfg)
	if err != nil {
		a.box.tb.Error(err)
		return
	}
	a.mux = server
	a.tasks.Go(func() {
		for {
			stream, err := server.AcceptStream()
			if err != nil {
				in.Close()
				return
			}
			if a.box.script.refuse {
				_ = a.send(wire.PayloadFlag, wire.AppendFlag(nil, wire.ConnectToPortError))
				stream.Close()
				continue
			}
			a.tasks.Go(func() {
				defer stream.Close()
				a.box.target(stream)
			})
		}
	})
}

// basicConn is the one connection of basic mode.
type basicConn struct {
	net.Conn
	left atomic.Bool // closed because the client said so
	over atomic.Bool // closed by the target
}

func (c *basicConn) leave() {
	c.left.Store(true)
	c.Close()
}

func (a *fakeAgent) connectBasic() {
	if a.box.script.refuse {
		_ = a.send(wire.PayloadFlag, wire.AppendFlag(nil, wire.ConnectToPortError))
		return
	}
	near, far := net.Pipe()
	conn := &basicConn{Conn: near}
	a.basic = conn
	a.tasks.Go(func() {
		defer far.Close()
		a.box.target(far)
	})
	a.tasks.Go(func() {
		_, _ = io.Copy(agentStream{nil, a}, near)
		if !conn.left.Load() {
			conn.over.Store(true)
			_ = a.send(wire.PayloadFlag, wire.AppendFlag(nil, wire.DisconnectToPort))
		}
	})
}

func (b *box) target(conn net.Conn) {
	if b.script.serve != nil {
		b.script.serve(conn)
		return
	}
	_, _ = io.Copy(conn, conn)
}

// agentStream is the mux's socket at the agent: what it writes becomes messages of at most 1024 bytes.
type agentStream struct {
	*io.PipeReader
	agent *fakeAgent
}

func (s agentStream) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), 1024)
		if err := s.agent.send(wire.PayloadOutput, rest[:n]); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return len(p), nil
}

func (a *fakeAgent) send(t wire.PayloadType, payload []byte) error {
	err := a.write(func(b []byte) []byte {
		m := wire.Message{Type: wire.OutputStreamData, Created: 1, Seq: a.seq, ID: wire.NewID(), PayloadType: t, Payload: payload}
		a.seq++
		b = m.Append(b)
		a.unacked[m.Seq] = slices.Clone(b)
		return b
	})
	if a.box.script.resume != nil {
		return nil // it is sent again
	}
	return err
}

func (a *fakeAgent) write(frame func([]byte) []byte) error {
	a.writing.Lock()
	defer a.writing.Unlock()
	a.buf = frame(a.buf[:0])
	return a.conn.WriteMessage(websocket.BinaryMessage, a.buf)
}

// lastWords sends a payload and closes the websocket in one write.
func (a *fakeAgent) lastWords(payload string) {
	a.writing.Lock()
	defer a.writing.Unlock()
	m := wire.Message{Type: wire.OutputStreamData, Created: 1, Seq: a.seq, ID: wire.NewID(), PayloadType: wire.PayloadOutput, Payload: []byte(payload)}
	a.seq++
	frame := m.Append(nil)
	all := append([]byte{0x82, 126, byte(len(frame) >> 8), byte(len(frame))}, frame...) // RFC 6455 §5.2
	_, _ = a.conn.UnderlyingConn().Write(append(all, 0x88, 2, 0x03, 0xe8))
}
