// Package databases starts the database servers that stand behind the simulated AWS: real ones, where they are installed,
// with throw-away data, certificates and passwords, which are gone when they are closed.
package databases

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Kind is a kind of server; one kind serves several RDS engines.
type Kind string

// The kinds that can be started.
const (
	Postgres Kind = "postgres" // also aurora-postgresql
	MySQL    Kind = "mysql"    // MariaDB or MySQL; also aurora-mysql and mariadb
	Redis    Kind = "redis"    // also valkey
)

// ErrNotInstalled means that this machine has no program for a kind of server.
var ErrNotInstalled = errors.New("not installed")

// Of is the kind of server that an RDS engine or engine family needs, or "" when none of ours can stand in for it.
func Of(engine string) Kind {
	switch strings.ToLower(engine) {
	case "postgres", "aurora-postgresql", "postgresql":
		return Postgres
	case "mysql", "mariadb", "aurora-mysql", "aurora":
		return MySQL
	case "redis", "valkey":
		return Redis
	}
	return ""
}

// Options say which server to start.
type Options struct {
	Kind    Kind
	Subject string       // the common name in the server's certificate: of a cluster's member its endpoint; "" for a plain one
	Names   []string     // host names that the server's certificate is for, besides localhost and 127.0.0.1
	Dir     string       // an existing folder to work in; "" for the system's temporary folder
	CA      *CA          // signs the server's certificate; nil for an authority of its own
	Log     *slog.Logger // nil for none
}

// Server is a running server. Its first user and database are made for clients; nothing of it outlives Close.
type Server struct {
	Kind     Kind
	Addr     string // 127.0.0.1:PORT
	TLSAddr  string // where TLS is spoken from the first byte: redis only, "" otherwise or when redis was built without TLS
	User     string
	Password string
	Database string // "" for redis
	CAFile   string // PEM file of the authority that signed the server's certificate
	Version  string // as the program says it

	dir     string
	log     *slog.Logger
	process *process
	close   sync.Once
	closed  error
}

const (
	clientUser   = "demo"
	shopDatabase = "shop"
	// starts is how often a start is tried: another program can take the free port between our look and the server's bind.
	starts = 3
)

// Start starts a server, fills it with the shop and returns once it takes clients. ctx bounds the start only; the caller
// closes the server. A start that fails leaves neither process nor file behind. As root the server runs as uid 65534, who
// has to be able to enter Options.Dir.
func Start(ctx context.Context, o Options) (*Server, error) {
	bin, err := find(o.Kind)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.CA == nil {
		if o.CA, err = NewCA(); err != nil {
			return nil, err
		}
	}
	for try := 1; ; try++ {
		s, err := startOnce(ctx, bin, o)
		if err == nil {
			o.Log.Debug("database started", "kind", s.Kind, "addr", s.Addr, "version", s.Version)
			return s, nil
		}
		if try == starts || ctx.Err() != nil || !strings.Contains(strings.ToLower(err.Error()), "address already in use") {
			return nil, fmt.Errorf("start %s: %w", o.Kind, err)
		}
	}
}

func startOnce(ctx context.Context, bin programs, o Options) (*Server, error) {
	dir, err := workFolder(o.Dir, o.Kind)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Kind: o.Kind, User: clientUser, Password: secret(), Database: shopDatabase,
		CAFile: filepath.Join(dir, "ca.pem"), Version: version(ctx, bin.server), dir: dir, log: o.Log,
	}
	err = s.certify(o.CA, o.Subject, o.Names)
	if err == nil {
		switch o.Kind {
		case Postgres:
			err = s.startPostgres(ctx, bin)
		case MySQL:
			err = s.startMySQL(ctx, bin)
		case Redis:
			err = s.startRedis(ctx, bin)
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close stops the server and removes everything that it had. It can be called more than once.
func (s *Server) Close() error {
	s.close.Do(func() {
		if s.process != nil {
			s.process.stop()
		}
		s.closed = removeAll(s.dir)
		s.log.Debug("database stopped", "kind", s.Kind, "addr", s.Addr)
	})
	return s.closed
}

// Done is closed when the server's process has ended, by Close or by itself.
func (s *Server) Done() <-chan struct{} { return s.process.done }

// workFolder makes the server's folder, owned by the user that the server will run as.
func workFolder(parent string, kind Kind) (string, error) {
	dir, err := os.MkdirTemp(parent, "rdsx-"+string(kind)+"-")
	if err != nil {
		return "", err
	}
	if err := handOver(dir); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}

// place writes a file that only the server's user (and root) can read.
func (s *Server) place(name string, data []byte) (string, error) {
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return "", err
	}
	return path, handOver(path)
}

// certify puts the authority's certificate, the server's own and its key into the folder.
func (s *Server) certify(ca *CA, subject string, names []string) error {
	cert, key, err := ca.issue(subject, names)
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{"ca.pem": ca.PEM(), "server.pem": cert, "server.key": key} {
		if _, err := s.place(name, data); err != nil {
			return err
		}
	}
	return nil
}

// secret is a random password of 96 bits that needs no quoting anywhere.
func secret() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// freePort is a TCP port of 127.0.0.1 that was free a moment ago.
func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return 0, errors.Join(err, l.Close())
	}
	if err := l.Close(); err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// lastLines is the end of a server's log, on one line, for an error.
func lastLines(path string) string {
	const most = 2000
	f, err := os.Open(path)
	if err != nil {
		return "it said nothing"
	}
	defer func() { _ = f.Close() }() // it was only read
	if end, err := f.Seek(0, io.SeekEnd); err == nil && end > most {
		_, _ = f.Seek(-most, io.SeekEnd)
	} else {
		_, _ = f.Seek(0, io.SeekStart)
	}
	data, _ := io.ReadAll(f)
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) > 6 {
		lines = lines[len(lines)-6:]
	}
	if text := strings.Join(lines, "; "); text != "" {
		return text
	}
	return "it said nothing"
}
