package session

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws/session/wire"
)

// trickle is a connection on which some bytes arrive each millisecond.
type trickle struct {
	net.Conn
	start time.Time
	size  int
	taken int
	reads int
}

func (c *trickle) Read(p []byte) (int, error) {
	c.reads++
	for {
		there := int(time.Since(c.start)/time.Millisecond)*c.size - c.taken
		if there > 0 {
			n := min(there, len(p))
			c.taken += n
			return n, nil
		}
		time.Sleep(time.Millisecond - time.Since(c.start)%time.Millisecond)
	}
}

// TestBulkReadsInCompany counts how often the socket is read for 400 messages: one by one in an interactive session, several
// at a time in a bulk download, more in a long one, and without a rest while more than is read ahead is waiting.
func TestBulkReadsInCompany(t *testing.T) {
	for name, c := range map[string]struct {
		rest     time.Duration
		size     int
		min, max int
	}{
		"interactive":                       {0, 1024, 400, 400},
		"bulk":                              {4 * time.Millisecond, 1024, 400 / 5, 400 / 3},
		"long":                              {16 * time.Millisecond, 1024, 400 / 17, 400 / 15},
		"bulk, more than is read at a time": {16 * time.Millisecond, readAhead, 400, 400},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				from := &trickle{start: time.Now(), size: c.size}
				told := 0
				conn := &batchConn{Conn: from, dry: func() time.Duration { told++; return c.rest }}
				buf := make([]byte, 1000)
				for got := 0; got < 400*c.size; {
					n, err := conn.Read(buf)
					if err != nil {
						t.Fatal(err)
					}
					got += n
				}
				if from.reads < c.min || from.reads > c.max || told != from.reads {
					t.Errorf("%d reads for 400 messages, want %d to %d; told of %d", from.reads, c.min, c.max, told)
				}
			})
		})
	}
}

// TestAnswersAreNotBulk: after a long download, a series of answers of 16 KB is read without rests, though nothing short comes
// between them but the end of each: a silence longer than a download makes ends it.
func TestAnswersAreNotBulk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer here.Close()
		var r receiver
		var rested time.Duration
		conn := &batchConn{Conn: here, idle: r.idle, dry: func() time.Duration {
			rest := r.rest()
			rested += rest
			return rest
		}}
		send := func(messages int, last int) {
			for n := range messages {
				size := 1024
				if n == messages-1 {
					size = last
				}
				time.Sleep(time.Millisecond)
				_, _ = there.Write(make([]byte, size))
			}
		}
		const download, answers, each = 1000, 10, 15
		go func() {
			defer there.Close()
			send(download, 9)
			for range answers {
				time.Sleep(20 * time.Millisecond)
				send(each, 9)
			}
		}()
		p := make([]byte, 1024)
		for n := 0; ; n++ {
			size, err := conn.Read(p)
			if err != nil {
				break
			}
			r.measure(&wire.Message{PayloadType: wire.PayloadOutput, Payload: p[:size]})
			if n == download-1 {
				if rested < time.Second {
					t.Errorf("a download that goes on is rested in for %v", rested)
				}
				rested = 0
			}
		}
		if rested > 0 {
			t.Errorf("%d answers of %d messages came %v later for rests", answers, each, rested)
		}
	})
}

// TestQuietSocketWaitsForNothing: a socket that is not to announce a few bytes while the reader rests still gives each of them
// once it reads, the end too.
func TestQuietSocketWaitsForNothing(t *testing.T) {
	here, there := sockets(t)
	rest := time.Millisecond
	conn := &batchConn{Conn: here, dry: func() time.Duration { return rest }}
	p := make([]byte, 64)
	for i := range 50 {
		if i == 25 {
			rest = 0 // the download is no longer bulk
		}
		if _, err := there.Write([]byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(p); n != 1 || p[0] != byte(i) || err != nil {
			t.Fatalf("byte %d: %d bytes, %v", i, n, err)
		}
	}
	rest = time.Millisecond
	there.Close()
	if n, err := conn.Read(p); n != 0 || err != io.EOF { //nolint:errorlint // io.Reader's own contract
		t.Errorf("after the end: %d bytes, %v", n, err)
	}
}

// sockets are the two ends of a TCP connection, which are closed with the test.
func sockets(t *testing.T) (here, there net.Conn) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there, err = new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { there.Close() })
	here, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close() })
	_ = here.SetDeadline(time.Now().Add(time.Minute))
	return here, there
}

// TestBulkAcknowledgesAtOnce: in a bulk download no timer runs for an acknowledgement, so the writer is woken for it as soon as
// all that has arrived is dealt with, after a short message too.
func TestBulkAcknowledgesAtOnce(t *testing.T) {
	c := newChannel(request().withDefaults(), Options{}.withDefaults())
	next := int64(0)
	arrive := func(size int) {
		if err := c.stream(&wire.Message{Type: wire.OutputStreamData, Seq: next, PayloadType: wire.PayloadOutput, Payload: make([]byte, size)}); err != nil {
			t.Fatal(err)
		}
		next++
	}
	for range bulkAfter {
		arrive(1024)
	}
	for c.acks.take(0) != nil { // those whose timer runs
		continue
	}
	for _, size := range []int{1024, 9} {
		arrive(size)
		c.dry()
		select {
		case <-c.wake:
		default:
			t.Errorf("the writer is not woken after a message of %d bytes", size)
		}
		if c.acks.take(0) == nil {
			t.Errorf("no acknowledgement of a message of %d bytes", size)
		}
	}
}

// TestBulkScore: how long the reader rests after some messages, by their sizes.
func TestBulkScore(t *testing.T) {
	var r receiver
	feed := func(n, size int, kind wire.PayloadType) {
		for range n {
			r.measure(&wire.Message{PayloadType: kind, Payload: make([]byte, size)})
		}
	}
	want := func(what string, rest time.Duration) {
		t.Helper()
		if got := r.rest(); got != rest {
			t.Errorf("%s: a rest of %v, want %v", what, got, rest)
		}
	}
	feed(bulkAfter-1, 1024, wire.PayloadOutput)
	want("no bulk yet", 0)
	feed(1, 1024, wire.PayloadOutput)
	want("just bulk", 1600*time.Microsecond)
	feed(64, 1024, wire.PayloadOutput)
	want("some time of it", 8*time.Millisecond)
	feed(1000, 1024, wire.PayloadOutput)
	want("a long one", 16*time.Millisecond)
	feed(1, 9, wire.PayloadOutput)
	want("the end, or the border of a mux frame", 0)
	feed(1, 1024, wire.PayloadOutput)
	want("it was the border", 16*time.Millisecond)
	for range 10 {
		feed(32, 1024, wire.PayloadOutput)
		feed(1, 9, wire.PayloadOutput)
	}
	feed(1, 1024, wire.PayloadOutput)
	want("many frames", 16*time.Millisecond)
	feed(2, 9, wire.PayloadOutput)
	if feed(1, 1024, wire.PayloadOutput); r.bulk() {
		t.Error("bulk after short messages")
	}
	feed(1000, 1024, wire.PayloadOutput)
	feed(10, 1024, wire.PayloadFlag)
	if feed(1, 1024, wire.PayloadOutput); r.bulk() {
		t.Error("flags are bulk")
	}
}
