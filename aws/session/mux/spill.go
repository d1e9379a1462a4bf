package mux

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
)

// OverrunError resets a stream whose local reader left more unread than the session may keep for it.
type OverrunError struct {
	Unread int64 // bytes that had arrived and were not read
	Err    error // errFull, or what the disk said
	kind   error // Config.Reset
}

// Error implements error.
func (e *OverrunError) Error() string {
	return fmt.Sprintf("connection cut with %d bytes unread: %v", e.Unread, e.Err)
}

// Unwrap gives the disk's error, and Config.Reset.
func (e *OverrunError) Unwrap() []error {
	if e.kind == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.kind}
}

var (
	errFull  = errors.New("the local program reads too slowly")
	errNoDir = fmt.Errorf("%w and no spill directory is configured", errFull)
)

// spill is a queue of bytes on disk. What is written is rows of someone's database: the file is readable by its owner
// alone, has no name where the OS allows that, and is encrypted under a key that exists in memory only.
type spill struct {
	f        *os.File
	path     string // of a file that could not be removed while open; "" otherwise
	limit    int64  // the file is a ring of this size, so it never grows beyond
	r, w     int64  // bytes read and written since the file was last empty
	enc, dec cipher.Stream
	scratch  []byte
}

func newSpill(dir string, limit int64) (*spill, error) {
	if dir == "" {
		return nil, errNoDir
	}
	var secret [32 + aes.BlockSize]byte
	rand.Read(secret[:]) //nolint:errcheck // crypto/rand never fails: it ends the program instead
	block, err := aes.NewCipher(secret[:32])
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, ".rdsx-spill-*") // 0600
	if err != nil {
		return nil, err
	}
	sp := &spill{f: f, limit: limit, enc: cipher.NewCTR(block, secret[32:]), dec: cipher.NewCTR(block, secret[32:])}
	if os.Remove(f.Name()) != nil { // Windows keeps the name while the file is open
		sp.path = f.Name()
	}
	return sp, nil
}

// unread is how many bytes wait; a nil spill has none.
func (sp *spill) unread() int64 {
	if sp == nil {
		return 0
	}
	return sp.w - sp.r
}

func (sp *spill) write(p []byte) error {
	if sp.unread()+int64(len(p)) > sp.limit {
		return errFull
	}
	for len(p) > 0 {
		at := sp.w % sp.limit
		n := int(min(int64(len(p)), sp.limit-at))
		if cap(sp.scratch) < n {
			sp.scratch = make([]byte, n)
		}
		secret := sp.scratch[:n]
		sp.enc.XORKeyStream(secret, p[:n])
		if _, err := sp.f.WriteAt(secret, at); err != nil {
			return err
		}
		sp.w += int64(n)
		p = p[n:]
	}
	return nil
}

// read fills p as far as there are bytes, and empties the file when the last one is read. The key stream goes on over
// that, so no part of it is ever used twice.
func (sp *spill) read(p []byte) (int, error) {
	total := 0
	for total < len(p) && sp.unread() > 0 {
		at := sp.r % sp.limit
		part := p[total:]
		part = part[:min(int64(len(part)), sp.limit-at, sp.unread())]
		if _, err := sp.f.ReadAt(part, at); err != nil {
			return total, err
		}
		sp.dec.XORKeyStream(part, part)
		sp.r += int64(len(part))
		total += len(part)
	}
	if sp.unread() == 0 {
		sp.r, sp.w = 0, 0
		sp.f.Truncate(0) //nolint:errcheck // if the disk is not given back now, the next bytes use it again
	}
	return total, nil
}

func (sp *spill) close() {
	if sp == nil {
		return
	}
	sp.f.Close() //nolint:errcheck // its content is of no use to anybody any more
	if sp.path != "" {
		os.Remove(sp.path) //nolint:errcheck // what stays behind is unreadable without the key
	}
}
