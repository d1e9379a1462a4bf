package mux

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"
)

// TestSmallReadsStaySmall: a program that writes byte by byte costs no chunk for each.
func TestSmallReadsStaySmall(t *testing.T) {
	s := Client(Config{})
	st := open(t, s)
	want := random(12, 10_000)
	if n, err := io.Copy(st, iotest.OneByteReader(bytes.NewReader(want))); n != 10_000 || err != nil {
		t.Fatal(n, err)
	}
	chunks := 0
	for c := st.send.out.head; c != nil; c = c.next {
		chunks++
	}
	if chunks > 3 {
		t.Errorf("%d chunks hold 10 kB", chunks)
	}
	got := make([]byte, 10_000)
	if n := st.send.out.read(got); n != len(got) || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, equal %v", n, bytes.Equal(got, want))
	}
	if st.send.out.head != nil || s.pool.n == 0 {
		t.Error("an empty buffer keeps its chunks")
	}
}

// TestPoolIsBounded: a burst does not stay in memory.
func TestPoolIsBounded(t *testing.T) {
	var p pool
	b := buffer{pool: &p}
	b.write(make([]byte, 2*poolChunks*chunkSize))
	b.clear()
	if p.n != poolChunks || b.n != 0 {
		t.Errorf("%d chunks kept, %d bytes left", p.n, b.n)
	}
}
