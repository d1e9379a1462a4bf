package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/go-sql-driver/mysql"
	"go.uber.org/goleak"

	"github.com/rdsx/rdsx/sim/databases"
)

// demoLine is what these tests read of a line of rdsx demo --json.
type demoLine struct {
	Event, Target, State, Local, Kind, User, Database string

	PasswordFile string   `json:"password_file"`
	CAFile       string   `json:"ca_file"`
	Env          []string `json:"env"`
}

// runningDemo is rdsx demo in this process.
type runningDemo struct {
	t      *testing.T
	dir    string // its TMPDIR
	stdout *bufio.Reader
	stderr *lockedBuffer
	cancel context.CancelFunc
	code   chan int
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// enterable is a temporary folder that database servers may enter when the tests run as root, unlike t.TempDir.
func enterable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rdsx-demo-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// runDemo runs rdsx demo with args; a user's profile and keys in its environment must not matter.
func runDemo(t *testing.T, stdin io.Reader, env []string, args ...string) *runningDemo {
	t.Helper()
	dir := enterable(t)
	out, stdout := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	d := &runningDemo{t: t, dir: dir, stdout: bufio.NewReader(out), stderr: &lockedBuffer{}, cancel: cancel, code: make(chan int, 1)}
	env = append([]string{
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + dir, "HOME=/nonexistent", "AWS_PROFILE=mine", "AWS_ACCESS_KEY_ID=AKIAMINE",
		"AWS_SECRET_ACCESS_KEY=mine", "RDSX_PROFILE=mine", "RDSX_REGION=mars-1",
	}, env...)
	go func() {
		d.code <- Run(ctx, Process{Args: append([]string{"demo"}, args...), Env: env, Stdin: stdin, Stdout: stdout, Stderr: d.stderr})
		stdout.Close()
	}()
	t.Cleanup(cancel)
	return d
}

// line is the next line of its stdout.
func (d *runningDemo) line() string {
	d.t.Helper()
	line, err := d.stdout.ReadString('\n')
	if err != nil {
		d.t.Fatalf("rdsx demo ended with %d: %q; its stderr:\n%s", <-d.code, line, d.stderr)
	}
	return strings.TrimSuffix(line, "\n")
}

// opened reads the lines of --json until the tunnel is open.
func (d *runningDemo) opened() (demo demoLine, local string) {
	d.t.Helper()
	for {
		var l demoLine
		if err := json.Unmarshal([]byte(d.line()), &l); err != nil {
			d.t.Fatal(err)
		}
		switch {
		case l.Event == "demo":
			demo = l
		case l.State == "idle" || l.State == "open":
			return demo, l.Local
		}
	}
}

// end interrupts it and asserts its exit code and that its folder is empty.
func (d *runningDemo) end(want int) {
	d.t.Helper()
	d.cancel()
	_, _ = io.Copy(io.Discard, d.stdout)
	if code := <-d.code; code != want {
		d.t.Errorf("exit code %d, want %d; stderr:\n%s", code, want, d.stderr)
	}
	left, err := os.ReadDir(d.dir)
	if err != nil || len(left) > 0 {
		d.t.Errorf("left behind: %v %v", left, err)
	}
}

// echo is a server that answers with what it is told.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { _, _ = io.Copy(c, c); c.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); conns.Wait() })
	return l.Addr().String()
}

func TestDemoCarriesAServerThatWasHandedOver(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("tunnel", func(t *testing.T) {
		d := runDemo(t, nil, []string{demoPasswordEnv + "=s3cret"}, "--headless", "--no-servers", "--engine", "redis="+echo(t), "--faults", "loss=1%,rtt=2ms")
		addr := d.line()
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		sent := strings.Repeat("through the tunnel 茶\n", 5000)
		go func() { _, _ = io.WriteString(conn, sent) }()
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != sent {
			t.Errorf("what came back is not what was sent: %v", err)
		}
		text := d.stderr.String()
		for _, want := range []string{"redis-cli", "REDISCLI_AUTH", "Ctrl-C", ". " + d.dir} {
			if !strings.Contains(text, want) {
				t.Errorf("stderr does not say %q:\n%s", want, text)
			}
		}
		if strings.Contains(text, "s3cret") {
			t.Error("stderr shows the password")
		}
		d.end(exitInterrupted)
	})
}

func TestDemoQueriesThroughTheTunnelOverVerifiedTLS(t *testing.T) {
	if databases.Installed()[databases.MySQL] == "" {
		t.Skip("mariadbd or mysqld: not installed")
	}
	d := runDemo(t, nil, nil, "billing-dev", "--json")
	demo, local := d.opened()
	if demo.Kind != "mysql" || demo.Target != "billing-dev" || len(demo.Env) == 0 {
		t.Errorf("the first line: %+v", demo)
	}
	password, err := os.ReadFile(demo.PasswordFile)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(demo.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName, cfg.Net, cfg.Addr = demo.User, string(password), demo.Database, "tcp", local
	cfg.TLS = &tls.Config{RootCAs: roots, ServerName: "billing-dev.cnmz4wdwbqbo.eu-west-1.rds.amazonaws.com"}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	var orders int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM orders").Scan(&orders); err != nil || orders != 4000 {
		t.Errorf("%d orders, %v", orders, err)
	}
	d.end(exitInterrupted)
}

