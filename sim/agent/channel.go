package agent

import (
	"bytes"
	"container/list"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rdsx/rdsx/sim/frame"
)

// ErrTerminated is what Link.Open gives when the session is over: the agent does not try again.
var ErrTerminated = errors.New("Session is already terminated") //nolint:staticcheck,revive // the service's own words

// errNotReady is a message for a handler that is not up yet: neither acknowledged nor kept (docs/protocol.md §1.3).
var errNotReady = errors.New("handler not ready")

const (
	outgoingLimit  = 100_000 // messages; above it a sent message is silently not kept
	incomingLimit  = 100_000 // messages; above it one out of order is neither kept nor acknowledged
	resendInterval = 100 * time.Millisecond
	firstRTO       = 200 * time.Millisecond
	firstRTT       = 100 * time.Millisecond
	maxRTO         = time.Second
	granularity    = 10 * time.Millisecond
	reconnects     = 5
	slabSize       = 64 << 10
)

// handler takes stream messages in order, on the reader's goroutine. An error leaves the message unacknowledged.
type handler func(kind uint32, payload []byte) error

// channel is the agent's data channel: sequence, acknowledgement and retransmission (docs/protocol.md §1.3).
type channel struct {
	cfg    Config
	link   Link
	count  *Counters
	cancel context.CancelFunc

	paused   atomic.Bool
	complete atomic.Bool // HandshakeComplete is sent
	handler  atomic.Pointer[handler]
	response chan handshakeResponse

	sendMu   sync.Mutex // held while a stream message is sent and filed
	sequence int64

	outMu       sync.Mutex
	out         *list.List // of *outgoing, oldest first
	bySequence  map[int64]*list.Element
	srtt, rttvr float64 // ns
	rto         time.Duration

	// The rest belongs to the reader's goroutine.
	expected int64
	incoming map[int64][]byte
	slab     []byte
	payload  []byte
	ran      int64 // the sequence whose payload the handler already had, -1 for none: counts bug B4
}

type outgoing struct {
	sequence int64
	frame    []byte
	sent     time.Time
}

func newChannel(cfg Config, link Link, count *Counters, cancel context.CancelFunc) *channel {
	return &channel{
		cfg: cfg, link: link, count: count, cancel: cancel,
		response:   make(chan handshakeResponse, 1),
		out:        list.New(),
		bySequence: map[int64]*list.Element{},
		srtt:       float64(firstRTT), rto: firstRTO,
		incoming: map[int64][]byte{},
		ran:      -1,
	}
}

// connect opens the websocket: at once, then five times more, 100–200 ms and doubling (docs/protocol.md §1.5).
func (c *channel) connect(ctx context.Context) error {
	wait := 100*time.Millisecond + rand.N(100*time.Millisecond)
	for try := 0; ; try++ {
		err := c.link.Open(ctx)
		if err == nil || try == reconnects || errors.Is(err, ErrTerminated) {
			return err
		}
		if !sleep(ctx, wait) {
			return ctx.Err()
		}
		wait *= 2
	}
}

// receive reads until ctx is done. When reconnecting fails for good, the session lives on with a dead channel.
func (c *channel) receive(ctx context.Context) {
	var batch [][]byte
	for ctx.Err() == nil {
		var err error
		batch, err = c.link.Receive(ctx, batch[:0])
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			if err := c.connect(ctx); err != nil {
				c.cfg.Log.Info("agent: data channel lost for good", "session", c.cfg.SessionID, "err", err)
				return
			}
			c.paused.Store(false)
			continue
		}
		for i, f := range batch {
			if c.link.Lost() {
				break
			}
			c.handle(ctx, f)
			batch[i] = nil
		}
	}
}

func (c *channel) handle(ctx context.Context, b []byte) {
	m, err := frame.Parse(b)
	if err != nil {
		c.cfg.Log.Warn("agent: message refused", "session", c.cfg.SessionID, "err", err)
		return
	}
	switch m.Type {
	case frame.Input:
		c.paused.Store(false)
		if err := c.input(ctx, &m, b); err != nil && ctx.Err() == nil {
			c.cfg.Log.Debug("agent: message not taken", "session", c.cfg.SessionID, "sequence", m.Sequence, "err", err)
		}
	case frame.Acknowledge:
		c.paused.Store(false)
		a, err := frame.ParseAck(m.Payload)
		if err != nil {
			c.cfg.Log.Warn("agent: acknowledgement refused", "session", c.cfg.SessionID, "err", err)
			return
		}
		c.acknowledged(a.Sequence)
	case frame.Closed:
		c.cancel()
	case frame.Pause:
		c.count.Pauses.Add(1)
		c.paused.Store(true)
	case frame.Start:
		c.paused.Store(false)
	default:
		c.cfg.Log.Warn("agent: message of an unknown type", "session", c.cfg.SessionID, "type", m.Type)
	}
}

// input is docs/protocol.md §1.3 "Receiver".
func (c *channel) input(ctx context.Context, m *frame.Message, raw []byte) error {
	switch {
	case m.Sequence == c.expected:
		if err := c.process(m); err != nil {
			if errors.Is(err, errNotReady) {
				c.count.NotReady.Add(1)
			}
			return err
		}
		// B4: the payload is with the handler already. If this fails it will come again, and be handled again.
		if err := c.acknowledge(ctx, m); err != nil {
			return err
		}
		c.expected++
		return c.unbuffer()
	case m.Sequence > c.expected:
		if len(c.incoming) >= incomingLimit {
			return nil
		}
		if err := c.acknowledge(ctx, m); err != nil {
			return err
		}
		if _, ok := c.incoming[m.Sequence]; ok {
			c.count.Duplicates.Add(1)
		} else {
			c.count.OutOfOrder.Add(1)
		}
		c.incoming[m.Sequence] = bytes.Clone(raw)
		return nil
	default:
		c.count.Duplicates.Add(1)
		return c.acknowledge(ctx, m)
	}
}

