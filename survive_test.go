package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws/session"
	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/databases"
)

// closes is how many websockets a client program must not notice the end of.
const closes = 20

// postgresBehind is a real PostgreSQL behind a simulated AWS that can be disturbed, with a tunnel to it.
func postgresBehind(t *testing.T, o sim.Options) (*box, *served) {
	t.Helper()
	tool(t, "postgres")
	b := newBox(t, o)
	id, host, endpoint := b.database(t, "postgres")
	db, err := databases.Start(t.Context(), databases.Options{Kind: databases.Postgres, Names: []string{host}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	b.reaches(t, endpoint, db.Addr)
	p := b.connect(t, id, "--port", "0")
	_, port, err := net.SplitHostPort(p.local)
	if err != nil {
		t.Fatal(err)
	}
	return b, &served{proc: p, db: db, host: host, port: port, env: append(b.env, "PGPASSWORD="+db.Password, "LC_ALL=C.UTF-8")}
}

// endWebsocket ends the client's websocket, now as the service does each hour and now as a broken network does.
func (b *box) endWebsocket(i int) int {
	if i%2 == 0 {
		return b.CloseClient("")
	}
	return b.CutClient("")
}

// resumes is how many websockets have been opened again so far.
func (b *box) resumes() (n int) {
	for _, session := range b.AllSessions() {
		n += int(session.Counters.Resumes)
	}
	return n
}

// awaitResumes waits until that is n; false means that ctx ended first.
func (b *box) awaitResumes(ctx context.Context, n int) bool {
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for b.resumes() < n {
		select {
		case <-poll.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// TestTransactionSurvives20Closes keeps one psql in one transaction while its websocket ends again and again.
func TestTransactionSurvives20Closes(t *testing.T) {
	psql := tool(t, "psql")
	b, s := postgresBehind(t, sim.Options{})
	ctx, stop := context.WithTimeout(t.Context(), waitAtMost)
	defer stop()
	cmd := exec.CommandContext(ctx, psql, s.conninfo(), "-XAtq", "-v", "ON_ERROR_STOP=1")
	cmd.Env = s.env
	var said bytes.Buffer
	cmd.Stderr = &said
	in, out := started(t, cmd)
	lines := bufio.NewScanner(out)
	ask := func(sql string) string {
		t.Helper()
		if _, err := io.WriteString(in, sql+"\n"); err != nil {
			t.Fatalf("psql takes nothing more: %v: %s; rdsx: %s", err, said.String(), s.stderr)
		}
		if !lines.Scan() {
			t.Fatalf("psql ended: %v: %s; rdsx: %s", lines.Err(), said.String(), s.stderr)
		}
		return lines.Text()
	}
	server := ask("begin; create table survived (i int primary key); select pg_backend_pid();")
	for i := range closes {
		before := b.resumes()
		ended := b.endWebsocket(i)
		if got := ask(fmt.Sprintf("insert into survived values (%d) returning i;", i)); got != fmt.Sprint(i) {
			t.Fatalf("insert %d: %q", i, got)
		}
		if !b.awaitResumes(ctx, before+ended) {
			t.Fatalf("%d websockets of %d are back", b.resumes()-before, ended)
		}
	}
	if got := ask("commit; select count(*) from survived;"); got != fmt.Sprint(closes) {
		t.Errorf("%s rows survived, want %d", got, closes)
	}
	if again := ask("select pg_backend_pid();"); again != server {
		t.Errorf("server process %s at the end, %s at the start: the connection is another one", again, server)
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, said.String())
	}
	if n := b.resumes(); n < closes {
		t.Errorf("%d websockets were opened again: the test proves nothing", n)
	}
	s.stop(syscall.SIGTERM)
}

// TestDumpSurvives20Closes compares a dump through a tunnel whose websocket ends again and again with one made directly.
func TestDumpSurvives20Closes(t *testing.T) {
	dump := tool(t, "pg_dump")
	b, s := postgresBehind(t, sim.Options{})
	direct := strings.Replace(s.conninfo(), "port="+s.port, "port="+portOf(s.db.Addr), 1)
	s.client(t, nil, tool(t, "psql"), direct, "-XAtqc", "create table big as select i, repeat(md5(i::text), 8) as line from generate_series(1, 8000) i")
	want := s.client(t, nil, dump, "--dbname="+direct)

	ctx, stop := context.WithCancel(t.Context())
	var closed int
	var closing sync.WaitGroup
	closing.Go(func() {
		for closed < closes && ctx.Err() == nil {
			wait(ctx, 60*time.Millisecond)
			if b.endWebsocket(closed) > 0 {
				closed++
			}
		}
	})
	got := s.client(t, nil, dump, "--dbname="+s.conninfo())
	stop()
	closing.Wait()
	if closed < closes {
		t.Errorf("only %d websockets were ended before the dump was", closed)
	}
	if a, b := unmarked(got), unmarked(want); !bytes.Equal(a, b) || len(a) < 2_000_000 {
		t.Errorf("%d bytes came through the tunnel, %d directly, and they differ or are too few", len(a), len(b))
	}
	s.stop(syscall.SIGTERM)
}

// unmarked is a dump without the key that pg_dump draws for each.
func unmarked(dump []byte) []byte {
	var out []byte
	for line := range bytes.Lines(dump) {
		if !bytes.HasPrefix(line, []byte(`\restrict `)) && !bytes.HasPrefix(line, []byte(`\unrestrict `)) {
			out = append(out, line...)
		}
	}
	return out
}

// TestPgbenchThroughFaults runs ten clients of a real server through the faults of the matrix.
func TestPgbenchThroughFaults(t *testing.T) {
	tool(t, "postgres")
	pgbench := tool(t, "pgbench")
	db, err := databases.Start(t.Context(), databases.Options{Kind: databases.Postgres})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	run := func(ctx context.Context, addr string, args ...string) error {
		host, port, _ := net.SplitHostPort(addr)
		cmd := exec.CommandContext(ctx, pgbench, append(args, "-h", host, "-p", port, "-U", db.User, db.Database)...)
		cmd.Env = []string{"PGPASSWORD=" + db.Password, "LC_ALL=C.UTF-8"}
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	if err := run(t.Context(), db.Addr, "-i", "-q"); err != nil {
		t.Fatal(err)
	}
	type result struct {
		name string
		err  error
	}
	results := make(chan result, len(faults())*len(rtts()))
	places := make(chan struct{}, (atOnce()+1)/2)
	var running sync.WaitGroup
	for i, f := range faults() {
		for k, rtt := range rtts() {
			if *matrixFlag != "full" && (f.long || i%3 != 0 || i/3%3 != k) {
				continue
			}
			places <- struct{}{}
			running.Go(func() {
				results <- result{fmt.Sprintf("%s/RTT %v", f.name, rtt), benched(t.Context(), f, rtt, db.Addr, run)}
				<-places
			})
		}
	}
	running.Wait()
	close(results)
	for r := range results {
		if r.err != nil {
			t.Errorf("%s: %v", r.name, r.err)
		}
	}
}

// benched is ten clients and one fault. Where the fault may cut them, they have to end, and the next one finds all well.
func benched(ctx context.Context, f fault, rtt time.Duration, addr string, run func(context.Context, string, ...string) error) error {
	ctx, stop := context.WithTimeout(ctx, roundLimit)
	defer stop()
	conditions := f.lasts
	conditions.RTT, conditions.Seed = rtt, 1
	t, err := newTrial(ctx, sim.Options{Faults: conditions}, session.Options{PingEvery: f.pings}, addr)
	if err != nil {
		return err
	}
	err = run(ctx, t.addr, "-n", "-S", "-c", "1", "-t", "1")
	done := make(chan error, 1)
	go func() { done <- run(ctx, t.addr, "-n", "-N", "-c", "10", "-j", "2", "-t", "20") }()
	if f.strike != nil {
		wait(ctx, 10*rtt+300*time.Millisecond)
		f.strike(ctx, t)
	}
	if cut := <-done; f.cuts == nobody || ctx.Err() != nil {
		err = errors.Join(err, cut)
	}
	t.box.SpareAgent("")
	err = errors.Join(err, run(ctx, t.addr, "-n", "-S", "-c", "1", "-t", "1"))
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, t.state())
	}
	t.box.SetFaults(sim.Faults{})
	return errors.Join(err, t.close())
}
