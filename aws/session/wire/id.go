package wire

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// idText is the length of an id in its text form.
const idText = 36

// NewID makes a random (version 4) id for a message or a request.
func NewID() [16]byte {
	var id [16]byte
	rand.Read(id[:]) //nolint:errcheck // crypto/rand never fails: it ends the program instead
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// IDText is the usual text form of an id: 8-4-4-4-12 lower-case hexadecimal digits.
func IDText(id [16]byte) string {
	return string(appendID(make([]byte, 0, idText), id))
}

func appendID(dst []byte, id [16]byte) []byte {
	dst = hex.AppendEncode(dst, id[:4])
	for i := 4; i < 16; {
		next := i + 2
		if i == 10 {
			next = 16
		}
		dst = append(dst, '-')
		dst = hex.AppendEncode(dst, id[i:next])
		i = next
	}
	return dst
}

// ParseID reads the text form of an id, in either case.
func ParseID(text string) ([16]byte, error) {
	var id [16]byte
	if !parseID([]byte(text), &id) {
		return id, fmt.Errorf("%w: %q is no message id", ErrFrame, text)
	}
	return id, nil
}

func parseID(text []byte, id *[16]byte) bool {
	if len(text) != idText {
		return false
	}
	at := 0
	for i := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			if text[at] != '-' {
				return false
			}
			at++
		}
		high, low := nibble(text[at]), nibble(text[at+1])
		if high > 15 || low > 15 {
			return false
		}
		id[i] = high<<4 | low
		at += 2
	}
	return true
}

// nibble is the value of a hexadecimal digit, or 16.
func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}
