package mux

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func namesIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// arrive gives data to stream 3 in frames of up to 1016 bytes.
func arrive(t *testing.T, s *Session, data []byte) {
	t.Helper()
	for len(data) > 0 {
		n := min(len(data), 1016)
		input(t, s, cmdPSH, 3, string(data[:n]))
		data = data[n:]
	}
}

// TestSpillKeepsOrder lets data arrive and be read at random, so that it goes through memory, disk and round the ring.
func TestSpillKeepsOrder(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 2))
		dir := t.TempDir()
		s := Client(Config{RecvBuffer: 3000, SpillDir: dir, SpillLimit: 40_000})
		st := open(t, s)
		want := random(seed, 400_000)
		var got bytes.Buffer
		for in := 0; got.Len() < len(want); {
			room := min(40_000-(in-got.Len()), len(want)-in)
			if n := rng.IntN(9000); n <= room || n > len(want)-in && room == len(want)-in {
				n = min(n, room)
				arrive(t, s, want[in:in+n])
				in += n
			}
			if unread := in - got.Len(); unread > 0 {
				if _, err := io.CopyN(&got, struct{ io.Reader }{st}, int64(1+rng.IntN(unread))); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Fatalf("seed %d: bytes changed", seed)
		}
		file := st.recv.spill.f
		st.Close()
		if _, err := file.Stat(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("the file of a closed stream is open: %v", err)
		}
		if left := namesIn(t, dir); len(left) > 0 {
			t.Fatalf("left behind: %v", left)
		}
	}
}

// TestSpillTellsNothing: what is on disk is readable by the owner alone, has no name where that is possible, and holds no
// byte run of the data, also not after the file has been emptied and used again.
func TestSpillTellsNothing(t *testing.T) {
	dir := t.TempDir()
	sp, err := newSpill(dir, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.close()
	if info, err := sp.f.Stat(); err != nil || filepath.Separator == '/' && info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if names := namesIn(t, dir); filepath.Separator == '/' && len(names) > 0 {
		t.Errorf("the file has a name: %v", names)
	}
	rows := []byte(strings.Repeat("alice,4111111111111111;", 400))
	var seen [][]byte
	for range 2 {
		if err := sp.write(rows); err != nil {
			t.Fatal(err)
		}
		onDisk := make([]byte, len(rows))
		if _, err := sp.f.ReadAt(onDisk, 0); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(onDisk, rows[:8]) {
			t.Error("data is readable on disk")
		}
		seen = append(seen, onDisk)
		back := make([]byte, len(rows)+10)
		if n, err := sp.read(back); n != len(rows) || err != nil || !bytes.Equal(back[:n], rows) {
			t.Fatalf("%d bytes back, %v", n, err)
		}
		if info, err := sp.f.Stat(); err != nil || info.Size() != 0 {
			t.Errorf("the drained file has %d bytes (%v)", info.Size(), err)
		}
	}
	if bytes.Equal(seen[0], seen[1]) {
		t.Error("the key stream was used twice")
	}
}

// TestOverrun: a stream that nobody reads is cut alone, says how much was unread, and the agent gets a FIN.
func TestOverrun(t *testing.T) {
	for name, c := range map[string]struct {
		cfg    func(dir string) Config
		unread int64
		want   error
	}{
		"spill off":      {func(string) Config { return Config{RecvBuffer: 3000} }, 3 * 1016, errNoDir},
		"limit":          {func(dir string) Config { return Config{RecvBuffer: 3000, SpillDir: dir, SpillLimit: 5000} }, 7 * 1016, errFull},
		"no such folder": {func(dir string) Config { return Config{RecvBuffer: 3000, SpillDir: filepath.Join(dir, "none")} }, 3 * 1016, os.ErrNotExist},
	} {
		dir := t.TempDir()
		s := Client(c.cfg(dir))
		st, other := open(t, s), open(t, s)
		next(t, s)
		arrive(t, s, make([]byte, 20*1016))
		_, err := st.Read(make([]byte, 1))
		var overrun *OverrunError
		if !errors.As(err, &overrun) || !errors.Is(err, c.want) {
			t.Errorf("%s: Read gives %v", name, err)
		} else if got := overrun.Unread; got != c.unread {
			t.Errorf("%s: %d bytes unread, want %d", name, got, c.unread)
		}
		if _, err := st.Write([]byte("x")); !errors.As(err, &overrun) {
			t.Errorf("%s: Write gives %v", name, err)
		}
		if got := next(t, s); len(got) != 1 || got[0] != (sent{cmdFIN, 3, ""}) {
			t.Errorf("%s: sent %v, want a FIN", name, got)
		}
		input(t, s, cmdPSH, 5, "still here")
		if n, err := other.Read(make([]byte, 20)); n != 10 || err != nil {
			t.Errorf("%s: the other stream gives %d, %v", name, n, err)
		}
		st.Close()
		if left := namesIn(t, dir); len(left) > 0 {
			t.Errorf("%s: left behind: %v", name, left)
		}
	}
}

// TestSpillBreaks: a disk that fails while it is read cuts the stream, and no wrong byte reaches the reader.
func TestSpillBreaks(t *testing.T) {
	s := Client(Config{RecvBuffer: 2000, SpillDir: t.TempDir()})
	st := open(t, s)
	next(t, s)
	want := random(9, 10_160)
	arrive(t, s, want)
	if err := st.recv.spill.f.Truncate(5000); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	_, err := st.WriteTo(&got)
	var overrun *OverrunError
	if !errors.As(err, &overrun) || !bytes.HasPrefix(want, got.Bytes()) {
		t.Errorf("%d bytes, then %v", got.Len(), err)
	}
	if got := next(t, s); len(got) != 1 || got[0] != (sent{cmdFIN, 3, ""}) {
		t.Errorf("sent %v, want a FIN", got)
	}
}

// TestSpillSurvivesTheEnd: bytes on disk are read after the agent's FIN, and after Abort.
func TestSpillSurvivesTheEnd(t *testing.T) {
	dead := errors.New("dead")
	for name, c := range map[string]struct {
		end  func(*Session)
		want error
	}{
		"FIN":   {func(s *Session) { input(t, s, cmdFIN, 3, "") }, nil},
		"Abort": {func(s *Session) { s.Abort(dead) }, dead},
	} {
		s := Client(Config{RecvBuffer: 2000, SpillDir: t.TempDir()})
		st := open(t, s)
		want := random(10, 300_000)
		arrive(t, s, want)
		c.end(s)
		var got bytes.Buffer
		if _, err := st.WriteTo(&got); !errors.Is(err, c.want) || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s: %d of %d bytes, %v", name, got.Len(), len(want), err)
		}
		st.Close()
	}
}

type stubborn struct{ takes int }

func (w stubborn) Write(p []byte) (int, error) {
	if w.takes < len(p) {
		return w.takes, nil
	}
	return len(p), nil
}

func TestWriteToShortWriter(t *testing.T) {
	s := Client(Config{})
	st := open(t, s)
	arrive(t, s, make([]byte, 100))
	if n, err := st.WriteTo(stubborn{10}); n != 10 || !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("%d, %v", n, err)
	}
}
