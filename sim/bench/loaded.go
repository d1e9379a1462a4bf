package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/databases"
)

// program is something that forwards a local port to one of the loads' hosts.
type program struct {
	name  string
	start func(host string) (*tunnel, error)
}

// figures are one program's under load, at one round-trip time. 0 was not taken, and below it stands still.
type figures struct {
	program          string
	eight            float64 // MB/s of eight downloads at once, together
	dump             float64 // seconds of pg_dump -j 4
	besideDown       time.Duration
	besideUp         time.Duration // p50 of a ping beside a bulk download, upload
	gapIdle, gapBulk time.Duration // from the loss of the websocket to the next byte
}

// still is a gap that did not end.
const still = -1

// loaded is every program's figures.
type loaded struct {
	rtt  time.Duration
	rows []figures
}

// loaded takes the figures of tunnels under load: what the pool is for at no round-trip time, and what a lost websocket costs
// at the shortest and the longest.
func (r *rig) loaded(ctx context.Context, bin string) (*loaded, error) {
	out := &loaded{rtt: r.rtt}
	for _, p := range r.programs(ctx, bin) {
		fmt.Fprintf(os.Stderr, "at RTT %v, under load: %s\n", r.rtt, p.name)
		row := figures{program: p.name}
		var err error
		if r.rtt == 0 {
			err = errors.Join(r.eight(ctx, p, &row), r.beside(ctx, p, &row), r.dumped(ctx, p, &row))
		}
		if p.name != sshName && (r.rtt == 0 || r.rtt == slices.Max(r.rtts)) {
			err = errors.Join(err, r.lost(ctx, p, &row))
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		out.rows = append(out.rows, row)
	}
	return out, nil
}

const (
	pluginName = "session-manager-plugin"
	sshName    = "ssh -L"
)

// programs are those that are there.
func (r *rig) programs(ctx context.Context, bin string) []program {
	var all []program
	for _, n := range []string{"1", "4", "8"} {
		if r.rtt > 0 && n != "4" {
			continue
		}
		all = append(all, program{"rdsx --sessions " + n, func(host string) (*tunnel, error) {
			return startRdsx(ctx, bin, r.env, r.instance, host, "--sessions", n)
		}})
	}
	env := append(slices.Clone(r.env), "SSL_CERT_FILE="+sim.CAFile(r.dir))
	if _, err := exec.LookPath(pluginName); err == nil {
		all = append(all, program{pluginName, func(host string) (*tunnel, error) { return startPlugin(ctx, env, r.instance, host) }})
	}
	if r.rtt > 0 {
		return all // nothing adds a round trip to ssh here
	}
	ssh := program{sshName, func(host string) (*tunnel, error) { return startSSH(ctx, r.addrs[host]) }}
	t, err := ssh.start(echoHost)
	if err != nil {
		fmt.Fprintln(os.Stderr, "ssh -L is left out:", err)
		return all
	}
	_ = t.stop()
	return append(all, ssh)
}

// eight downloads over eight connections at once.
func (r *rig) eight(ctx context.Context, p program, out *figures) error {
	t, err := p.start(sourceHost)
	if err != nil {
		return err
	}
	defer t.stop() //nolint:errcheck // it is told to end, and says so with its exit status
	var rates []float64
	for range r.repeats {
		start := time.Now()
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { _, errs[i] = download(ctx, t.addr, r.parallel) })
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		rates = append(rates, float64(8*r.parallel)/1e6/time.Since(start).Seconds())
	}
	out.eight = median(rates)
	return nil
}

// beside pings beside bulk transfers.
func (r *rig) beside(ctx context.Context, p program, out *figures) error {
	for _, way := range []struct {
		word byte
		into *time.Duration
	}{{flood, &out.besideDown}, {swallow, &out.besideUp}} {
		if err := r.pingBeside(ctx, p, way.word, way.into); err != nil {
			return err
		}
	}
	return nil
}

func (r *rig) pingBeside(ctx context.Context, p program, word byte, into *time.Duration) error {
	t, err := p.start(mixedHost)
	if err != nil {
		return err
	}
	defer t.stop() //nolint:errcheck // as above
	bulk, err := dial(ctx, t.addr)
	if err != nil {
		return err
	}
	var busy sync.WaitGroup
	defer busy.Wait()
	defer bulk.Close() //nolint:errcheck // it ends the transfer
	if _, err := bulk.Write([]byte{word}); err != nil {
		return err
	}
	busy.Go(func() {
		if word == flood {
			_, _ = io.Copy(io.Discard, bulk)
		} else {
			_, _ = io.Copy(bulk, zeros{})
		}
	})
	time.Sleep(time.Second) // it is a bulk transfer by now
	trips, err := ping(ctx, t.addr, r.pings/3, 10*time.Millisecond)
	if err != nil {
		return err
	}
	*into = trips[len(trips)/2]
	return nil
}

