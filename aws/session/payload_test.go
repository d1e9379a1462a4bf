package session

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session/wire"
)

// uploading is a rig with an endless upload, whose messages go through pass until it says to stop.
func uploading(t *testing.T, o Options, pass func(*rig, wire.Message) bool) *rig {
	t.Helper()
	r := established(t, o, "3.3.0.0")
	stream := r.dial()
	go func() {
		for {
			if _, err := stream.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}()
	for {
		synctest.Wait()
		now := r.written()
		time.Sleep(time.Millisecond)
		for _, m := range now {
			if m.Type == wire.InputStreamData && !pass(r, m) {
				r.c.end(aws.ErrClosed)
				return r
			}
		}
	}
}

// blank says whether a message has no data in it.
func blank(m wire.Message) bool { return len(m.Payload) >= 8 && m.Payload[1] == 3 }

// TestPayloadGrows: sizes are tried with messages of no data, one step at a time, and used once they are acknowledged. A size
// that the network does not take is never used.
func TestPayloadGrows(t *testing.T) {
	for name, c := range map[string]struct {
		payload, most int
		tried         []int
		want          int
	}{
		"the default stays":          {0, 1 << 20, nil, 1024},
		"all sizes pass":             {PayloadAuto, 1 << 20, []int{4 << 10, 16 << 10, 32 << 10}, 32 << 10},
		"4 KB pass":                  {PayloadAuto, 8 << 10, []int{4 << 10, 16 << 10}, 4 << 10},
		"none passes":                {PayloadAuto, 1024, []int{4 << 10}, 1024},
		"known from an earlier time": {16 << 10, 1 << 20, []int{16 << 10}, 16 << 10},
		"known and no longer true":   {16 << 10, 8 << 10, []int{16 << 10}, 1024},
		"smaller than the default":   {512, 1 << 20, nil, 512},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var tried []int
				largest, messages, bytes := 0, 0, 0
				r := uploading(t, Options{Payload: c.payload, Window: 64 << 10}, func(r *rig, m wire.Message) bool {
					messages++
					bytes += len(m.Payload)
					size := len(m.Payload)
					switch {
					case size > 1024 && blank(m):
						if !slices.Contains(tried, size) { // it is sent again once
							tried = append(tried, size)
						}
					case !blank(m):
						largest = max(largest, size)
					}
					if size <= c.most {
						r.ack(m.Seq)
					}
					return bytes < 24<<20
				})
				if !slices.Equal(tried, c.tried) {
					t.Errorf("tried %v, want %v", tried, c.tried)
				}
				var stats aws.SessionStats
				r.c.sender.fill(&stats)
				if largest > c.want || stats.Payload != c.want || !stats.Settled {
					t.Errorf("data went in messages of %d bytes; %d, settled %v; want %d", largest, stats.Payload, stats.Settled, c.want)
				}
			})
		})
	}
}

// TestPayloadFallsBack: a doubt about a size that is in use ends it for good, whatever is acknowledged later.
func TestPayloadFallsBack(t *testing.T) {
	for name, doubt := range map[string]func(*rig){
		"websocket closed": func(r *rig) {
			r.c.unlinked(time.Now())
			r.c.relinked()
		},
		"acknowledgements missing": func(*rig) { time.Sleep(time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				doubted, after, largest := int64(-1), 0, 0 // the latest message at that time
				r := uploading(t, Options{Payload: PayloadAuto}, func(r *rig, m wire.Message) bool {
					if doubted < 0 && len(m.Payload) == 32<<10 && !blank(m) {
						doubt(r)
						if name != "websocket closed" {
							r.written() // sent again
							doubt(r)
							r.written()
						}
						doubted = r.c.sender.next - 1
						return true
					}
					r.ack(m.Seq)
					if doubted >= 0 && m.Seq > doubted {
						after++
						largest = max(largest, len(m.Payload))
					}
					return after < 5000
				})
				if doubted < 0 || largest > 1024 || r.c.sender.payload.size != 1024 {
					t.Errorf("doubted at %d; afterwards messages of %d bytes", doubted, largest)
				}
			})
		})
	}
}

// TestHopelessSize: when large messages come to nothing on two websockets, their connections are given up, not the session.
func TestHopelessSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, busy, idle := duo(t, Options{Payload: 4096})
		r.c.sender.resize(4096, nil)
		_, _ = busy.Write(make([]byte, 4000))
		if got := r.written(); len(got) != 1 || len(got[0].Payload) < 4000 {
			t.Fatalf("%d messages", len(got))
		}
		for range 2 {
			r.c.unlinked(time.Now())
			time.Sleep(time.Millisecond)
			r.c.relinked()
			for _, m := range r.written() {
				if len(m.Payload) <= 1024 {
					r.ack(m.Seq)
				}
			}
			time.Sleep(time.Millisecond)
		}
		if r.alive(busy) {
			t.Error("the connection with the large message lives")
		}
		if !r.alive(idle) {
			t.Error("the other one is dead")
		}
		if n := r.c.sender.kept; n > 2 {
			t.Errorf("%d messages still wait", n)
		}
	})
}

// TestLegacyPace: a kilobyte each millisecond, however fast the acknowledgements.
func TestLegacyPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, bytes := time.Now(), 0
		r := uploading(t, Options{Legacy: true, Payload: PayloadAuto}, func(r *rig, m wire.Message) bool {
			bytes += len(m.Payload)
			r.ack(m.Seq)
			return time.Since(began) < time.Second
		})
		if rate := bytes / 1000; rate < 900 || rate > 1100 {
			t.Errorf("%d bytes a millisecond", rate)
		}
		if r.c.sender.payload.size != 1024 {
			t.Errorf("messages of %d bytes", r.c.sender.payload.size)
		}
	})
}
