package databases

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// startMySQL makes an empty data folder and starts the server with a first file that makes the user and the shop. The
// server reads it before it accepts clients, so no client program is needed.
func (s *Server) startMySQL(ctx context.Context, bin programs) error {
	data := filepath.Join(s.dir, "data")
	var err error
	if bin.setup != "" {
		err = s.tool(ctx, "", bin.setup, "--no-defaults", "--datadir="+data, "--skip-test-db", "--innodb-log-file-size=8M")
	} else {
		err = s.tool(ctx, "", bin.server, "--no-defaults", "--initialize-insecure", "--datadir="+data)
	}
	if err != nil {
		return err
	}
	first, err := s.place("first.sql", []byte(s.firstFile(bin.setup != "")))
	if err != nil {
		return err
	}
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	s.Addr = local(port)
	args := []string{
		"--no-defaults", "--datadir=" + data, "--init-file=" + first, "--bind-address=127.0.0.1", "--port=" + strconv.Itoa(port),
		"--socket=" + filepath.Join(s.dir, "s"), "--pid-file=" + filepath.Join(s.dir, "pid"), "--skip-name-resolve",
		"--ssl-ca=" + s.CAFile, "--ssl-cert=" + filepath.Join(s.dir, "server.pem"), "--ssl-key=" + filepath.Join(s.dir, "server.key"),
		"--character-set-server=utf8mb4", "--max-connections=300", "--max-allowed-packet=256M", "--performance-schema=off",
		"--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-buffer-pool-size=32M",
	}
	if bin.setup != "" {
		args = append(args, "--innodb-log-file-size=8M")
	} else {
		args = append(args, "--skip-log-bin", "--mysqlx=0")
	}
	if err := s.run(ctx, bin.server, args...); err != nil {
		return err
	}
	if err := s.await(ctx, func(ctx context.Context) bool { return greets(ctx, s.Addr) }); err != nil {
		return err
	}
	return os.Remove(first)
}

// firstFile is the SQL of the first start. MariaDB's own root can be reached by its system user alone; Oracle's has no
// password yet. Anonymous users would win over our user for clients on localhost.
func (s *Server) firstFile(mariadb bool) string {
	lines := []string{"SET NAMES utf8mb4"}
	if mariadb {
		lines = append(lines, "DELETE FROM mysql.global_priv WHERE User = ''", "FLUSH PRIVILEGES")
	} else {
		lines = append(lines, fmt.Sprintf("ALTER USER 'root'@'localhost' IDENTIFIED BY '%s'", secret()))
	}
	lines = append(lines,
		"CREATE DATABASE "+s.Database,
		fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY '%s'", s.User, s.Password),
		fmt.Sprintf("GRANT ALL ON %s.* TO '%s'@'%%'", s.Database, s.User),
		"USE "+s.Database)
	lines = append(lines, statements(shopSQL)...)
	return strings.Join(lines, ";\n") + ";\n"
}

// greets says whether a MySQL server sends its greeting: it does only after the first file has been read.
func greets(ctx context.Context, addr string) bool {
	var d net.Dialer
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Second)) // fails only on a closed connection, and then so does the read
	var head [5]byte
	n, _ := conn.Read(head[:])
	return n == len(head) && head[4] == 10 // protocol version 10; 0xff is an error packet
}
