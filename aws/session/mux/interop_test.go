package mux

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// exchange echoes random bytes over 20 streams at once and compares their SHA-256. The streams carry up to 6859 × scale bytes.
func exchange(t *testing.T, s *Session, scale int) {
	t.Helper()
	var all sync.WaitGroup
	for i := range 20 {
		data := random(uint64(i), i*i*i*scale+i)
		st := patient(t, open(t, s))
		all.Go(func() {
			defer st.Close()
			var writing sync.WaitGroup
			writing.Go(func() {
				if i%2 == 0 {
					if n, err := st.Write(data); n != len(data) || err != nil {
						t.Errorf("stream %d: wrote %d of %d: %v", st.ID(), n, len(data), err)
					}
				} else if n, err := io.Copy(st, bytes.NewReader(data)); n != int64(len(data)) || err != nil {
					t.Errorf("stream %d: copied %d of %d: %v", st.ID(), n, len(data), err)
				}
			})
			defer writing.Wait()
			got := sha256.New()
			if n, err := io.CopyN(got, st, int64(len(data))); err != nil {
				t.Errorf("stream %d: got %d of %d: %v", st.ID(), n, len(data), err)
			}
			if want := sha256.Sum256(data); !bytes.Equal(got.Sum(nil), want[:]) {
				t.Errorf("stream %d: %d bytes came back changed", st.ID(), len(data))
			}
		})
	}
	all.Wait()
	if n := s.Streams(); n != 0 {
		t.Errorf("%d streams are left", n)
	}
}

// TestAgentsRelease exchanges with the smux release of the agent, with frames torn in every way.
func TestAgentsRelease(t *testing.T) {
	for _, piece := range []int{1, 7, 1016, 1024, 65536} {
		config := agentConfig()
		config.KeepAliveDisabled = false // NOP frames in between
		config.KeepAliveInterval = time.Millisecond
		s := rig(t, Config{SpillDir: t.TempDir()}, piece, config, echo)
		exchange(t, s, min(60, 6*piece)) // the agent's bytes one by one take their time
	}
}

func TestLargeMessages(t *testing.T) {
	s := rig(t, Config{Payload: 32 << 10, SendBuffer: 64 << 10, SpillDir: t.TempDir()}, 32<<10, agentConfig(), echo)
	exchange(t, s, 60)
}

func TestSmallestMessages(t *testing.T) {
	s := rig(t, Config{Payload: 16}, 100, agentConfig(), echo)
	st := patient(t, open(t, s))
	defer st.Close()
	want := random(1, 5000)
	if _, err := st.Write(want); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(st, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v, equal: %v", err, bytes.Equal(got, want))
	}
}

// TestNewestRelease exchanges with the newest smux, which is built from a module of its own.
func TestNewestRelease(t *testing.T) {
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command in PATH")
	}
	dir := filepath.Join("testdata", "peer")
	program := filepath.Join(t.TempDir(), "peer")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	goCommand := func(args ...string) ([]byte, error) {
		cmd := exec.CommandContext(t.Context(), tool, args...)
		cmd.Env = append(cmd.Environ(), "GOWORK=off", "GOFLAGS=-buildvcs=false -mod=readonly")
		return cmd.CombinedOutput()
	}
	if out, err := goCommand("mod", "download", "-C", dir); err != nil {
		t.Skipf("no Go module proxy in reach: %v: %s", err, out)
	}
	if out, err := goCommand("build", "-C", dir, "-o", program, "."); err != nil {
		t.Fatalf("build the peer: %v\n%s", err, out)
	}
	ctx, kill := context.WithTimeout(context.Background(), time.Minute) // not the test's, which is over before the peer is
	peer := exec.CommandContext(ctx, program)
	var complaints bytes.Buffer
	peer.Stderr = &complaints
	stdout, err := peer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := peer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // runs after the pump has closed its connection
		defer kill()
		if err := peer.Wait(); err != nil {
			t.Errorf("the peer ended with %v: %s", err, &complaints)
		}
	})
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimSpace(address))
	if err != nil {
		t.Fatal(err)
	}
	s := Client(Config{SpillDir: t.TempDir()})
	pump(t, s, conn, 1024)
	exchange(t, s, 60)
}

// TestAgentClosesFirst: the target's answer is read whole although the agent has closed both ways by then.
func TestAgentClosesFirst(t *testing.T) {
	want := random(3, 700_000)
	s := rig(t, Config{SpillDir: t.TempDir()}, 1024, agentConfig(), func(uint32) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			far.Write(want) //nolint:errcheck // the reader counts
		}()
		return near, nil
	})
	st := patient(t, open(t, s))
	defer st.Close()
	got, err := io.ReadAll(st)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d of %d bytes, %v", len(got), len(want), err)
	}
	if _, err := st.Write([]byte("late")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a write after the agent's FIN gives %v", err)
	}
}

