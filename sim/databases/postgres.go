package databases

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// startPostgres makes a cluster whose superuser has a password that nobody knows, fills the shop in single-user mode (no
// client program is needed) and starts the server.
func (s *Server) startPostgres(ctx context.Context, bin programs) error {
	password, err := s.place("admin.password", []byte(secret()+"\n"))
	if err != nil {
		return err
	}
	data := filepath.Join(s.dir, "data")
	err = s.tool(ctx, "", bin.setup, "-D", data, "-U", "rdsadmin", "--pwfile="+password, "--no-sync", "--encoding=UTF8",
		"--locale=C", "--auth-host=scram-sha-256", "--auth-local=scram-sha-256")
	if err != nil {
		return err
	}
	if err := os.Remove(password); err != nil {
		return err
	}
	single := func(database string, lines ...string) error {
		return s.tool(ctx, strings.Join(lines, "\n")+"\n", bin.server, "--single", "-D", data, "-c", "fsync=off",
			"-c", "exit_on_error=on", database)
	}
	err = single("postgres",
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", s.User, s.Password),
		fmt.Sprintf("CREATE DATABASE %s OWNER %s", s.Database, s.User))
	if err != nil {
		return err
	}
	if err := single(s.Database, append([]string{"SET SESSION AUTHORIZATION " + s.User}, statements(shopSQL)...)...); err != nil {
		return err
	}
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	s.Addr = local(port)
	err = s.run(ctx, bin.server, "-D", data, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "ssl=on", "-c", "ssl_cert_file="+filepath.Join(s.dir, "server.pem"),
		"-c", "ssl_key_file="+filepath.Join(s.dir, "server.key"), "-c", "fsync=off", "-c", "synchronous_commit=off",
		"-c", "full_page_writes=off", "-c", "max_connections=300", "-c", "shared_buffers=32MB")
	if err != nil {
		return err
	}
	return s.await(ctx, func(context.Context) bool { return postgresReady(data) })
}

// postgresReady reads what pg_ctl reads: the eighth line of postmaster.pid. Connecting would get an answer too early.
func postgresReady(data string) bool {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := strings.Split(string(text), "\n")
	return len(lines) >= 8 && strings.TrimSpace(lines[7]) == "ready"
}
