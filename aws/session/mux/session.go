// Package mux is our side of the stream multiplexing inside a Session Manager data channel: the client of smux protocol
// version 1 (docs/protocol.md §1.4), and the plain single stream of basic mode behind the same methods.
//
// It has no goroutines and does no I/O but the spill files. The owner of the data channel pulls what is to be sent with
// Next and pushes what arrived with Input and Wake; programs use the streams, which are net.Conns. Three things set it apart
// from a general smux client:
//
//   - Frames never cross a message border, so a message that the agent duplicates spoils its own streams and not the whole
//     session (docs/protocol.md §3, point 3).
//   - Every stream has its own account of received bytes. Version 1 has no window, so bytes that a program does not read go
//     to an encrypted spill file and nobody else waits.
//   - Streams that send little go before streams that send much (see schedule.go).
//
// Memory: a stream holds at most SendBuffer bytes to be sent (4 KiB more after ReadFrom) and RecvBuffer received, in chunks
// of 4 KiB that exist only while bytes are in them and are half full at worst; the session keeps up to 1 MiB of empty
// chunks for reuse.
package mux

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

var (
	// ErrBusy is returned by Open of a Single session that has its one stream already.
	ErrBusy = errors.New("the session carries one connection at a time and has one")
	// ErrExhausted is returned by Open once all 2³¹ stream ids have been used.
	ErrExhausted = errors.New("the session has no stream ids left")
)

// Config bounds a session. The zero value of a field means its default, but for SpillDir.
type Config struct {
	Payload    int    // bytes of a message at most: no frame is longer; default 1024, at least 16
	SendBuffer int    // bytes queued per stream before Write blocks; default 256 KiB
	RecvBuffer int    // unread bytes kept in memory per stream; default 256 KiB
	SpillDir   string // where unread bytes above RecvBuffer go; "": nowhere, the stream is reset
	SpillLimit int64  // most unread bytes on disk per stream; default 1 GiB. Above it the stream is reset

	// OnCut is called when a stream is reset by this package and not by its owner, with the reason, just before. The caller
	// of Input, Cut, Read or WriteTo waits for it. nil for none.
	OnCut func(error)
	// Reset is what every *OverrunError is as well, for errors.Is; nil for nothing.
	Reset error
}

func (c Config) withDefaults() Config {
	if c.Payload == 0 {
		c.Payload = 1024
	}
	c.Payload = min(max(c.Payload, 2*headerSize), maxFrame+headerSize)
	if c.SendBuffer <= 0 {
		c.SendBuffer = 256 << 10
	}
	if c.RecvBuffer <= 0 {
		c.RecvBuffer = 256 << 10
	}
	if c.SpillLimit <= 0 {
		c.SpillLimit = 1 << 30
	}
	return c
}

// Session is one mux over one data channel. Next is called by one goroutine at a time, Input and Wake by one, everything else
// by any number.
type Session struct {
	cfg     Config
	ready   chan struct{}
	pool    pool
	dropped atomic.Uint64
	basic   bool // made by Single

	in parser // Input's and Wake's

	mu        sync.Mutex
	err       error // of Abort; nil while the session lives
	streams   map[uint32]*Stream
	unheard   map[uint32]chan<- error // closed before a byte came, and probes (with a channel): the agent's FIN is awaited
	closing   map[uint32]struct{}     // closed in order, with what was queued: the agent's FIN says that the target has it
	closed    []chan struct{}         // of those that wait until there is none of these
	marks     []mark                  // of FailNext, oldest first
	nextID    uint32
	announced uint32 // SYNs of all streams below have been handed out
	sending   schedule
	slot      slot // basic mode
}

// Client is the client of smux version 1. Stream ids are odd and start at 3.
func Client(cfg Config) *Session {
	return &Session{
		cfg:     cfg.withDefaults(),
		ready:   make(chan struct{}, 1),
		streams: make(map[uint32]*Stream),
		unheard: make(map[uint32]chan<- error),
		closing: make(map[uint32]struct{}),
		nextID:  3,
	}
}

// Open starts a stream and says so to the agent at once: SYN goes into the next message, together with the data that is
// there by then. It does not wait for the agent, which says nothing when its own dial succeeds. The caller closes the
// stream. Errors: the one given to Abort, ErrExhausted, ErrBusy (Single only).
func (s *Session) Open() (*Stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	if s.basic {
		return s.openBasic()
	}
	st, err := s.announce()
	if err != nil {
		return nil, err
	}
	s.streams[st.id] = st
	return st, nil
}

// announce makes a stream and queues its SYN. s.mu is held.
func (s *Session) announce() (*Stream, error) {
	if s.nextID < 3 {
		return nil, ErrExhausted
	}
	st := newStream(s, s.nextID)
	s.nextID += 2
	st.send.syn = true
	s.place(st)
	return st, nil
}

// Ready is signalled when Next has something new. Call Next until it gives 0; one who stops earlier must come back without
// a signal, since what is queued already is not signalled again.
func (s *Session) Ready() <-chan struct{} { return s.ready }

