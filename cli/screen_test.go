package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/discover"
	"github.com/rdsx/rdsx/tui/targets"
	"github.com/rdsx/rdsx/tui/tunnels"
)

func homeApp(t *testing.T) (*app, string) {
	t.Helper()
	home := t.TempDir()
	return &app{Process: Process{Env: []string{"HOME=" + home, "LocalAppData=" + filepath.Join(home, "local")}, Stderr: &bytes.Buffer{}}}, home
}

func testPlaces() []place {
	return []place{{scope: scope{"prod", ""}, account: aws.Account{Profile: "prod", Region: "eu-west-1"}}}
}

func testTarget(id string) aws.Target {
	db := &aws.Database{ID: id, Role: aws.RoleWriter, Engine: "postgres", Endpoint: aws.Endpoint{Host: id + ".example", Port: 5432}}
	return aws.Target{Account: aws.Account{ID: "1", Profile: "prod", Region: "eu-west-1"}, Instance: aws.Instance{ID: "i-1"}, Database: db, Endpoint: db.Endpoint, Engine: db.Engine}
}

// TestStateIsKept remembers in one run what the next one reads, for this user's eyes only.
func TestStateIsKept(t *testing.T) {
	a, home := homeApp(t)
	f := a.screenFiles()
	if port, always := f.Port(testTarget("orders")); port != 0 || always {
		t.Errorf("before anything was opened: %d, %v", port, always)
	}
	free := aws.Target{Account: testTarget("x").Account, Instance: aws.Instance{ID: "i-1"}, Endpoint: aws.Endpoint{Host: "cache.internal", Port: 6379}}
	for target, port := range map[*aws.Target]int{ptr(testTarget("orders")): 15432, &free: 6380} {
		if err := f.Remember(*target, port, port == 6380); err != nil {
			t.Fatal(err)
		}
	}
	f.cache.keep(testPlaces()[0].account, nil, []targets.Row{rowOf(testTarget("orders"))})

	f = a.screenFiles()
	if port, always := f.Port(testTarget("orders")); port != 15432 || always {
		t.Errorf("orders: %d, %v", port, always)
	}
	if port, always := f.Port(free); port != 6380 || !always {
		t.Errorf("cache.internal: %d, %v", port, always)
	}
	kept, _ := f.cache.read(testPlaces()[0].account)
	rows, at := kept.Rows, kept.At
	rows = f.used(f.hosts(rows, testPlaces()[0].account))
	if len(rows) != 2 || rows[0].LastUsed.IsZero() || rows[1].Endpoint.Host != "cache.internal" || rows[1].LastUsed.IsZero() || time.Since(at) > time.Hour {
		t.Errorf("the last list, with what was used: %+v of %v", rows, at)
	}
	if _, ok := f.cache.read(aws.Account{Profile: "dev", Region: "eu-west-1"}); ok {
		t.Error("another profile has this one's list")
	}
	if runtime.GOOS == "windows" {
		return
	}
	_ = filepath.WalkDir(home, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == home {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 && !strings.HasSuffix(path, ".lock") {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		return err
	})
}

func ptr[T any](v T) *T { return &v }

// TestStateOfTwoAtOnce lets several rdsx remember at the same time: nobody's visit is lost.
func TestStateOfTwoAtOnce(t *testing.T) {
	a, _ := homeApp(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if err := a.screenFiles().Remember(testTarget(fmt.Sprint("db-", i)), 5000+i, false); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	f := a.screenFiles()
	for i := range 8 {
		if port, _ := f.Port(testTarget(fmt.Sprint("db-", i))); port != 5000+i {
			t.Errorf("db-%d: %d", i, port)
		}
	}
}

// TestStateForgets keeps the newest visits only, and takes a broken file for none.
func TestStateForgets(t *testing.T) {
	a, _ := homeApp(t)
	f := a.screenFiles()
	for i := range mostVisits + 50 {
		f.memory.Used[fmt.Sprint(i)] = visit{At: time.Unix(int64(i), 0)}
	}
	f.forget()
	if _, oldest := f.memory.Used["0"]; len(f.memory.Used) != mostVisits || oldest {
		t.Errorf("%d visits are kept, the oldest among them: %v", len(f.memory.Used), oldest)
	}
	if err := f.Remember(testTarget("orders"), 1, false); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{f.state, f.cache.path(testPlaces()[0].account)} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(`{"version":1,"used":[`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f = a.screenFiles()
	if _, ok := f.cache.read(testPlaces()[0].account); ok || len(f.memory.Used) != 0 {
		t.Error("a broken file was believed")
	}
	if err := f.Remember(testTarget("orders"), 2, false); err != nil {
		t.Errorf("a broken file cannot be replaced: %v", err)
	}
	homeless := (&app{}).screenFiles()
	if err := homeless.Remember(testTarget("orders"), 3, false); err != nil {
		t.Error(err)
	}
	if port, _ := homeless.Port(testTarget("orders")); port != 3 {
		t.Errorf("without a home: %d", port)
	}
}

func TestLimits(t *testing.T) {
	for document, want := range map[string]tunnels.Limits{
		`{"schemaVersion":"1.0","inputs":{"idleSessionTimeout":"20","maxSessionDuration":""}}`: {Idle: 20 * time.Minute},
		`{"inputs":{"idleSessionTimeout":" 5 ","maxSessionDuration":"1440"}}`:                  {Idle: 5 * time.Minute, Max: 24 * time.Hour},
		`{"inputs":{"idleSessionTimeout":"61","maxSessionDuration":"0"}}`:                      {},
		`{"inputs":{"idleSessionTimeout":20}}`:                                                 {},
		`{}`:                                                                                   {},
		``:                                                                                     {},
	} {
		if got := parseLimits(document); got != want {
			t.Errorf("%s: %+v, want %+v", document, got, want)
		}
	}
}

func TestAgainCommand(t *testing.T) {
	s := &screenRun{app: &app{}, places: testPlaces()}
	writer := aws.Tunnel{Local: "127.0.0.1:15432", Target: testTarget("orders")}
	reader := aws.Tunnel{Local: "127.0.0.1:15433", Target: testTarget("orders")}
	reader.Target.Database.Role = aws.RoleReader
	for want, tunnel := range map[string]aws.Tunnel{
		"rdsx connect orders --via i-1 --port 15432 --profile prod":        writer,
		"rdsx connect orders:reader --via i-1 --port 15433 --profile prod": reader,
	} {
		if got := s.againCommand(tunnel); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestRowsWaitForTheInstances shows no database before it is known what can carry it.
func TestRowsWaitForTheInstances(t *testing.T) {
	l := &lookout{instances: map[string]aws.Instance{}, databases: map[string]aws.Database{}, done: map[string]bool{}}
	db := aws.Database{ID: "orders", Role: aws.RoleInstance, Status: "available", VPC: "vpc-1", Endpoint: aws.Endpoint{Host: "h", Port: 5432}}
	l.add(discover.Result{Databases: []aws.Database{db}})
	l.add(discover.Result{API: "ssm:DescribeInstanceInformation", Instances: []aws.Instance{{ID: "i-1", PingStatus: "Online", VPC: "vpc-1", State: "running"}}, Done: true})
	if l.ready() {
		t.Fatal("ready without EC2")
	}
	l.add(discover.Result{API: "ec2:DescribeInstances", Done: true})
	rows := l.rows()
	if !l.ready() || len(rows) != 2 || rows[0].Via.ID != "i-1" || rows[0].Unusable != "" || rows[1].Instance == nil {
		t.Fatalf("rows: %+v", rows)
	}
	if again := l.rows(); len(again) != 0 {
		t.Errorf("unchanged rows were shown again: %+v", again)
	}
	db.ID, db.VPC = "elsewhere", "vpc-2"
	l.add(discover.Result{Databases: []aws.Database{db}})
	if rows := l.rows(); len(rows) != 1 || rows[0].Unusable == "" || rows[0].Next == "" {
		t.Errorf("a database that nothing reaches: %+v", rows)
	}
}

// TestInterrupts end the command, except while a program has the terminal.
func TestInterrupts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		interrupts := make(chan os.Signal)
		a := &app{Process: Process{Interrupts: interrupts}, held: new(atomic.Int32)}
		ctx, stop := a.interruptible(context.Background())
		defer stop()
		release := a.holdInterrupts()
		for range 3 {
			interrupts <- os.Interrupt
			synctest.Wait()
		}
		if ctx.Err() != nil {
			t.Fatal("an interrupt for a client ended rdsx")
		}
		release()
		interrupts <- os.Interrupt
		<-ctx.Done()
	})
}

// TestClipboard gives text to the program that the desktop has, and to none over SSH.
func TestClipboard(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the stand-in for xclip is a shell script")
	}
	dir := t.TempDir()
	script := "#!/bin/sh\ncat >" + filepath.Join(dir, "clip") + "\n"
	if err := os.WriteFile(filepath.Join(dir, "xclip"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for _, c := range []struct {
		env  string
		want string
	}{{"DISPLAY=:0", "psql …"}, {"X=", ""}} {
		s := &screenRun{app: &app{Process: Process{Env: []string{c.env, "PATH=" + os.Getenv("PATH")}}}}
		_ = os.Remove(filepath.Join(dir, "clip"))
		err := s.Copy(t.Context(), "psql …")
		got, _ := os.ReadFile(filepath.Join(dir, "clip"))
		if string(got) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q and %v", c.env, got, err)
		}
		s.app.Env = append(s.app.Env, "SSH_CONNECTION=1 2 3 4")
		if s.Copy(t.Context(), "x") == nil {
			t.Errorf("%s: copied at the wrong end of an SSH connection", c.env)
		}
	}
}