// unbuffer handles what was waiting for the message just taken.
func (c *channel) unbuffer() error {
	for {
		raw, ok := c.incoming[c.expected]
		if !ok {
			return nil
		}
		m, err := frame.Parse(raw)
		if err != nil {
			return err
		}
		if err := c.process(&m); err != nil {
			return err
		}
		delete(c.incoming, c.expected)
		c.expected++
	}
}

func (c *channel) process(m *frame.Message) error {
	switch {
	case m.PayloadType == frame.HandshakeResponse:
		if err := c.answered(m.Payload); err != nil {
			return err
		}
	case !c.complete.Load():
		c.count.Early.Add(1) // acknowledged and thrown away
	default:
		h := c.handler.Load()
		if h == nil {
			return errNotReady
		}
		if err := (*h)(m.PayloadType, m.Payload); err != nil {
			return err
		}
	}
	if c.ran == m.Sequence {
		c.count.Repeated.Add(1)
		return nil
	}
	c.ran = m.Sequence
	c.count.Received.Add(1)
	c.count.ReceivedBytes.Add(uint64(len(m.Payload)))
	return nil
}

func (c *channel) acknowledge(ctx context.Context, m *frame.Message) error {
	c.payload = frame.AppendAck(c.payload[:0], m.Type, m.ID, m.Sequence)
	if cap(c.slab)-len(c.slab) < 512 {
		c.slab = make([]byte, 0, slabSize)
	}
	at := len(c.slab)
	ack := control(frame.Acknowledge, c.payload)
	c.slab = frame.Append(c.slab, &ack)
	if err := c.link.Send(ctx, c.slab[at:len(c.slab):len(c.slab)]); err != nil {
		return err
	}
	c.count.Acks.Add(1)
	return nil
}

// control is a message outside the stream.
func control(kind string, payload []byte) frame.Message {
	return frame.Message{Type: kind, Schema: 1, Created: now(), Flags: frame.SYN | frame.FIN, ID: newID(), Payload: payload}
}

func now() uint64 { return uint64(time.Now().UnixMilli()) }

// newID makes a version 4 UUID.
func newID() (id frame.ID) {
	binary.BigEndian.PutUint64(id[:], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// send sends a stream message and files it. A message that could not be sent is filed all the same; resend brings it later.
func (c *channel) send(ctx context.Context, kind uint32, payload []byte) {
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	m := frame.Message{Type: frame.Output, Schema: 1, Created: now(), Sequence: c.sequence, ID: newID(), PayloadType: kind, Payload: payload}
	if c.sequence == 0 {
		m.Flags = frame.SYN
	}
	f := frame.Append(make([]byte, 0, 128+len(payload)), &m)
	if !c.paused.Load() {
		if err := c.link.Send(ctx, f); err != nil && ctx.Err() == nil {
			c.cfg.Log.Debug("agent: message not sent", "session", c.cfg.SessionID, "sequence", c.sequence, "err", err)
		}
	}
	runtime.Gosched() // B8 lives here: between the two lines the acknowledgement may arrive
	c.file(&outgoing{sequence: c.sequence, frame: f, sent: time.Now()})
	c.sequence++
	c.count.Sent.Add(1)
	c.count.SentBytes.Add(uint64(len(payload)))
}

func (c *channel) file(o *outgoing) {
	c.outMu.Lock()
	defer c.outMu.Unlock()
	if c.out.Len() < outgoingLimit {
		c.bySequence[o.sequence] = c.out.PushBack(o)
	}
}

// acknowledged takes exactly one message off the list; there is no cumulative acknowledgement.
func (c *channel) acknowledged(sequence int64) {
	c.outMu.Lock()
	defer c.outMu.Unlock()
	e, ok := c.bySequence[sequence]
	if !ok {
		return
	}
	rtt := float64(time.Since(c.out.Remove(e).(*outgoing).sent))
	delete(c.bySequence, sequence)
	c.rttvr += (math.Abs(c.srtt-rtt) - c.rttvr) / 4
	c.srtt += (rtt - c.srtt) / 8
	c.rto = min(time.Duration(c.srtt+max(float64(granularity), 4*c.rttvr)), maxRTO)
}

// resend looks at the oldest message each 100 ms, and at no other.
func (c *channel) resend(ctx context.Context) {
	for sleep(ctx, resendInterval) {
		if c.paused.Load() {
			continue
		}
		o, f := c.overdue()
		if o == nil {
			continue
		}
		c.count.Retransmits.Add(1)
		if err := c.link.Send(ctx, f); err != nil && ctx.Err() == nil {
			c.cfg.Log.Debug("agent: message not sent again", "session", c.cfg.SessionID, "sequence", o.sequence, "err", err)
		}
		c.outMu.Lock()
		o.sent = time.Now()
		c.outMu.Unlock()
	}
}

// overdue returns the oldest message if its time is over, with a copy of its frame for the wire.
func (c *channel) overdue() (*outgoing, []byte) {
	c.outMu.Lock()
	defer c.outMu.Unlock()
	e := c.out.Front()
	if e == nil {
		return nil, nil
	}
	o := e.Value.(*outgoing)
	if time.Since(o.sent) <= c.rto {
		return nil, nil
	}
	return o, o.frame
}

// drain waits up to 2 s for the last acknowledgements.
func (c *channel) drain(ctx context.Context) {
	for range 200 {
		c.outMu.Lock()
		left := c.out.Len()
		c.outMu.Unlock()
		if left == 0 || !sleep(ctx, 10*time.Millisecond) {
			return
		}
	}
}
