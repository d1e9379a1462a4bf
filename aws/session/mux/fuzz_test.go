package mux

import (
	"io"
	"testing"
)

// FuzzInput: whatever the agent sends, nothing panics, and where its bytes are cut makes no difference.
func FuzzInput(f *testing.F) {
	f.Add(append(frameBytes(cmdPSH, 3, "hello"), frameBytes(cmdFIN, 3, "")...), uint8(3))
	f.Add(append(frameBytes(cmdNOP, 0, ""), frameBytes(cmdPSH, 5, "x")...), uint8(1))
	f.Add([]byte{2, 2, 0, 0, 3, 0, 0, 0}, uint8(8))
	f.Add([]byte{1, 0, 1, 0, 3, 0, 0, 0}, uint8(0))
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		outcome := func(piece int) (got [2]string, dropped uint64, err error) {
			s := Client(Config{RecvBuffer: 1 << 20})
			streams := [2]*Stream{open(t, s), open(t, s)}
			s.Next(make([]byte, 100))
			for rest := data; len(rest) > 0 && err == nil; {
				n := min(piece, len(rest))
				err = s.Input(rest[:n])
				rest = rest[n:]
			}
			s.Abort(io.EOF)
			for i, st := range streams {
				all, _ := io.ReadAll(struct{ io.Reader }{st})
				got[i] = string(all)
				st.Close()
			}
			return got, s.Dropped(), err
		}
		got, dropped, err := outcome(int(piece) + 1)
		want, wantDropped, wantErr := outcome(len(data) + 1)
		if got != want || dropped != wantDropped || (err == nil) != (wantErr == nil) {
			t.Fatalf("in pieces of %d: %q, %d dropped, %v; at once: %q, %d, %v", int(piece)+1, got, dropped, err, want, wantDropped, wantErr)
		}
	})
}
