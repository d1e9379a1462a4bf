package session

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws/session/wire"
)

// trickle is a connection on which a byte arrives each millisecond.
type trickle struct {
	net.Conn
	start time.Time
	taken int
	reads int
}

func (c *trickle) Read(p []byte) (int, error) {
	c.reads++
	for {
		there := int(time.Since(c.start)/time.Millisecond) - c.taken
		if there > 0 {
			n := min(there, len(p))
			c.taken += n
			return n, nil
		}
		time.Sleep(time.Millisecond - time.Since(c.start)%time.Millisecond)
	}
}

// TestBulkReadsInCompany counts how often the socket is read for 400 messages: one by one in an interactive session, several
// at a time in a bulk download, and without a rest while more than the buffer holds is waiting.
func TestBulkReadsInCompany(t *testing.T) {
	for name, c := range map[string]struct {
		bulk     bool
		buffer   int
		min, max int
	}{
		"interactive":                    {false, 64, 400, 400},
		"bulk":                           {true, 64, 400 / 5, 400 / 3},
		"bulk, more than the buffer has": {true, 1, 400, 400},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				from := &trickle{start: time.Now()}
				conn := &batchConn{Conn: from, bulk: func() bool { return c.bulk }}
				buf := make([]byte, c.buffer)
				for got := 0; got < 400; {
					n, err := conn.Read(buf)
					if err != nil {
						t.Fatal(err)
					}
					got += n
				}
				if from.reads < c.min || from.reads > c.max {
					t.Errorf("%d reads for 400 messages, want %d to %d", from.reads, c.min, c.max)
				}
			})
		})
	}
}

func TestBulkScore(t *testing.T) {
	var r receiver
	feed := func(n, size int, kind wire.PayloadType) {
		for range n {
			r.measure(&wire.Message{PayloadType: kind, Payload: make([]byte, size)})
		}
	}
	feed(bulkAfter-1, 1024, wire.PayloadOutput)
	if r.full >= bulkAfter {
		t.Error("bulk too early")
	}
	feed(1000, 1024, wire.PayloadOutput)
	if r.full < bulkAfter {
		t.Error("a long run of full messages is not bulk")
	}
	feed(1, 9, wire.PayloadOutput) // the border of a mux frame
	if r.full < bulkAfter {
		t.Error("one short message ends a bulk download")
	}
	feed(3, 9, wire.PayloadOutput)
	if r.full >= bulkAfter {
		t.Error("short messages are bulk")
	}
	feed(1000, 1024, wire.PayloadFlag)
	if r.full != 0 {
		t.Error("flags are bulk")
	}
}
