package forward

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// binding is what is bound.
type binding struct {
	listeners []net.Listener
	local     string   // what to type
	listening []string // every address
	warning   string   // what the user should know about it, "" for nothing
	advice    string   // what to do about the warning
}

func (b binding) says() (text, next string) {
	text = "listening on " + strings.Join(b.listening, " and ")
	if b.warning != "" {
		text += ": " + b.warning
	}
	return text, b.advice
}

// close closes the listeners; a unix socket's path goes with it.
func (b binding) close(log *slog.Logger) {
	for _, l := range b.listeners {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			log.Warn("close the local address", "address", l.Addr().String(), "error", err)
		}
	}
}

// PortInUse says that another program has the port.
type PortInUse struct {
	Addr   string  // host:port that could not be bound
	Port   int     // of Addr
	Holder Process // zero when the system does not tell
	Free   int     // the next port that could be bound, 0 for none
}

// Error implements error.
func (e *PortInUse) Error() string {
	text := fmt.Sprintf("listen on %s: port %d is taken by %s", e.Addr, e.Port, e.Holder)
	if e.Free > 0 {
		text += fmt.Sprintf("; %d is free", e.Free)
	}
	return text
}

// SocketInUse says that a program answers on the unix socket.
type SocketInUse struct{ Path string }

// Error implements error.
func (e *SocketInUse) Error() string {
	return fmt.Sprintf("listen on %s: another program answers there", e.Path)
}

// attempts is how often a free port is looked for: another program can take its IPv6 half between two system calls.
const attempts = 64

func bind(ctx context.Context, cfg Config) (binding, error) {
	switch {
	case cfg.Unix != "":
		return bindUnix(ctx, cfg.Unix)
	case cfg.Port < 0 || cfg.Port > 65535:
		return binding{}, fmt.Errorf("listen on port %d: a TCP port is 1 to 65535", cfg.Port)
	case cfg.Bind != "":
		return bindAddress(ctx, cfg.Bind, cfg.Port)
	}
	for try := 1; ; try++ {
		b, err := bindLoopback(ctx, cfg.Port)
		var taken *PortInUse
		if err == nil || cfg.Port != 0 || try == attempts || !errors.As(err, &taken) {
			return b, err
		}
	}
}

// bindLoopback binds 127.0.0.1 and ::1 on one port. On a machine without IPv6 that is 127.0.0.1 alone.
func bindLoopback(ctx context.Context, port int) (binding, error) {
	four, err := listenTCP(ctx, "tcp4", "127.0.0.1", port)
	if err != nil {
		return binding{}, explain("127.0.0.1", port, err)
	}
	b := binding{listeners: []net.Listener{four}, local: four.Addr().String()}
	port = portOf(four.Addr())
	six, err := listenTCP(ctx, "tcp6", "::1", port)
	switch {
	case err == nil:
		b.listeners = append(b.listeners, six)
	case inUse(err), ctx.Err() != nil:
		_ = four.Close() // before anyone asks who holds the port
		return binding{}, explain("::1", port, err)
	default:
		b.warning = "this machine has no IPv6 loopback"
	}
	for _, l := range b.listeners {
		b.listening = append(b.listening, l.Addr().String())
	}
	return b, nil
}

// bindAddress binds one address that the user has asked for.
func bindAddress(ctx context.Context, host string, port int) (binding, error) {
	ip := net.ParseIP(host)
	if ip == nil {
		return binding{}, fmt.Errorf("listen on %q: not an IP address", host)
	}
	network := "tcp" // :: takes IPv4 as well where the system allows it
	if ip.To4() != nil {
		network = "tcp4"
	}
	l, err := listenTCP(ctx, network, ip.String(), port)
	if err != nil {
		return binding{}, explain(ip.String(), port, err)
	}
	b := binding{listeners: []net.Listener{l}, local: l.Addr().String(), listening: []string{l.Addr().String()}}
	if !ip.IsLoopback() {
		b.warning = "every machine that reaches this address can use the tunnel"
		b.advice = "leave out --bind to listen on this machine only"
	}
	if ip.IsUnspecified() {
		here := "127.0.0.1"
		if ip.To4() == nil {
			here = "::1"
		}
		b.local = net.JoinHostPort(here, strconv.Itoa(portOf(l.Addr())))
	}
	return b, nil
}

func listenTCP(ctx context.Context, network, host string, port int) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, network, net.JoinHostPort(host, strconv.Itoa(port)))
}

// explain is err, of listenTCP, for whoever asked for the port.
func explain(host string, port int, err error) error {
	addr := net.JoinHostPort(host, strconv.Itoa(port))
	if inUse(err) {
		return &PortInUse{Addr: addr, Port: port, Holder: Holder(port), Free: FreePort(port + 1)}
	}
	return fmt.Errorf("listen on %s: %w", addr, err)
}

func portOf(a net.Addr) int {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}

// FreePort is the first port from the given one upward that can be bound on both loopback addresses, 0 for none. From 0 it
// is one of the system's choice. It may be taken by the time it is used.
func FreePort(from int) int {
	for port := max(from, 0); port <= 65535; port++ {
		if free, ok := probePort(port); ok {
			return free
		}
	}
	return 0
}

// probePort binds both addresses and lets go of them again.
func probePort(port int) (int, bool) {
	four, err := listenTCP(context.Background(), "tcp4", "127.0.0.1", port)
	if err != nil {
		return 0, false
	}
	defer four.Close() //nolint:errcheck // it has served its purpose
	port = portOf(four.Addr())
	six, err := listenTCP(context.Background(), "tcp6", "::1", port)
	if err != nil {
		return port, !inUse(err)
	}
	_ = six.Close()
	return port, true
}

// bindUnix binds a socket that only this user can connect to. A socket that a dead process has left is replaced.
func bindUnix(ctx context.Context, path string) (binding, error) {
	if err := clearStale(ctx, path); err != nil {
		return binding{}, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return binding{}, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return binding{}, fmt.Errorf("listen on %s: %w", path, err)
	}
	return binding{listeners: []net.Listener{l}, local: path, listening: []string{path}}, nil
}

// clearStale removes a socket on which nobody answers. It touches nothing else.
func clearStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("listen on %s: %w", path, err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("listen on %s: there is something that is not a socket", path)
	}
	dialer := net.Dialer{Timeout: time.Second}
	c, err := dialer.DialContext(ctx, "unix", path)
	if err == nil {
		_ = c.Close()
		return &SocketInUse{Path: path}
	}
	if !refused(err) {
		return fmt.Errorf("listen on %s: see whether anyone answers there: %w", path, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("listen on %s: remove what a dead process left: %w", path, err)
	}
	return nil
}
