package databases

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// programs are the files that a kind of server needs.
type programs struct {
	server string
	setup  string // initdb or mariadb-install-db; "" when the server sets itself up
}

// Installed lists the kinds that this machine can start, each with its server program.
func Installed() map[Kind]string {
	found := map[Kind]string{}
	for _, kind := range []Kind{Postgres, MySQL, Redis} {
		if bin, err := find(kind); err == nil {
			found[kind] = bin.server
		}
	}
	return found
}

// find looks in PATH first and then where packages put servers that they keep out of it.
func find(kind Kind) (programs, error) {
	switch kind {
	case Postgres:
		return findPostgres()
	case MySQL:
		return findMySQL()
	case Redis:
		if server := lookup("redis-server"); server != "" {
			return programs{server: server}, nil
		}
		return programs{}, fmt.Errorf("redis-server: %w", ErrNotInstalled)
	}
	return programs{}, fmt.Errorf("no such kind of server: %q", kind)
}

func findPostgres() (programs, error) {
	// Both come from one folder: an initdb of one version makes data that a server of another refuses.
	for _, dir := range append([]string{""}, folders()...) {
		server, setup := in(dir, "postgres"), in(dir, "initdb")
		if server != "" && setup != "" {
			return programs{server: server, setup: setup}, nil
		}
	}
	return programs{}, fmt.Errorf("postgres with initdb: %w", ErrNotInstalled)
}

func findMySQL() (programs, error) {
	for _, name := range []string{"mariadbd", "mysqld"} {
		server := lookup(name)
		if server == "" {
			continue
		}
		for _, setup := range []string{"mariadb-install-db", "mysql_install_db"} {
			if path := lookup(setup); path != "" {
				return programs{server: server, setup: path}, nil
			}
		}
		if name == "mysqld" {
			return programs{server: server}, nil // Oracle's sets itself up with --initialize
		}
	}
	return programs{}, fmt.Errorf("mariadbd with mariadb-install-db, or mysqld: %w", ErrNotInstalled)
}

func lookup(name string) string {
	for _, dir := range append([]string{""}, folders()...) {
		if path := in(dir, name); path != "" {
			return path
		}
	}
	return ""
}

// in is the program name in dir, in PATH when dir is "", or "".
func in(dir, name string) string {
	path, err := exec.LookPath(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	if path, err = filepath.Abs(path); err != nil {
		return ""
	}
	return path
}

// folders are where Debian, Homebrew, MacPorts and source installs put servers; the newest version first.
func folders() []string {
	var out []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin",
		"/usr/local/opt/postgresql*/bin", "/opt/homebrew/opt/*mysql*/bin", "/opt/homebrew/opt/mariadb*/bin",
		"/usr/local/opt/mariadb*/bin", "/usr/local/mysql/bin", "/opt/homebrew/opt/redis/bin",
	} {
		found, _ := filepath.Glob(pattern) // the patterns are well-formed
		for i := len(found) - 1; i >= 0; i-- {
			out = append(out, found[i])
		}
	}
	return append(out, "/usr/local/bin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/sbin", "/usr/libexec")
}

// version asks the program and keeps what looks like a version of it, or "".
func version(ctx context.Context, server string) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, server, "--version").Output()
	if err != nil {
		return ""
	}
	return regexp.MustCompile(`\d+(\.\d+)+(-MariaDB)?`).FindString(string(out))
}