// TestCloseReachesTheTarget: what was queued before Close arrives, and then the end.
func TestCloseReachesTheTarget(t *testing.T) {
	want := random(4, 200_000)
	arrived := make(chan []byte, 1)
	s := rig(t, Config{}, 1024, agentConfig(), func(uint32) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			all, _ := io.ReadAll(far)
			arrived <- all
		}()
		return near, nil
	})
	st := patient(t, open(t, s))
	if _, err := st.Write(want); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-arrived; !bytes.Equal(got, want) {
		t.Errorf("%d of %d bytes arrived", len(got), len(want))
	}
}

// TestUnreadStreamHoldsUpNobody leaves 20 MiB unread on one stream, five times smux's own bucket, while another answers.
func TestUnreadStreamHoldsUpNobody(t *testing.T) {
	want := random(5, 20<<20)
	sent := make(chan struct{})
	s := rig(t, Config{SpillDir: t.TempDir()}, 1024, agentConfig(), func(id uint32) (net.Conn, error) {
		if id != 3 {
			return echo(id)
		}
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			far.Write(want) //nolint:errcheck // the reader counts
			close(sent)
		}()
		return near, nil
	})
	unread := open(t, s)
	defer unread.Close()
	other := patient(t, open(t, s))
	defer other.Close()
	ping := make([]byte, 1000)
	answer := func() {
		t.Helper()
		if _, err := other.Write(ping); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(other, ping); err != nil {
			t.Fatal(err)
		}
	}
	answer() // while the first is coming in
	<-sent   // the whole of it has left the target without a single Read
	answer()
	patient(t, unread)
	var got bytes.Buffer
	if _, err := unread.WriteTo(&got); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%d of %d bytes, equal %v, %v", got.Len(), len(want), bytes.Equal(got.Bytes(), want), err)
	}
}

// TestChurn opens and ends 300 connections in every way, 20 at a time, and finds nothing left over.
func TestChurn(t *testing.T) {
	dir := t.TempDir()
	s := rig(t, Config{RecvBuffer: 4096, SpillDir: dir}, 1024, agentConfig(), func(id uint32) (net.Conn, error) {
		if id%7 == 0 {
			return nil, errors.New("refused")
		}
		return echo(id)
	})
	var all sync.WaitGroup
	for worker := range 20 {
		all.Go(func() {
			for i := range 15 {
				st := patient(t, open(t, s))
				st.Write(random(uint64(i), 1+i*2000)) //nolint:errcheck // refused connections fail in time
				switch (worker + i) % 5 {
				case 0:
					st.Reset(nil)
				case 1:
					io.CopyN(io.Discard, st, int64(i)) //nolint:errcheck // the same
				case 2:
					io.CopyN(io.Discard, st, int64(1+i*2000)) //nolint:errcheck // the same
				case 3:
					s.FailNext(errors.New("refused"))
				}
				st.Close()
			}
		})
	}
	all.Wait()
	if err := s.Probe(t.Context()); err != nil { // everything before it has been dealt with by the agent
		t.Error(err)
	}
	st := patient(t, open(t, s))
	for st.ID()%7 == 0 {
		st.Close()
		st = patient(t, open(t, s))
	}
	defer st.Close()
	if _, err := st.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(st, make([]byte, 4)); err != nil {
		t.Errorf("after all that: %v", err)
	}
	if n := s.Streams(); n != 1 {
		t.Errorf("%d streams", n)
	}
}

// TestProbeWaitsForTheDialQueue: a probe passes when the agent's dial before it is over, and not before.
func TestProbeWaitsForTheDialQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		s := rig(t, Config{}, 1024, agentConfig(), func(id uint32) (net.Conn, error) {
			if id == 3 {
				<-over
				return nil, errors.New("timed out")
			}
			return echo(id)
		})
		stuck := open(t, s)
		defer stuck.Close()
		passed := make(chan error, 1)
		go func() { passed <- s.Probe(t.Context()) }()
		synctest.Wait()
		select {
		case err := <-passed:
			t.Fatalf("the probe passed a stuck dial: %v", err)
		default:
		}
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Probe(impatient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a probe given up gives %v", err)
		}
		refused := errors.New("refused")
		s.FailNext(refused)
		close(over)
		if err := <-passed; err != nil {
			t.Error(err)
		}
		if _, err := stuck.Read(make([]byte, 1)); !errors.Is(err, refused) {
			t.Errorf("the refused stream ends with %v", err)
		}
		if n := s.Streams(); n != 1 {
			t.Errorf("%d streams, want the one that is not closed yet: a probe is none", n)
		}
	})
}
