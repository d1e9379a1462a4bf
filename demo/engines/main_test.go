package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// The seed has one home: sim/databases of the repository that this module lies in.
const seed = "../../sim/databases"

// start runs the program in-process and returns what it printed; the end of its input must end it without an error.
func start(t *testing.T, password string) ready {
	t.Helper()
	stdin, input := io.Pipe()
	output, stdout := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(context.Background(), []string{"-seed", seed}, password, stdin, stdout)
		stdout.Close()
	}()
	var r ready
	if err := json.NewDecoder(output).Decode(&r); err != nil {
		t.Fatalf("%v; %v", err, <-done)
	}
	t.Cleanup(func() {
		input.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, addr := range []string{r.MySQL, r.Redis} {
			if conn, err := net.Dial("tcp", addr); err == nil {
				conn.Close()
				t.Errorf("something still listens on %s", addr)
			}
		}
	})
	return r
}

func open(t *testing.T, r ready, user, password string) *sql.DB {
	t.Helper()
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName = user, password, "tcp", r.MySQL, r.Database
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db
}

func TestMySQL(t *testing.T) {
	r := start(t, "s3cret")
	db := open(t, r, r.User, "s3cret")
	for _, c := range []struct{ query, want string }{
		{"SELECT COUNT(*) FROM orders", "4000"},
		{"SELECT COUNT(*) FROM customers", "310"},
		{"SELECT name FROM customers WHERE id = 10", "田中 🍣 健"},
		{"SELECT p.name FROM orders o JOIN products p ON p.id = o.product_id WHERE o.id = 1", "抹茶 100 g"},
	} {
		var got string
		if err := db.QueryRowContext(t.Context(), c.query).Scan(&got); err != nil || got != c.want {
			t.Errorf("%s: %q %v, want %q", c.query, got, err, c.want)
		}
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?)", 9001, "新井 恵", "megumi@example.jp", "仙台", "JP", "2025-01-02"); err != nil {
		t.Fatal(err)
	}
	var city string
	if err := db.QueryRowContext(t.Context(), "SELECT city FROM customers WHERE name = '新井 恵'").Scan(&city); err != nil || city != "仙台" {
		t.Errorf("the row that was inserted: %q %v", city, err)
	}
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE mine (id INTEGER AUTO_INCREMENT PRIMARY KEY, t TEXT)"); err != nil {
		t.Error(err)
	}
	var file sql.NullString
	if err := db.QueryRowContext(t.Context(), "SELECT LOAD_FILE('/etc/hosts')").Scan(&file); err == nil && file.Valid {
		t.Errorf("a client read a file of the machine: %.20q", file.String)
	}
	if _, err := db.ExecContext(t.Context(), "CREATE USER 'other'@'%' IDENTIFIED BY 'x'"); err != nil {
		t.Error(err)
	}
}

func TestMySQLRefusesStrangers(t *testing.T) {
	r := start(t, "s3cret")
	var denied *mysql.MySQLError
	if err := open(t, r, r.User, "wrong").PingContext(t.Context()); !errors.As(err, &denied) || denied.Number != 1045 {
		t.Errorf("a wrong password: %v", err)
	}
	for _, user := range []string{"root", "nobody"} {
		if err := open(t, r, user, "").PingContext(t.Context()); err == nil {
			t.Errorf("%s got in without a password", user)
		}
	}
}

func TestRedis(t *testing.T) {
	r := start(t, "s3cret")
	conn, err := net.Dial("tcp", r.Redis)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for _, c := range []struct {
		command string
		want    []string
	}{
		{"GET shop:name", []string{"-NOAUTH Authentication required."}},
		{"AUTH wrong", []string{"-WRONGPASS"}},
		{"AUTH s3cret", []string{"+OK"}},
		{"GET shop:name", []string{"$9", "茶の店"}},
		{"HGET customer:2 city", []string{"$6", "大阪"}},
		{"SET mine 1", []string{"+OK"}},
		{"LLEN queue:shipping", []string{":5"}},
	} {
		var b strings.Builder
		words := strings.Fields(c.command)
		fmt.Fprintf(&b, "*%d\r\n", len(words))
		for _, w := range words {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
		}
		if _, err := io.WriteString(conn, b.String()); err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			line, err := answers.ReadString('\n')
			if err != nil || !strings.HasPrefix(line, want) {
				t.Errorf("%s: %q %v, want %q", c.command, line, err, want)
			}
		}
	}
}

func TestRunSaysWhatIsMissing(t *testing.T) {
	if err := run(t.Context(), []string{"-seed", seed}, "", strings.NewReader(""), io.Discard); err == nil || !strings.Contains(err.Error(), passwordEnv) {
		t.Errorf("without a password: %v", err)
	}
	if err := run(t.Context(), []string{"-seed", t.TempDir()}, "x", strings.NewReader(""), io.Discard); err == nil || !strings.Contains(err.Error(), "shop.sql") {
		t.Errorf("without a seed: %v", err)
	}
}
