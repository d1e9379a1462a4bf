package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/engine"
	"github.com/rdsx/rdsx/tui/tunnels"
)

// portOf is the port of host:port, 0 for anything else.
func portOf(local string) int {
	_, port, err := net.SplitHostPort(local)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(port) // 0 is what a name gives
	return n
}

// Uses implements tui.Desk.
func (s *screenRun) Uses(t aws.Tunnel) ([]tunnels.Copy, string) {
	copies := []tunnels.Copy{{Label: "address", Text: t.Local}}
	e := engine.Of(t.Target.Engine)
	conn := s.connOf(t, e)
	args, _ := s.clientArgs(t)
	line := engine.Quote(args)
	if s.options.command != nil {
		line = cmp.Or(s.options.command(t), line)
	}
	for _, c := range []tunnels.Copy{
		{Label: "client command", Text: line},
		{Label: "URL", Text: e.URL(conn)},
		{Label: "JDBC URL", Text: e.JDBC(conn)},
	} {
		if c.Text != "" {
			copies = append(copies, c)
		}
	}
	if len(args) == 0 {
		return copies, ""
	}
	if _, err := exec.LookPath(args[0]); err != nil {
		return copies, ""
	}
	return copies, strings.TrimSuffix(filepath.Base(args[0]), ".exe")
}

// connOf is what a client of the tunnel has to know.
func (s *screenRun) connOf(t aws.Tunnel, e engine.Engine) engine.Conn {
	program := installedClient(e)
	if s.options.conn != nil {
		if conn, ok := s.options.conn(t, program); ok {
			return conn
		}
	}
	return engine.Conn{Host: t.Target.Endpoint.Host, Port: t.Target.Endpoint.Port, LocalPort: portOf(t.Local), Program: program}
}

// clientArgs is the client's command line, nil when the engine has none, and what its environment needs on top.
func (s *screenRun) clientArgs(t aws.Tunnel) (args, env []string) {
	if s.options.client != nil {
		if args, env = s.options.client(t); len(args) > 0 {
			return args, env
		}
	}
	e := engine.Of(t.Target.Engine)
	return e.Command(s.connOf(t, e)), nil
}

// Client implements tui.Desk.
func (s *screenRun) Client(ctx context.Context, t aws.Tunnel) (tea.ExecCommand, error) {
	args, env := s.clientArgs(t)
	if len(args) == 0 {
		return nil, errors.New("no client program is known for this engine")
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(append([]string(nil), s.app.Env...), env...)
	gentle(cmd)
	return &client{cmd: cmd, name: t.Target.Name(), held: s.app.holdInterrupts}, nil
}

// gentle has the program interrupted before it is killed, where the system can do that.
func gentle(cmd *exec.Cmd) {
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if runtime.GOOS == "windows" {
		cmd.Cancel = cmd.Process.Kill
	}
	cmd.WaitDelay = 2 * time.Second
}

// client is a program in the place of the screen. Ctrl-C is the program's while it runs.
type client struct {
	cmd  *exec.Cmd
	name string
	held func() (release func())
}

func (c *client) SetStdin(r io.Reader)  { c.cmd.Stdin = r }
func (c *client) SetStdout(w io.Writer) { c.cmd.Stdout = w }
func (c *client) SetStderr(w io.Writer) { c.cmd.Stderr = w }

// Run says what is being run, and waits for a key after a failure: the screen would hide what the program had to say.
func (c *client) Run() error {
	release := c.held()
	defer release()
	fmt.Fprintf(c.cmd.Stdout, "rdsx: %s; leave the client to come back\n%s\n", printable(c.name), printable(engine.Quote(c.cmd.Args)))
	err := c.cmd.Run()
	if err == nil || c.cmd.Cancel == nil {
		return err
	}
	fmt.Fprintf(c.cmd.Stdout, "rdsx: %s: %v. Enter goes back.\n", c.cmd.Args[0], err)
	one := make([]byte, 256)
	_, _ = c.cmd.Stdin.Read(one) // a line of a terminal in its normal mode
	return err
}

// clipboards are the programs that put their input on the system's clipboard, by the variable that must be set for them.
func clipboards() [][]string {
	switch runtime.GOOS {
	case "darwin":
		return [][]string{{"", "pbcopy"}}
	case "windows":
		return [][]string{{"", "clip.exe"}}
	}
	return [][]string{
		{"WAYLAND_DISPLAY", "wl-copy"},
		{"DISPLAY", "xclip", "-selection", "clipboard"},
		{"DISPLAY", "xsel", "--clipboard", "--input"},
		{"WSL_DISTRO_NAME", "clip.exe"},
	}
}

// Copy implements tui.Desk. Over SSH the system's clipboard is at the wrong end; there the terminal's has to do.
func (s *screenRun) Copy(ctx context.Context, text string) error {
	if cmp.Or(s.app.getenv("SSH_CONNECTION"), s.app.getenv("SSH_TTY")) != "" {
		return errors.New("this is a remote terminal")
	}
	for _, c := range clipboards() {
		if c[0] != "" && s.app.getenv(c[0]) == "" {
			continue
		}
		path, err := exec.LookPath(c[1])
		if err != nil {
			continue
		}
		ctx, stop := context.WithTimeout(ctx, 2*time.Second)
		defer stop()
		cmd := exec.CommandContext(ctx, path, c[2:]...)
		cmd.Env, cmd.Stdin = s.app.Env, strings.NewReader(text)
		return cmd.Run()
	}
	return errors.New("no clipboard program was found")
}
