package agent

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/sim/frame"
)

// demux takes the agent's bytes apart again.
func demux(t *testing.T, msgs []sent) (data map[byte]string, fins []byte) {
	t.Helper()
	var all []byte
	for _, m := range msgs {
		all = append(all, m.Payload...)
	}
	data = map[byte]string{}
	for len(all) >= 8 {
		cmd, n, sid := all[1], int(all[2])|int(all[3])<<8, all[4]
		if all[0] != 1 || len(all) < 8+n {
			t.Fatalf("the mux is out of step at %x", all[:8])
		}
		switch cmd {
		case cmdPSH:
			data[sid] += string(all[8 : 8+n])
		case cmdFIN:
			fins = append(fins, sid)
		}
		all = all[8+n:]
	}
	return data, fins
}

func TestPacing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var far chan net.Conn
		r := startRig(t, func(c *Config, n *fakeNet) { far = pipeTarget(n) })
		r.shake(client)
		r.post(frame.Data, mux(cmdSYN, 3, ""))
		conn := <-far
		want := bytes.Repeat([]byte("0123456789abcdef"), 64<<10/16)
		if _, err := conn.Write(want); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		got := r.of(frame.Output, frame.Data)
		if n := 66; len(got) < 65 || len(got) > n {
			t.Errorf("64 KiB came in %d messages, want about %d of 1024 bytes", len(got), n)
		}
		for i, s := range got {
			if len(s.Payload) > 1024 {
				t.Errorf("message of %d bytes, want at most 1024", len(s.Payload))
			}
			if i > 0 && s.at-got[i-1].at < time.Millisecond {
				t.Errorf("two messages within %v, want 1 ms between them", s.at-got[i-1].at)
			}
		}
		if took := got[len(got)-1].at - got[0].at; took > time.Duration(len(got))*time.Millisecond {
			t.Errorf("%d messages took %v, want 1 ms each and nothing else", len(got), took)
		}
		if data, _ := demux(t, got); data[3] != string(want) {
			t.Error("the bytes are not those that were written")
		}
	})
}

func TestQueueBeforeThePacing(t *testing.T) {
	a, b := newPipe()
	defer a.Close()
	wrote := make(chan int)
	go func() {
		n, _ := a.Write(make([]byte, pipeSize+1))
		wrote <- n
	}()
	if n, err := io.ReadFull(b, make([]byte, pipeSize+1)); err != nil || n != pipeSize+1 {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if n := <-wrote; n != pipeSize+1 {
		t.Errorf("%d bytes written, want all", n)
	}
	synctest.Test(t, func(t *testing.T) {
		a, _ := newPipe()
		full := false
		go func() {
			_, _ = a.Write(make([]byte, pipeSize))
			full = true
			_, _ = a.Write([]byte("x"))
			full = false
		}()
		synctest.Wait()
		if !full {
			t.Errorf("the queue does not hold exactly %d bytes", pipeSize)
		}
		_ = a.Close()
		synctest.Wait()
		if _, err := a.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("write after close: %v", err)
		}
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("read after close: %v", err)
		}
	})
}

func TestRefusedOvertakesFIN(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, func(c *Config, n *fakeNet) {
			n.dial = func(context.Context, string, netip.Addr, int) (net.Conn, error) {
				return nil, errors.New("connection refused")
			}
		})
		r.shake(client)
		r.post(frame.Data, mux(cmdSYN, 3, ""))
		time.Sleep(10 * time.Millisecond)
		flags, data := r.of(frame.Output, frame.Flag), r.of(frame.Output, frame.Data)
		if len(flags) != 1 || !bytes.Equal(flags[0].Payload, []byte{0, 0, 0, 3}) {
			t.Fatalf("flags %v, want one ConnectToPortError", flags)
		}
		if _, fins := demux(t, data); len(fins) != 1 || fins[0] != 3 {
			t.Fatalf("FIN for %v, want for stream 3", fins)
		}
		if flags[0].Sequence > data[0].Sequence {
			t.Error("the FIN came before the flag")
		}
	})
}

func TestSilentTargetBlocksTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var far chan net.Conn
		r := startRig(t, func(c *Config, n *fakeNet) {
			far = pipeTarget(n)
			good, first := n.dial, true
			n.dial = func(ctx context.Context, host string, a netip.Addr, port int) (net.Conn, error) {
				if !first {
					return good(ctx, host, a, port)
				}
				first = false
				select {
				case <-time.After(127 * time.Second):
					return nil, errors.New("connection timed out")
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
		})
		r.shake(client)
		r.post(frame.Data, mux(cmdSYN, 3, ""))
		r.post(frame.Data, mux(cmdSYN, 5, "")+mux(cmdPSH, 5, "hello"))
		time.Sleep(126 * time.Second)
		if len(far) != 0 {
			t.Fatal("the second connection was dialled while the first dial hangs")
		}
		time.Sleep(2 * time.Second)
		b := make([]byte, 5)
		if _, err := io.ReadFull(<-far, b); err != nil || string(b) != "hello" {
			t.Errorf("the second connection carried %q, %v", b, err)
		}
	})
}

func TestNamesAreResolvedOnceAndTriedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tried []string
		r := startRig(t, func(c *Config, n *fakeNet) {
			n.addrs = []netip.Addr{netip.MustParseAddr("10.9.0.1"), netip.MustParseAddr("10.9.0.2")}
			n.dial = func(_ context.Context, _ string, a netip.Addr, _ int) (net.Conn, error) {
				tried = append(tried, a.String())
				return nil, errors.New("refused")
			}
		})
		r.shake(client)
		r.net.addrs = []netip.Addr{netip.MustParseAddr("10.9.0.3")}
		r.post(frame.Data, mux(cmdSYN, 3, ""))
		if got := strings.Join(tried, " "); got != "10.9.0.1 10.9.0.2" {
			t.Errorf("tried %s, want both of the start, in order", got)
		}
	})
}

func TestTargetsThatEndTheSession(t *testing.T) {
	for name, c := range map[string]struct {
		host, port, agent string
		addrs             string
		want              string
	}{
		"unknown name":     {"nosuch.example", "5432", "3.3.0.0", "", "lookup nosuch.example: no such host"},
		"metadata":         {"imds", "80", "3.3.0.0", "169.254.169.254", "Forwarding to IP address imds is forbidden."},
		"metadata, IPv6":   {"imds", "80", "3.3.0.0", "fd00:ec2::254", "Forwarding to IP address imds is forbidden."},
		"mapped":           {"imds", "80", "3.3.0.0", "::ffff:169.254.169.254", "Forwarding to IP address imds is forbidden."},
		"VPC DNS":          {"dns", "53", "3.3.0.0", "10.1.0.2", "Forwarding to IP address dns is forbidden."},
		"broadcast":        {"bc", "53", "3.3.0.0", "10.1.255.255", "Forwarding to IP address bc is forbidden."},
		"second address":   {"two", "80", "3.3.0.0", "10.1.4.4 169.254.169.123", "Forwarding to IP address two is forbidden."},
		"loopback, strict": {"self", "80", "3.3.4851.0", "127.0.0.1", "Forwarding to IP address self is forbidden."},
		"ECS, strict":      {"ecs", "80", "3.3.4851.0", "169.254.170.2", "Forwarding to IP address ecs is forbidden."},
		"no port":          {"db", "", "3.3.0.0", "10.1.4.4", "Port number is empty"},
		"bad port":         {"db", "x", "3.3.0.0", "10.1.4.4", "dial tcp: address x: invalid port"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := startRig(t, func(cfg *Config, n *fakeNet) { point(cfg, n, c.host, c.port, c.agent, c.addrs) })
				r.shake(client)
				time.Sleep(100 * time.Millisecond)
				if got := r.end(); !strings.HasPrefix(got, c.want) {
					t.Errorf("reason %q, want %q", got, c.want)
				}
			})
		})
	}
}

func point(cfg *Config, n *fakeNet, host, port, agent, addrs string) {
	pipeTarget(n)
	cfg.AgentVersion = agent
	cfg.Properties["host"], cfg.Properties["portNumber"] = host, port
	n.addrs = nil
	for a := range strings.FieldsSeq(addrs) {
		n.addrs = append(n.addrs, netip.MustParseAddr(a))
	}
}

func TestTargetsThatAreAllowed(t *testing.T) {
	for name, c := range map[string]struct{ agent, addr string }{
		"loopback, before 3.3.4851": {"3.3.3050.0", "127.0.0.1"},
		"fifth of the VPC":          {"3.3.4851.0", "10.1.0.4"},
		"next to broadcast":         {"3.3.4851.0", "10.1.255.254"},
		"another VPC's DNS":         {"3.3.4851.0", "10.2.0.2"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := startRig(t, func(cfg *Config, n *fakeNet) { point(cfg, n, "db", "5432", c.agent, c.addr) })
				r.shake(client)
				if r.post(frame.Data, mux(cmdSYN, 3, "")); r.count.Dials.Load() != 1 {
					t.Error("was not dialled")
				}
			})
		})
	}
}

func TestNoHalfClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var far chan net.Conn
		r := startRig(t, func(c *Config, n *fakeNet) { far = pipeTarget(n) })
		r.shake(client)
		r.post(frame.Data, mux(cmdSYN, 3, "")+mux(cmdSYN, 5, ""))
		first, second := <-far, <-far
		r.post(frame.Data, mux(cmdFIN, 3, "")) // the client is done writing: the answer is cut off
		if _, err := first.Write([]byte("answer")); err == nil {
			t.Error("the target could still answer after the client's FIN")
		}
		_ = second.Close()
		time.Sleep(5 * time.Millisecond)
		if _, fins := demux(t, r.of(frame.Output, frame.Data)); !bytes.Contains(fins, []byte{5}) {
			t.Errorf("FIN for %v, want for 5", fins)
		}
		if n := r.count.Connections.Load(); n != 0 {
			t.Errorf("%d connections open, want none", n)
		}
	})
}

func TestKeepaliveRule(t *testing.T) {
	for name, c := range map[string]struct {
		client, agent string
		dies          bool
	}{
		"unstamped client": {"1.2.0.0", "3.3.0.0", true},
		"old agent":        {client, "3.1.1511.0", true},
		"today's":          {client, "3.3.0.0", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := startRig(t, func(cfg *Config, n *fakeNet) { pipeTarget(n); cfg.AgentVersion = c.agent })
				r.shake(c.client)
				time.Sleep(61 * time.Second)
				synctest.Wait()
				select {
				case <-r.output:
					if !c.dies {
						t.Error("the mux died of silence")
					}
				default:
					if c.dies {
						t.Error("the mux outlived 61 s of silence with its keepalive on")
					}
				}
			})
		})
	}
}

func TestWrongMuxVersionIsDeadButStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, func(c *Config, n *fakeNet) { pipeTarget(n) })
		r.shake(client)
		r.post(frame.Data, "\x02\x00\x00\x00\x03\x00\x00\x00")
		time.Sleep(time.Minute)
		if r.post(frame.Data, mux(cmdSYN, 5, "")); r.count.Dials.Load() != 0 {
			t.Error("the mux still works")
		}
		select {
		case <-r.output:
			t.Error("the session ended; the real one stays, and is dead")
		default:
		}
	})
}

func TestMuxOrBasic(t *testing.T) {
	for _, c := range []struct {
		client, agent, kind string
		mux                 bool
	}{
		{client, "3.3.0.0", "LocalPortForwarding", true},
		{"1.1.70", "3.0.196.1", "LocalPortForwarding", true},
		{"1.1.69.9", "3.3.0.0", "LocalPortForwarding", false},
		{client, "3.0.196.0", "LocalPortForwarding", false},
		{client, "3.3.0.0", "", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := startRig(t, func(cfg *Config, n *fakeNet) {
				pipeTarget(n)
				cfg.AgentVersion, cfg.Properties["type"] = c.agent, c.kind
			})
			r.shake(c.client)
			if got := r.count.Mux.Load(); got != c.mux {
				t.Errorf("client %s, agent %s, type %q: mux %v, want %v", c.client, c.agent, c.kind, got, c.mux)
			}
		})
	}
}

func TestSlowTargetBlocksTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, func(c *Config, n *fakeNet) { pipeTarget(n) })
		r.shake(client)
		r.post(frame.Data, mux(cmdSYN, 3, ""))
		// Nobody reads at the target: 4 MiB of bucket and the queue fill, then the reader hangs and nothing is acknowledged (B7).
		chunk := mux(cmdPSH, 3, strings.Repeat("x", 1016))
		taken := 0
		for ; taken < 6<<10; taken++ {
			m := frame.Message{Type: frame.Input, Schema: 1, Created: 1, Sequence: r.next, PayloadType: frame.Data, Payload: []byte(chunk)}
			r.next++
			select {
			case r.in <- frame.Append(nil, &m):
				synctest.Wait()
				continue
			default:
			}
			break
		}
		if taken < 4<<10 || taken > 4<<10+512 {
			t.Errorf("the reader hung after %d KiB, want 4 MiB of bucket and the queue", taken)
		}
		if got := len(r.acks()); got != taken {
			t.Errorf("%d of %d messages acknowledged, want all but the one that hangs", got-1, taken)
		}
	})
}

func FuzzCompare(f *testing.F) {
	f.Add("3.0.196.0", "3.1")
	f.Fuzz(func(t *testing.T, a, b string) {
		if compare(a, b) > 0 != (compare(b, a) < 0) || compare(a, a) != 0 {
			t.Errorf("compare(%q, %q) is no order", a, b)
		}
	})
}