func TestDemoPromptReadsRowsThroughTheTunnel(t *testing.T) {
	if databases.Installed()[databases.MySQL] == "" {
		t.Skip("mariadbd or mysqld: not installed")
	}
	d := runDemo(t, strings.NewReader("SELECT id, name\nFROM customers WHERE id = 1;\nSELECT nope;\nSELECT 'after the error';\n\\q\n"), nil, "--prompt")
	out, err := io.ReadAll(d.stdout)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{" id | name\n----+-----------\n  1 | 山田 太郎\n", "after the error"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("stdout lacks %q:\n%s", want, out)
		}
	}
	if !strings.Contains(d.stderr.String(), "1054") {
		t.Errorf("the error of a statement is not shown:\n%s", d.stderr)
	}
	d.end(exitOK)
}

func TestDemoUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--engine", "oracle=1.2.3.4:1"}, exitUsage, "KIND=ADDRESS:PORT"},
		{[]string{"--engine", "mysql"}, exitUsage, "KIND=ADDRESS:PORT"},
		{[]string{"--faults", "loss=200%"}, exitUsage, "loss=200%: fault loss: a probability is 0 to 1"},
		{[]string{"--faults", "gravity=1"}, exitUsage, "there are loss, duplicate, reorder,"},
		{[]string{"--faults", "cut-agent=often"}, exitUsage, "hint: rdsx demo --faults cut-agent=20s"},
		{[]string{"--prompt", "--json"}, exitUsage, "--prompt"},
		{[]string{"--profile", "acme-prod-operator"}, exitUsage, "TARGET"},
		{[]string{"--via", "dev-box"}, exitUsage, "TARGET"},
		{[]string{"--port", "70000"}, exitUsage, "70000"},
		{[]string{"--no-servers"}, exitNotFound, "go run ./demo"},
		{[]string{"nothing-like-it", "--no-servers", "--engine", "mysql=127.0.0.1:1"}, exitNotFound, "nothing-like-it"},
		{[]string{"--prompt", "--no-servers", "--engine", "redis=127.0.0.1:1"}, exitNotFound, "MySQL"},
	} {
		d := runDemo(t, nil, nil, c.args...)
		_, _ = io.Copy(io.Discard, d.stdout)
		if !strings.Contains(d.stderr.String(), c.says) {
			t.Errorf("%v: stderr does not say %q:\n%s", c.args, c.says, d.stderr)
		}
		d.end(c.code)
	}
}

func TestDemoSaysWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--missing", "--no-servers"}, "postgres\nmysql\nredis\n"},
		{[]string{"--missing", "--no-servers", "--headless", "--engine", "mysql=127.0.0.1:3306"}, "postgres\nredis\n"},
	} {
		d := runDemo(t, nil, nil, c.args...)
		if out, _ := io.ReadAll(d.stdout); string(out) != c.want {
			t.Errorf("%v: %q, want %q", c.args, out, c.want)
		}
		d.end(exitOK)
	}
}

func TestDemoPrintsTheEnvironment(t *testing.T) {
	d := runDemo(t, nil, nil, "--headless", "--print-env", "--no-servers", "--engine", "redis="+echo(t))
	d.line() // the address
	lines := []string{d.line()}
	for !strings.HasPrefix(lines[len(lines)-1], "export AWS_DEFAULT_REGION=") {
		lines = append(lines, d.line())
	}
	if !strings.HasPrefix(lines[0], "unset AWS_PROFILE ") || !strings.HasPrefix(lines[1], "unset RDSX_PROFILE ") {
		t.Errorf("the user's own profile would win: %q", lines)
	}
	i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "export AWS_CONFIG_FILE=") })
	if i < 0 || !strings.Contains(lines[i], d.dir) {
		t.Errorf("no config file of the demo's: %q", lines)
	}
	d.end(exitInterrupted)
}

const demoChild = "RDSX_TEST_RUN_DEMO"

// TestDemoChild is not a test: the next one runs it as a process of its own.
func TestDemoChild(t *testing.T) {
	args := os.Getenv(demoChild)
	if args == "" {
		return // run by itself it has nothing to do
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	code := Run(ctx, Process{Args: strings.Fields(args), Env: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
	stop()
	os.Exit(code)
}

func TestDemoEndsWithASignal(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows sends no TERM signal")
	}
	dir := enterable(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDemoChild$")
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, demoChild+"=demo --headless --no-servers --engine redis="+echo(t))
	stderr := &lockedBuffer{}
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	conn, err := net.Dial("tcp", strings.TrimSpace(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code says it
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestParseDemoFaults(t *testing.T) {
	flags := demoFlags{faults: " loss=1.5%, rtt=20ms ,freeze,,up-duplicate=0.25,cut-both=2s"}
	f, cuts, err := flags.parseFaults()
	if err != nil || f.Up.Loss != 0.015 || f.Down.Loss != 0.015 || f.RTT != 20*time.Millisecond || !f.Freeze || f.Up.Duplicate != 0.25 {
		t.Errorf("%+v %v", f, err)
	}
	if len(cuts) != 1 || cuts["cut-both"] != 2*time.Second {
		t.Errorf("cuts: %v", cuts)
	}
}

func TestDemoHintsFit(t *testing.T) {
	for _, hint := range []string{demoHints().Targets, demoHints().Tunnels} {
		if w := ansi.StringWidth(hint); w > 80-len(" - ")-1 {
			t.Errorf("%d columns: %s", w, hint)
		}
	}
}

// The demo cuts the websocket again and again, and the tunnel comes back.
func TestDemoCuts(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("tunnel", func(t *testing.T) {
		d := runDemo(t, nil, nil, "--headless", "--json", "--no-servers", "--engine", "redis="+echo(t), "--faults", "cut-client=200ms")
		d.opened()
		for _, want := range []string{"resuming", "idle", "resuming"} {
			for l := (demoLine{}); l.State != want; {
				l = demoLine{}
				if err := json.Unmarshal([]byte(d.line()), &l); err != nil {
					t.Fatal(err)
				}
			}
		}
		d.end(exitInterrupted)
	})
}
