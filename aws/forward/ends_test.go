package forward

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// TestCarriesAndCounts: bytes pass unchanged, and the counters move while they do.
func TestCarriesAndCounts(t *testing.T) {
	bubble(t, Config{}, sessions(nil), func(r *rig) {
		r.wantState(aws.StateIdle)
		c := r.connect()
		far := r.dialled(1)
		r.wantState(aws.StateOpen)
		r.send(c, far, "\n")
		r.send(far, c, "answer")
		r.send(c, far, "more")
		got := r.Snapshot()
		if got.Up != 5 || got.Down != 6 || len(got.Conns) != 1 || got.Conns[0].Up != 5 || got.Conns[0].Down != 6 || got.Conns[0].Peer != "127.0.0.1:50000" {
			t.Errorf("counters %+v", got)
		}
		far.endWith(nil)
		if err := ends(c); err != nil {
			t.Errorf("the target's end arrives as %v", err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		r.wantState(aws.StateIdle)
		r.wantTold(aws.EventConnClosed, 1, "127.0.0.1:50000 closed")
		if e, _ := r.told(aws.EventConnClosed); e.Up != 5 || e.Down != 6 || e.Conn != 1 || e.State != aws.StateIdle {
			t.Errorf("closed with %+v", e)
		}
		r.wantTold(aws.EventConnReset, 0)
	})
}

// TestHalfClose: a client that has said everything still gets the whole answer, however long the target thinks.
func TestHalfClose(t *testing.T) {
	answer := make([]byte, 100_000)
	for i := range answer {
		answer[i] = byte(rand.Uint32())
	}
	bubble(t, Config{}, sessions(nil), func(r *rig) {
		c := r.connect()
		far := r.dialled(1)
		r.send(c, far, "query")
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		go func() {
			for part := range 10 {
				time.Sleep(9 * time.Second) // less than Linger each, far more together
				_, _ = far.Write(answer[part*10_000 : (part+1)*10_000])
			}
			far.endWith(nil)
		}()
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Equal(got, answer) {
			t.Errorf("got %d bytes of the answer and %v, want all %d", len(got), err, len(answer))
		}
		far.near.mu.Lock()
		defer far.near.mu.Unlock()
		if len(far.near.resets) > 0 {
			t.Error("the target's side was reset")
		}
	})
}

// ending is one way in which a connection ends.
type ending struct {
	do    func(r *rig, local *end, far *far)
	takes time.Duration
	sees  string // by the local client: "end", "reset", "" for one that has gone itself
	kind  aws.EventKind
	says  string
}

// TestHowItEnds: who ends what, and what the other side sees of it.
func TestHowItEnds(t *testing.T) {
	broken := errors.New("stream broken")
	for name, c := range map[string]ending{
		"the target finishes": {
			func(_ *rig, _ *end, far *far) { far.endWith(nil) }, drainTime, "end", aws.EventConnClosed, "closed",
		},
		"the local side finishes and the target has nothing to say": {
			func(_ *rig, local *end, _ *far) { _ = local.CloseWrite() }, 10 * time.Second, "reset", aws.EventConnClosed, "nothing more came for 10s",
		},
		"the target breaks": {
			func(_ *rig, _ *end, far *far) { far.endWith(broken) }, 0, "reset", aws.EventConnReset, "stream broken",
		},
		"the target breaks after the local side has finished": {
			func(r *rig, local *end, far *far) {
				_ = local.CloseWrite()
				synctest.Wait()
				far.endWith(broken)
			}, 0, "reset", aws.EventConnReset, "stream broken",
		},
		"the target refuses": {
			func(_ *rig, _ *end, far *far) { far.endWith(aws.ErrRefused) }, 0, "reset", aws.EventConnRefused, "orders.internal:5432 refused the connection from bastion (i-0123)",
		},
		"the local side resets": {
			func(_ *rig, local *end, _ *far) { local.abort() }, 0, "", aws.EventConnReset, "local client: connection reset",
		},
		"the local side resets in the middle of an answer": {
			func(_ *rig, local *end, far *far) {
				local.abort()
				_, _ = far.Write([]byte("x"))
			}, 0, "", aws.EventConnReset, "local client",
		},
	} {
		t.Run(name, func(t *testing.T) { bubble(t, Config{}, sessions(nil), c.check) })
	}
}

func (c ending) check(r *rig) {
	local := r.connect()
	far := r.dialled(1)
	r.send(far, local, "hello")
	saw := make(chan error, 1)
	start := time.Now()
	go func() { saw <- ends(local) }()
	c.do(r, local, far)
	if err := ends(far); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		r.t.Errorf("the target's side ends with %v", err)
	}
	for len(r.Snapshot().Conns) > 0 {
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
	}
	if took := time.Since(start).Truncate(50 * time.Millisecond); took != c.takes {
		r.t.Errorf("it took %v, want %v", took, c.takes)
	}
	switch err := <-saw; {
	case c.sees == "end" && err != nil, c.sees == "reset" && !errors.Is(err, syscall.ECONNRESET):
		r.t.Errorf("the local client sees %v, want its %s", err, c.sees)
	}
	r.wantTold(c.kind, 1, c.says)
	far.near.mu.Lock()
	defer far.near.mu.Unlock()
	if far.near.closes == 0 {
		r.t.Error("the remote side is not closed")
	}
	// Resetting it would drop what the local client has sent and the agent not yet taken.
	if inOrder := c.kind == aws.EventConnClosed; inOrder && len(far.near.resets) > 0 {
		r.t.Error("the remote side was reset")
	}
}

// TestLocalResetIsPassedOn: queued bytes of a client that has gone are not worth sending.
func TestLocalResetIsPassedOn(t *testing.T) {
	bubble(t, Config{}, sessions(nil), func(r *rig) {
		c := r.connect()
		far := r.dialled(1)
		c.abort()
		synctest.Wait()
		far.near.mu.Lock()
		defer far.near.mu.Unlock()
		if len(far.near.resets) == 0 {
			t.Error("the remote side was closed in order, want a reset")
		}
	})
}

// TestRefusedIsDegraded: a refusal marks the tunnel until some connection gets a byte.
func TestRefusedIsDegraded(t *testing.T) {
	bubble(t, Config{}, sessions(nil), func(r *rig) {
		first := r.connect()
		r.dialled(1).endWith(aws.ErrRefused)
		r.wantReset(first)
		r.wantState(aws.StateDegraded)
		r.wantTold(aws.EventConnRefused, 1, "refused", "database is running", "5432 is its port")
		if got := r.Snapshot().Reason; got == "" {
			t.Error("degraded without a reason")
		}
		second := r.connect()
		far := r.dialled(1)
		r.wantState(aws.StateDegraded)
		r.send(far, second, "hello")
		r.wantState(aws.StateOpen)
		if n := r.dialer.tries(); n != 1 {
			t.Errorf("%d sessions were started, want 1: a refusal is not the session's fault", n)
		}
	})
}

// TestTargetEndsWhileClientSends: the answer arrives whole, and the client is not left blocked in its write.
func TestTargetEndsWhileClientSends(t *testing.T) {
	bubble(t, Config{}, sessions(nil), func(r *rig) {
		c := r.connect()
		far := r.dialled(1)
		wrote := make(chan struct{})
		go func() {
			defer close(wrote)
			_, _ = c.Write(make([]byte, 1<<20))
		}()
		r.send(far, c, "too much")
		far.endWith(nil)
		if err := ends(c); err != nil {
			t.Errorf("the answer ends with %v", err)
		}
		<-wrote // a write that blocks for ever would end the bubble
		_ = c.Close()
		r.wantState(aws.StateIdle)
	})
}

// TestTargetIsDeaf: it takes no more while its answer is still on the way, to a client that writes before it reads.
func TestTargetIsDeaf(t *testing.T) {
	bubble(t, Config{}, sessions(func(s *fakeSession) { s.deaf = true }), func(r *rig) {
		c := r.connect()
		far := r.dialled(1)
		answer := make([]byte, 100_000)
		go func() {
			_, _ = far.Write(answer)
			far.endWith(nil)
		}()
		if _, err := c.Write(make([]byte, 1<<20)); err != nil {
			t.Errorf("the client's write ends with %v", err)
		}
		if got, err := io.ReadAll(c); err != nil || len(got) != len(answer) {
			t.Errorf("got %d bytes and %v, want %d", len(got), err, len(answer))
		}
		_ = c.Close()
		r.wantState(aws.StateIdle)
	})
}

// TestStoppedReader: a client that reads nothing holds up neither its neighbour nor the end of Run.
func TestStoppedReader(t *testing.T) {
	bubble(t, Config{Sessions: 1}, sessions(nil), func(r *rig) {
		r.connect()
		stopped := r.dialled(1)
		go func() { _, _ = stopped.Write(make([]byte, 1<<20)) }()
		synctest.Wait()
		c := r.connect()
		r.send(r.dialled(1), c, "hello")
		r.stopRun()
		<-r.done
	})
}

// TestCancelCutsConnections: at the end of Run clients see a reset, never a clean end.
func TestCancelCutsConnections(t *testing.T) {
	bubble(t, Config{}, sessions(nil), func(r *rig) {
		c := r.connect()
		far := r.dialled(1)
		r.send(far, c, "half of the ans")
		r.stopRun()
		r.wantReset(c)
		<-r.done
		if r.err != nil {
			t.Errorf("Run returns %v, want nil", r.err)
		}
		r.wantTold(aws.EventConnReset, 1, "closed by this side")
		r.Close()
		r.Close()
		if err := r.Run(r.t.Context()); !errors.Is(err, aws.ErrClosed) {
			t.Errorf("a second Run gives %v", err)
		}
	})
}

// TestFastPaths: a conn that can copy without a buffer in between does, and is counted all the same.
func TestFastPaths(t *testing.T) {
	bubble(t, Config{}, sessions(func(s *fakeSession) { s.fast = true }), func(r *rig) {
		c := r.connect()
		far := r.dialled(1)
		r.send(c, far, "query")
		r.send(far, c, "hello")
		if !far.near.wroteTo.Load() || !far.near.readFrom.Load() {
			t.Error("a buffer of our own was used")
		}
		if got := r.Snapshot(); got.Up != 5 || got.Down != 5 {
			t.Errorf("%d up, %d down", got.Up, got.Down)
		}
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		r.send(far, c, "more")
		far.endWith(nil)
		if err := ends(c); err != nil {
			t.Errorf("the target's end arrives as %v", err)
		}
	})
}

// TestEndSaysWhy: whoever ends a tunnel for a reason is named where its end and the ends of its connections are told; it is no
// failure of Run. Only the first reason counts.
func TestEndSaysWhy(t *testing.T) {
	bubble(t, Config{}, sessions(nil), func(r *rig) {
		c := r.connect()
		r.dialled(1)
		r.End("ended by somebody")
		r.End("ended again")
		<-r.done
		r.wantReset(c)
		if r.err != nil {
			t.Errorf("Run returned %v, want nil", r.err)
		}
		r.wantTold(aws.EventConnReset, 1, "127.0.0.1:50000 cut: ended by somebody")
		if e, _ := r.told(aws.EventState); e.State != aws.StateClosed || e.Text != "ended by somebody" {
			t.Errorf("the last state is told as %+v", e)
		}
		if got := r.Snapshot().Reason; got != aws.ErrClosed.Error() {
			t.Errorf("the reason is %q: to whoever shows the tunnel it is an end that was wanted", got)
		}
	})
}

// TestQueuedBytesBeforeTheEnd: a session that is not needed any more is closed when the agent has what was written through it,
// within bounds that are short when the tunnel ends.
func TestQueuedBytesBeforeTheEnd(t *testing.T) {
	for name, c := range map[string]struct {
		drain, want time.Duration
		stop        bool
	}{
		"a slow uplink":                   {3 * time.Second, 3 * time.Second, false},
		"one that takes nothing":          {time.Hour, drainLimit, false},
		"the tunnel ends in the meantime": {time.Hour, lastDrain, true},
		"it ends, and there is time":      {lastDrain / 2, lastDrain / 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := sessions(func(s *fakeSession) { s.basic, s.drain = true, c.drain })
			bubble(t, Config{}, d, func(r *rig) {
				client := r.connect()
				r.dialled(1).endWith(nil) // in basic mode a session has one connection
				if err := ends(client); err != nil {
					t.Error(err)
				}
				_ = client.Close()
				began, s := time.Now(), d.all()[0]
				synctest.Wait()
				if s.count(&s.drains) != 1 || s.count(&s.closed) != 0 {
					t.Fatal("the session is closed with bytes in it")
				}
				if c.stop {
					r.stopRun()
				}
				<-s.done
				if took := time.Since(began); took != c.want {
					t.Errorf("closed after %v, want %v", took, c.want)
				}
			})
		})
	}
}
