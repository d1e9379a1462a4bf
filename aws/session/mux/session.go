// Package mux is the client side of smux protocol version 1, without goroutines and without I/O of its own.
package mux

import (
	"context"
	"errors"
	"net"
)

// ErrBusy is returned by Open of a Single session while its one stream is in use.
var ErrBusy = errors.New("the session carries one connection at a time and has one")

// Config bounds a session. The zero value of a field means its default.
type Config struct {
	Payload    int    // most bytes that Next is asked to fill; default 1024
	SendBuffer int    // bytes queued per stream before Write blocks; default 256 KiB
	RecvBuffer int    // bytes kept in memory per stream before spilling; default 256 KiB
	SpillDir   string // "": spill off, a stream above RecvBuffer is reset
	SpillLimit int64  // bytes on disk per stream; default 4 GiB
}

// Session is one mux over one data channel.
type Session struct{}

// Client is a smux v1 client.
func Client(cfg Config) *Session { return &Session{} }

// Single is basic mode: one raw stream at a time, no framing.
func Single(cfg Config) *Session { return &Session{} }

// Open starts a stream. In a Single session it fails with ErrBusy while there is one (see Free).
func (s *Session) Open() (*Stream, error) { return nil, ErrBusy }

// Ready is signalled when Next may have something. Call Next until it gives 0 (or the window is full): what is queued
// already is not signalled again.
func (s *Session) Ready() <-chan struct{} { return nil }

// Next fills p with whole frames and returns how many bytes; 0 means that nothing is queued.
func (s *Session) Next(p []byte) int { return 0 }

// Input takes bytes from the agent. An error is a protocol violation: the session is dead.
func (s *Session) Input(p []byte) error { return nil }

// FailNext: the next stream that the agent finishes without a byte ends with err.
func (s *Session) FailNext(err error) {}

// Abort ends every stream with err; Open fails with it.
func (s *Session) Abort(err error) {}

// Probe sends SYN and FIN of a new stream at once and waits for the agent's FIN: nil once everything opened before has
// left the agent's dial queue. ctx's error, the error of Abort, or errors.ErrUnsupported in a Single session.
func (s *Session) Probe(ctx context.Context) error { return errors.ErrUnsupported }

// Streams is how many streams are open: not closed by this side.
func (s *Session) Streams() int { return 0 }

// Dropped is how many bytes arrived for streams that were closed already.
func (s *Session) Dropped() uint64 { return 0 }

// TakeClose (Single only) is true once for each stream that this side closed, after Next has handed out its last byte:
// send DisconnectToPort now, and call Free when that message is acknowledged. Ready is signalled for it. Ask after Next
// has returned 0.
func (s *Session) TakeClose() bool { return false }

// Free (Single only) lets Open succeed again after TakeClose. Bytes that arrive before it are dropped.
func (s *Session) Free() {}

// Hangup (Single only) ends the stream from the agent's side (flags DisconnectToPort, ConnectToPortError): the reader gets
// what has arrived, then err, or io.EOF for nil.
func (s *Session) Hangup(err error) {}

// Stream is one connection: a net.Conn.
type Stream struct{ net.Conn }

// ID is the stream's number on the wire; 0 in a Single session.
func (st *Stream) ID() uint32 { return 0 }

// Reset drops queued data and sends FIN at once; reads and writes fail with err.
func (st *Stream) Reset(err error) {}