// lost measures what the loss of the client's websocket costs an idle connection and a bulk upload.
func (r *rig) lost(ctx context.Context, p program, out *figures) error {
	t, err := p.start(echoHost)
	if err != nil {
		return err
	}
	defer t.stop() //nolint:errcheck // as above
	idle, err := dial(ctx, t.addr)
	if err != nil {
		return err
	}
	defer idle.Close() //nolint:errcheck // as above
	var b [1]byte
	var gaps []time.Duration
	for i := range r.repeats + 1 {
		start := time.Now()
		_, err := idle.Write(b[:])
		if err == nil {
			_ = idle.SetReadDeadline(start.Add(10 * time.Second))
			_, err = io.ReadFull(idle, b[:])
		}
		if err != nil {
			gaps = []time.Duration{still}
			break
		}
		if i > 0 { // the first only opens the way
			gaps = append(gaps, time.Since(start))
		}
		time.Sleep(time.Second)
		r.box.CutClient("")
	}
	slices.Sort(gaps)
	out.gapIdle = gaps[len(gaps)/2]
	return r.lostInUpload(ctx, p, out)
}

func (r *rig) lostInUpload(ctx context.Context, p program, out *figures) error {
	t, err := p.start(meterHost)
	if err != nil {
		return err
	}
	defer t.stop() //nolint:errcheck // as above
	c, err := dial(ctx, t.addr)
	if err != nil {
		return err
	}
	var busy sync.WaitGroup
	defer busy.Wait()
	defer c.Close() //nolint:errcheck // it ends the transfer
	busy.Go(func() { _, _ = io.Copy(c, zeros{}) })
	var gaps []time.Duration
	for range r.repeats {
		time.Sleep(time.Second)
		r.meter.reset()
		r.box.CutClient("")
		time.Sleep(3 * time.Second)
		gap := r.meter.gap()
		if gap > 2900*time.Millisecond {
			gap = still
		}
		gaps = append(gaps, gap)
		if gap == still {
			break
		}
	}
	if slices.Sort(gaps); gaps[0] == still {
		out.gapBulk = still
		return nil
	}
	out.gapBulk = gaps[len(gaps)/2]
	return nil
}

// dumped runs pg_dump -j 4 where it and a server are installed.
func (r *rig) dumped(ctx context.Context, p program, out *figures) error {
	dump, err := exec.LookPath("pg_dump")
	if err != nil {
		return nil // the table says that it was not taken
	}
	db, err := databases.Start(ctx, databases.Options{Kind: databases.Postgres})
	if err != nil {
		fmt.Fprintln(os.Stderr, "pg_dump is left out:", err)
		return nil
	}
	defer db.Close() //nolint:errcheck // it is a throw-away
	if err := r.box.World().SetDial(dumpHost, db.Addr); err != nil {
		return err
	}
	r.addrs[dumpHost] = db.Addr
	env := append(os.Environ(), "PGPASSWORD="+db.Password)
	run := func(addr, program string, args ...string) error {
		host, port, _ := net.SplitHostPort(addr)
		cmd := exec.CommandContext(ctx, program, append(args, "-h", host, "-p", port, "-U", db.User, "-d", db.Database)...)
		cmd.Env = env
		if said, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", program, err, said)
		}
		return nil
	}
	for i := range 4 {
		sql := fmt.Sprintf("create table bulk%d as select repeat(md5(n::text), 3) as line from generate_series(1, %d) n", i, r.table)
		if err := run(db.Addr, "psql", "-Xqc", sql); err != nil {
			return err
		}
	}
	t, err := p.start(dumpHost)
	if err != nil {
		return err
	}
	defer t.stop() //nolint:errcheck // as above
	var seconds []float64
	for range r.repeats {
		to := filepath.Join(r.dir, "dump-"+strconv.FormatInt(time.Now().UnixNano(), 36))
		defer os.RemoveAll(to) //nolint:errcheck // in a temporary folder
		start := time.Now()
		if err := run(t.addr, dump, "-j", "4", "-Fd", "-Z", "0", "-f", to); err != nil {
			return err
		}
		seconds = append(seconds, time.Since(start).Seconds())
	}
	out.dump = median(seconds)
	return nil
}