func (s *Session) signal() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// KeepAlive queues a NOP frame. Agents up to 3.1.1511.0 close a mux that has been silent for 30 seconds (docs/protocol.md §1.4).
func (s *Session) KeepAlive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil && !s.basic {
		s.sending.nop = true
		s.signal()
	}
}

// Probe sends SYN and FIN of a new stream and returns nil when the agent's FIN comes back: everything opened before the
// call has then left the agent's serial dial queue, connected or not (docs/protocol.md §1.4). Each call makes the agent dial
// the target once more, unless ctx ends before the SYN has been handed out. Errors: ctx's, the one given to Abort,
// errors.ErrUnsupported in a Single session.
func (s *Session) Probe(ctx context.Context) error {
	passed := make(chan error, 1)
	st, err := s.startProbe(passed)
	if err != nil {
		return err
	}
	select {
	case err := <-passed:
		return err
	case <-ctx.Done():
		s.dropProbe(st)
		return ctx.Err()
	}
}

func (s *Session) startProbe(passed chan<- error) (*Stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.basic {
		return nil, errors.ErrUnsupported
	}
	if s.err != nil {
		return nil, s.err
	}
	st, err := s.announce()
	if err != nil {
		return nil, err
	}
	st.send.fin = true
	s.unheard[st.id] = passed
	return st, nil
}

// dropProbe takes a probe back that has not been handed out: while nothing is, they would pile up, and the agent would dial for
// each of them.
func (s *Session) dropProbe(st *Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.send.syn {
		delete(s.unheard, st.id)
		st.send.stop(context.Canceled)
		s.place(st)
	}
}

// Abort ends the session: every stream gives its reader what has arrived and then err, writes fail with err, Open and
// Input return it, and Next has nothing more. nil stands for net.ErrClosed. Only the first call counts. Streams are still
// to be closed by their owners.
func (s *Session) Abort(err error) {
	if err == nil {
		err = net.ErrClosed
	}
	for _, st := range s.abort(err) {
		st.recv.finish(err)
	}
}

func (s *Session) abort(err error) []*Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil
	}
	s.err = err
	s.sending.clear()
	s.marks = nil
	for _, passed := range s.unheard {
		if passed != nil {
			passed <- err
		}
	}
	clear(s.unheard)
	clear(s.closing)
	s.allClosed()
	var all []*Stream
	for _, st := range s.streams {
		st.send.stop(err)
		all = append(all, st)
	}
	if st := s.slot.stream; st != nil {
		st.send.stop(err)
		all = append(all, st)
	}
	s.signal()
	return all
}

// Closed is closed once the agent has finished every stream that was closed in order. It does so when it has written all of the
// stream to the target (docs/protocol.md §1.4), and never for one that waits for the target to be dialled. In basic mode the agent
// does not tell, and the channel is closed already.
func (s *Session) Closed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := make(chan struct{})
	s.closed = append(s.closed, done)
	s.allClosed()
	return done
}

// allClosed tells those that wait for it. s.mu is held.
func (s *Session) allClosed() {
	if len(s.closing) > 0 {
		return
	}
	for _, done := range s.closed {
		close(done)
	}
	s.closed = nil
}

// Streams is how many streams this side has opened and not yet closed.
func (s *Session) Streams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.basic {
		return s.slot.open()
	}
	return len(s.streams)
}

// Dropped is how many bytes have arrived for streams that nobody reads any more.
func (s *Session) Dropped() uint64 { return s.dropped.Load() }

// mark says that one of the streams below an id could not be connected.
type mark struct {
	below uint32
	err   error
}

// FailNext says that the agent could not connect one of the streams opened so far, it does not say which (flag
// ConnectToPortError, docs/protocol.md §1.4): the next of them that the agent finishes without having sent a byte ends with err
// instead of io.EOF. The flag overtakes the stream's FIN, never the other way round. The mark is forgotten when no stream
// is left that it can mean, and at the first byte or FIN of a stream opened later, since the agent dials in order.
func (s *Session) FailNext(err error) {
	if s.basic || err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil && s.unconnected() {
		s.marks = append(s.marks, mark{below: s.announced, err: err})
	}
}

// unconnected says whether some stream known to the agent has neither sent nor finished. s.mu is held.
func (s *Session) unconnected() bool {
	if len(s.unheard) > 0 {
		return true
	}
	for _, st := range s.streams {
		if !st.heard && !st.finished && st.id < s.announced {
			return true
		}
	}
	return false
}

// passed forgets the marks that cannot mean anything any more once the agent has dealt with stream id. s.mu is held.
func (s *Session) passed(id uint32) {
	for len(s.marks) > 0 && s.marks[0].below <= id {
		s.marks = s.marks[1:]
	}
}

// verdict is how a stream ends that the agent finished without a byte. s.mu is held.
func (s *Session) verdict() error {
	if len(s.marks) == 0 {
		return io.EOF
	}
	err := s.marks[0].err
	if s.marks = s.marks[1:]; !s.unconnected() {
		s.marks = nil
	}
	return err
}
