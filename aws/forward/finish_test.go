package forward

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// TestFinish: at the end of those that used the tunnel, what their connections have sent is delivered first, for as long as it moves;
// what is only open is not waited for.
func TestFinish(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(r *rig, c *end, far *far)
		takes   time.Duration // at least, and half a second more at most
		err     error
		says    string // of the connection's end
	}{
		"nobody has sent anything": {func(*rig, *end, *far) {}, finishTick, nil, ""},
		"the client has finished": {
			func(_ *rig, c *end, _ *far) { _ = c.CloseWrite() }, finishTick, nil, "its client has finished",
		},
		"the session takes a while": {
			func(r *rig, c *end, _ *far) {
				_ = c.CloseWrite()
				r.dialer.all()[0].drain = 3 * time.Second
			}, 3 * time.Second, nil, "its client has finished",
		},
		"the client sends on": {
			func(_ *rig, c *end, _ *far) {
				go func() {
					for range 30 {
						time.Sleep(finishQuiet / 2)
						_, _ = c.Write([]byte("x"))
					}
				}()
			}, 15 * finishQuiet, nil, "",
		},
		"what was sent is never acknowledged": {
			func(r *rig, _ *end, _ *far) { r.dialer.all()[0].relink(aws.SessionStats{Sent: 5, Pending: 1}) }, finishStill, aws.ErrReset, "",
		},
		"the agent never has done": {
			func(r *rig, c *end, _ *far) {
				_ = c.CloseWrite()
				r.dialer.all()[0].drain = time.Hour
			}, finishStill, aws.ErrReset, "its client has finished",
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Config{}, sessions(nil), func(r *rig) {
				local := r.connect()
				far := r.dialled(1)
				r.send(local, far, "hello")
				go func() { // the target reads, and answers nothing
					for p := make([]byte, 100); ; {
						if _, err := far.Read(p); err != nil {
							return
						}
					}
				}()
				time.Sleep(time.Second)
				c.happens(r, local, far)
				began := time.Now()
				err := r.Finish(context.Background())
				took := time.Since(began)
				if !errors.Is(err, c.err) || err != nil && aws.NextOf(err) == "" || took < c.takes || took > c.takes+time.Second/2 {
					t.Errorf("%v after %v, want %v after %v", err, took, c.err, c.takes)
				}
				if c.says != "" {
					r.wantTold(aws.EventConnClosed, 1, c.says)
				} else if n := len(r.Snapshot().Conns); n != 1 {
					t.Errorf("%d connections are left, want the one that is open", n)
				}
			})
		})
	}
}

// TestFinishIsGivenUp: ctx ends the wait, and so does the tunnel's own end.
func TestFinishIsGivenUp(t *testing.T) {
	bubble(t, Config{}, sessions(func(s *fakeSession) { s.drain = time.Hour }), func(r *rig) {
		local := r.connect()
		r.send(local, r.dialled(1), "hello")
		_ = local.CloseWrite()
		ctx, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		if err := r.Finish(ctx); !errors.Is(err, aws.ErrReset) || ctx.Err() == nil {
			t.Errorf("given up: %v", err)
		}
		time.AfterFunc(time.Second, r.stopRun)
		if err := r.Finish(context.Background()); err != nil {
			t.Errorf("the tunnel is over: %v", err)
		}
	})
}
