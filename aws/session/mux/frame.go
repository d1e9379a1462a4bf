package mux

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A frame is version, command, length (little endian, 2 bytes), stream id (little endian, 4 bytes), data (docs/protocol.md §1.4).
const (
	version    = 1
	headerSize = 8
	maxFrame   = 65535
)

// The commands of version 1. There is no window update in it.
const (
	cmdSYN = 0
	cmdFIN = 1
	cmdPSH = 2
	cmdNOP = 3
)

// ErrProtocol is returned by Input when the bytes are no smux version 1: nothing that follows them can be trusted.
var ErrProtocol = errors.New("smux protocol violation")

// frames fills one message with whole frames.
type frames struct {
	p []byte
	n int
}

func (f *frames) room() int { return len(f.p) - f.n }

// header appends a header and returns whether there was room for it.
func (f *frames) header(cmd byte, length int, sid uint32) bool {
	if f.room() < headerSize+length {
		return false
	}
	h := f.p[f.n:]
	h[0], h[1] = version, cmd
	binary.LittleEndian.PutUint16(h[2:], uint16(length))
	binary.LittleEndian.PutUint32(h[4:], sid)
	f.n += headerSize
	return true
}

// parser puts frames together from pieces with borders anywhere.
type parser struct {
	head   [headerSize]byte
	have   int       // bytes of head that have arrived
	left   int       // bytes of the current frame's data that are still to come
	stream *Stream   // whose they are; nil for data nobody wants
	fed    []*Stream // with bytes that Wake is to tell of
}

// parse reads a whole header.
func (in *parser) parse() (cmd byte, length int, sid uint32, err error) {
	h := in.head[:]
	cmd = h[1]
	length = int(binary.LittleEndian.Uint16(h[2:]))
	sid = binary.LittleEndian.Uint32(h[4:])
	switch {
	case h[0] != version:
		err = fmt.Errorf("%w: version %d", ErrProtocol, h[0])
	case cmd > cmdNOP:
		err = fmt.Errorf("%w: command %d", ErrProtocol, cmd)
	case cmd != cmdPSH && length != 0:
		err = fmt.Errorf("%w: command %d with %d bytes of data", ErrProtocol, cmd, length)
	}
	return cmd, length, sid, err
}
