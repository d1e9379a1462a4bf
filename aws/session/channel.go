package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session/mux"
	"github.com/rdsx/rdsx/aws/session/wire"
)

// channel is the data channel of one session: sequence state, unacknowledged messages, mux. It knows no socket; a
// transport reads into it (receive) and writes out of it (take), and can be replaced by another without loss.
type channel struct {
	log     *slog.Logger
	request Request
	options Options

	sender   *sender
	receiver receiver // the reading goroutine's
	acks     ackQueue
	wake     chan struct{} // 1 slot: the writer has something to do

	heard     atomic.Bool // the agent or the gateway has said anything at all
	answered  bool        // the reading goroutine's: HandshakeRequest has been answered
	multiplex bool        // decided with that answer
	keepalive bool        // the agent expects NOPs
	owed      bool        // the reading goroutine's: acknowledgements wait for which no timer runs

	ready chan struct{} // closed by HandshakeComplete
	done  chan struct{} // closed once the channel carries nothing more

	link  *link
	retry chan struct{}                    // 1 slot: try to resume now
	wall  atomic.Pointer[func() time.Time] // the clock that goes on while the machine sleeps

	mu           sync.Mutex
	err          error
	refusal      error // the handshake was answered with a no; the answer is on its way
	mux          *mux.Session
	agentVersion string
	message      string // CustomerMessage

	received, duplicates, dropped, pauses atomic.Uint64
}

func newChannel(r Request, o Options) *channel {
	c := &channel{
		log: o.Log, request: r, options: o,
		sender: newSender(o.Window, o.Payload, newPace(o)),
		wake:   make(chan struct{}, 1),
		ready:  make(chan struct{}),
		done:   make(chan struct{}),

		link:  newLink(),
		retry: make(chan struct{}, 1),
	}
	c.setWall(func() time.Time { return time.Now().Round(0) })
	c.acks.wake = c.signal
	return c
}

func (c *channel) setWall(clock func() time.Time) { c.wall.Store(&clock) }

// signal wakes the writer.
func (c *channel) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// take gives the writer its next frame: acknowledgements, control messages, whatever is overdue, new data.
func (c *channel) take(now time.Time) []byte {
	if frame := c.acks.take(now.UnixMilli()); frame != nil {
		return frame
	}
	frame := c.sender.take(now)
	if frame == nil && c.disconnect() {
		frame = c.sender.take(now)
	}
	if frame == nil {
		c.sender.settled()
	}
	return frame
}

// disconnect tells the agent, in basic mode, that the local side has closed its connection, once its last byte is sent.
func (c *channel) disconnect() bool {
	m := c.session()
	if m == nil || c.multiplex || !m.TakeClose() {
		return false
	}
	c.sender.push(control{payloadType: wire.PayloadFlag, payload: wire.AppendFlag(nil, wire.DisconnectToPort), onAck: m.Free})
	return true
}

// shaken says whether the handshake is complete: before that, the loss of the websocket is the end.
func (c *channel) shaken() bool {
	select {
	case <-c.ready:
		return true
	default:
		return false
	}
}

// unlinked takes note that the websocket is lost, on which something last arrived at a time. No transport may run.
func (c *channel) unlinked(heard time.Time) {
	c.sender.unlinked(heard)
	c.acks.again(heard.Add(-reackFor).UnixMilli())
}

// relinked gets everything on its way again that may be lost.
func (c *channel) relinked() {
	c.sender.relinked(time.Now())
	c.signal()
}

// session is the mux, nil before the handshake has completed.
func (c *channel) session() *mux.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mux
}

// receive takes one websocket message. An error is the end of the channel.
func (c *channel) receive(frame []byte) error {
	var m wire.Message
	if err := wire.Decode(frame, &m); err != nil {
		c.dropped.Add(1) // not acknowledged: the sender will repeat it
		c.log.Debug("message dropped", "error", err)
		return nil
	}
	c.heard.Store(true)
	switch m.Type {
	case wire.OutputStreamData:
		return c.stream(&m)
	case wire.Acknowledge:
		c.acknowledged(&m)
	case wire.ChannelClosed:
		return c.closedByService(m.Payload)
	case wire.PausePublication:
		c.pauses.Add(1)
		c.sender.pause(time.Now())
		c.signal() // the writer's timer must know when the pause ends
	case wire.StartPublication:
		c.sender.resume(time.Now())
		c.signal()
	default:
		c.log.Debug("message of an unknown type ignored", "type", m.Type)
	}
	return nil
}

func (c *channel) acknowledged(m *wire.Message) {
	var a wire.Ack
	if err := wire.ParseAck(m.Payload, &a); err != nil {
		c.dropped.Add(1)
		c.log.Debug("acknowledgement dropped", "error", err)
		return
	}
	if c.sender.acked(a.Seq, time.Now()) {
		c.signal()
	}
}

