package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/world"
)

// row is what one program did at one round-trip time. A figure that was not taken is 0.
type row struct {
	program           string
	rtt               time.Duration
	up, down, auto    float64 // MB/s, medians; auto is up with --payload auto
	cpuUp, cpuDown    float64 // CPU seconds per GB in the program's process
	delivered         float64 // payload that arrived ÷ payload that the agent sent
	p50, p99, backed  time.Duration
	connections       float64 // a second
	peak, peakCrowded float64 // MiB
}

// rig is a simulator with the loads' servers behind it, at one round-trip time.
type rig struct {
	plan
	box      *sim.Sim
	far      servers
	dir      string // of the configuration files
	env      []string
	instance string
	rtt      time.Duration
	meter    meter
	addrs    map[string]string // of the far ends, by the hosts of the loads
}

// measure puts every program that is there through all loads at one round-trip time.
func measure(ctx context.Context, p plan, rtt time.Duration, dir, bin string) ([]row, *loaded, error) {
	r := &rig{plan: p, rtt: rtt, addrs: map[string]string{}}
	defer r.close()
	if err := r.open(ctx, dir); err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(os.Stderr, "at RTT %v: one connection\n", rtt)
	ours, err := r.rdsx(ctx, bin)
	if err != nil {
		return nil, nil, fmt.Errorf("rdsx: %w", err)
	}
	rows := []row{ours}
	if theirs, err := r.plugin(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "session-manager-plugin is left out:", err)
	} else {
		rows = append(rows, theirs)
	}
	more, err := r.loaded(ctx, bin)
	return rows, more, err
}

func (r *rig) open(ctx context.Context, dir string) error {
	w, err := world.Default()
	if err != nil {
		return err
	}
	for host, handler := range map[string]func(net.Conn){echoHost: echo, sinkHost: sink, sourceHost: source, mixedHost: mixed, meterHost: r.meter.serve} {
		addr, err := r.far.serve(ctx, handler)
		if err != nil {
			return err
		}
		if err := w.SetDial(host, addr); err != nil {
			return err
		}
		r.addrs[host] = addr
	}
	box, err := sim.Start(ctx, sim.Options{World: w, TLS: true, Faults: sim.Faults{RTT: r.rtt}, Unsigned: true})
	if err != nil {
		return err
	}
	r.box = box
	r.dir = filepath.Join(dir, r.rtt.String())
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		return err
	}
	config, credentials, err := box.WriteConfig(r.dir)
	if err != nil {
		return err
	}
	r.env = append(os.Environ(), box.Env(config, credentials)...)
	r.instance, err = carrier(w)
	return err
}

func (r *rig) close() {
	if r.box != nil {
		_ = r.box.Close()
	}
	r.far.close()
}

// rdsx takes all figures. Every load has a process of its own, so that CPU and memory belong to it alone.
func (r *rig) rdsx(ctx context.Context, bin string) (row, error) {
	out := row{program: "rdsx", rtt: r.rtt}
	start := func(host string) (*tunnel, error) { return startRdsx(ctx, bin, r.env, r.instance, host) }
	err := errors.Join(
		r.moves(ctx, start, sinkHost, upload, r.upload, &out.up, &out.cpuUp, &out.peak, nil),
		r.moves(ctx, start, sourceHost, download, r.download, &out.down, &out.cpuDown, nil, &out.delivered),
		r.moves(ctx, func(host string) (*tunnel, error) {
			return startRdsx(ctx, bin, r.env, r.instance, host, "--payload", "auto")
		}, sinkHost, upload, r.upload, &out.auto, new(float64), nil, nil),
		r.pinged(ctx, start, &out),
	)
	if err == nil && r.rtt == 0 {
		err = r.crowded(ctx, bin, &out)
	}
	return out, err
}

// plugin takes the figures that the official client can give.
func (r *rig) plugin(ctx context.Context) (row, error) {
	for _, name := range []string{"session-manager-plugin", "aws"} {
		if _, err := exec.LookPath(name); err != nil {
			return row{}, err
		}
	}
	out := row{program: "session-manager-plugin", rtt: r.rtt}
	env := append(slices.Clone(r.env), "SSL_CERT_FILE="+sim.CAFile(r.dir)) // the plugin knows no AWS_CA_BUNDLE
	start := func(host string) (*tunnel, error) { return startPlugin(ctx, env, r.instance, host) }
	err := errors.Join(
		r.moves(ctx, start, sinkHost, upload, r.slow, &out.up, &out.cpuUp, &out.peak, nil),
		r.moves(ctx, start, sourceHost, download, r.slow, &out.down, &out.cpuDown, nil, nil),
		r.pinged(ctx, start, &out),
	)
	return out, err
}

type load func(ctx context.Context, addr string, n int64) (seconds float64, err error)

// moves runs a transfer repeats times through one tunnel and fills in the median rate and the CPU per GB.
func (r *rig) moves(ctx context.Context, start func(string) (*tunnel, error), host string, move load, n int64, rate, cpu, peak, delivered *float64) error {
	t, err := start(host)
	if err != nil {
		return err
	}
	defer t.stop() //nolint:errcheck // it is told to end, and says so with its exit status
	var rates []float64
	before, sentBefore := t.cpu(), r.sent()
	for range r.repeats {
		s, err := move(ctx, t.addr, n)
		if err != nil {
			return err
		}
		rates = append(rates, float64(n)/1e6/s)
	}
	moved := float64(n) * float64(r.repeats)
	*rate, *cpu = median(rates), (t.cpu()-before)/(moved/1e9)
	if peak != nil {
		*peak = t.peakMemory()
	}
	if delivered != nil {
		*delivered = moved / (r.sent() - sentBefore)
	}
	return nil
}

// sent is how many bytes all agents have put on the wire, those sent again included.
func (r *rig) sent() float64 {
	var n uint64
	for _, s := range r.box.AllSessions() {
		n += s.Counters.SentBytes + 1024*s.Counters.Retransmits
	}
	return float64(n)
}

// pinged takes latencies and, at no round-trip time, connections a second.
func (r *rig) pinged(ctx context.Context, start func(string) (*tunnel, error), out *row) error {
	t, err := start(echoHost)
	if err != nil {
		return err
	}
	defer t.stop() //nolint:errcheck // as above
	rested, err := ping(ctx, t.addr, r.pings, 5*time.Millisecond)
	if err != nil {
		return err
	}
	backed, err := ping(ctx, t.addr, r.pings, 0)
	if err != nil {
		return err
	}
	out.p50, out.p99, out.backed = rested[len(rested)/2], rested[len(rested)*99/100], backed[len(backed)/2]
	out.connections, err = connect(ctx, t.addr, r.connected)
	return err
}

// crowded measures memory with 64 connections and one reader that has stopped, all through one tunnel.
func (r *rig) crowded(ctx context.Context, bin string, out *row) error {
	// One session leads to one host: the mixed server echoes until its first byte asks for a flood.
	t, err := startRdsx(ctx, bin, r.env, r.instance, mixedHost)
	if err != nil {
		return err
	}
	defer t.stop() //nolint:errcheck // as above
	if err := crowd(ctx, t.addr, 64, r.stopped); err != nil {
		return err
	}
	out.peakCrowded = t.peakMemory()
	return nil
}

// carrier is an instance that the default profile, the world's first user, can start sessions on.
func carrier(w *world.World) (string, error) {
	for _, r := range w.Accounts()[0].Regions {
		for _, i := range r.Instances {
			if i.PingStatus == "Online" {
				return i.ID, nil
			}
		}
	}
	return "", errors.New("the default world's first account has no online instance")
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}