// stream puts a numbered message in its place: acknowledged first, so that nothing that is done with it can delay that.
func (c *channel) stream(m *wire.Message) error {
	v := c.receiver.judge(m)
	if v == refuse {
		c.dropped.Add(1)
		return nil
	}
	bulk := c.receiver.bulk()
	c.acks.push(m.Seq, m.ID, !bulk)
	c.owed = c.owed || bulk
	c.receiver.measure(m)
	switch v {
	case repeat:
		c.duplicates.Add(1)
	case accept:
		if err := c.deliver(m.PayloadType, m.Payload); err != nil {
			return err
		}
		for e, ok := c.receiver.next(); ok; e, ok = c.receiver.next() {
			if err := c.deliver(e.payloadType, e.payload); err != nil {
				return err
			}
		}
	}
	return nil
}

// dry tells readers of what has arrived, once it is all dealt with, and says how long to wait for more in a bulk download, whose
// messages can be read a few at a time. If so, those read so far are acknowledged now.
func (c *channel) dry() (rest time.Duration) {
	if m := c.session(); m != nil {
		m.Wake()
	}
	if c.owed {
		c.owed = false
		c.signal()
	}
	return c.receiver.rest()
}

// deliver acts on a message whose turn it is.
func (c *channel) deliver(t wire.PayloadType, payload []byte) error {
	c.received.Add(1)
	switch t {
	case wire.PayloadOutput:
		m := c.session()
		if m == nil {
			return nil // data without a handshake: an agent too old to forward ports (docs/protocol.md §1.3)
		}
		if err := m.Input(payload); err != nil {
			return aws.Advise(fmt.Errorf("%w: the agent broke the mux protocol: %w", ErrConnectionLost, err), nil, "run the same command again")
		}
	case wire.PayloadHandshakeRequest:
		return c.answer(payload)
	case wire.PayloadHandshakeComplete:
		return c.complete(payload)
	case wire.PayloadEncryptionChallengeRequest:
		return handshakeRefused("the agent asks for encryption, which port sessions never have")
	case wire.PayloadFlag:
		return c.flag(payload)
	default:
		c.log.Debug("payload ignored", "type", t.String(), "bytes", len(payload))
	}
	return nil
}

// flag acts on what the agent says of the connection to the port (docs/protocol.md §1.2).
func (c *channel) flag(payload []byte) error {
	f, err := wire.ParseFlag(payload)
	m := c.session()
	if err != nil || m == nil {
		return nil
	}
	c.log.Debug("flag", "flag", f.String())
	switch f {
	case wire.DisconnectToPort:
		if !c.multiplex {
			m.Hangup(nil)
		}
	case wire.ConnectToPortError:
		refused := c.refused()
		if c.multiplex {
			m.FailNext(refused)
		} else {
			m.Hangup(refused)
		}
	case wire.TerminateSession:
		return closedError("", c.request.Host)
	}
	return nil
}

// refused is what a connection ends with that the agent could not make.
func (c *channel) refused() error {
	at := aws.Endpoint{Host: c.request.Host, Port: c.request.Port}
	where := at.String()
	switch {
	case at.Port == 0:
		where = "the destination of " + c.request.Document
	case at.Host == "":
		where = fmt.Sprintf("port %d of %s", at.Port, c.request.Target)
	}
	return aws.Advise(fmt.Errorf("%s could not be connected from %s: refused, or no route to it", where, c.request.Target), aws.ErrRefused,
		"check that the database is up and listens on that port (rdsx ls), and its security group")
}

func (c *channel) closedByService(payload []byte) error {
	var body wire.ChannelClosedBody
	if err := json.Unmarshal(payload, &body); err != nil {
		c.log.Debug("channel_closed without a readable body", "error", err)
	}
	if refusal := c.refusedHandshake(); refusal != nil {
		return refusal
	}
	return closedError(string(body.Output), c.request.Host)
}

func (c *channel) refusedHandshake() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refusal
}

// end closes the channel for good; the first reason stays.
func (c *channel) end(err error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	m := c.mux
	close(c.done)
	c.mu.Unlock()
	if m != nil {
		m.Abort(err)
	}
	c.log.Debug("session over", "reason", err)
}

// reason is why the channel is closed, nil while it is not.
func (c *channel) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// lost explains the end of the websocket to whoever waits for the session.
func (c *channel) lost(err error) error {
	var hint *aws.Hint
	if errors.As(err, &hint) {
		return err
	}
	if refusal := c.refusedHandshake(); refusal != nil {
		return refusal
	}
	if status := closeStatus(err); status != "" && !c.heard.Load() {
		return tokenRefused("the service closed the connection at once: " + status)
	}
	return connectionLost(err)
}
