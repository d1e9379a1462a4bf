package cli

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/rdsx/rdsx/aws"
)

// mostRows is how many rows of an answer are shown. The others are counted: the point of the demo is that they arrive.
const mostRows = 500

// prompt reads SQL statements and prints their answers. An error of a statement is printed and the next one is read.
type prompt struct {
	db    *sql.DB
	lines <-chan string
	out   io.Writer // tables
	talk  io.Writer // everything else
	tty   bool      // a person types
}

// withPrompt carries the tunnel for as long as the prompt on it is open.
func (d *demo) withPrompt(ctx context.Context, inner *app, r route, tunnel connectFlags, c *demoClient) error {
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	opened, carried := make(chan string, 1), make(chan error, 1)
	inner.Stdout = &firstLine{then: func(addr string) { opened <- addr }}
	inner.Stderr = struct{ io.Writer }{d.app.Stderr} // no live counters: the last line is the prompt's
	go func() {
		carried <- inner.carry(within, r, tunnel)
		cancel()
	}()
	var addr string
	select {
	case addr = <-opened:
	case err := <-carried:
		return err
	}
	d.announce(r, addr, c)
	err := d.prompt(within, addr, r.target, c)
	cancel()
	ended := <-carried
	switch {
	case ctx.Err() != nil:
		return context.Canceled
	case errors.Is(ended, context.Canceled) || errors.Is(ended, aws.ErrClosed):
		return err // the prompt was left
	}
	return errors.Join(err, ended)
}

// prompt opens the database through the tunnel at addr and reads statements until the input ends or ctx does.
func (d *demo) prompt(ctx context.Context, addr string, t aws.Target, c *demoClient) (err error) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName = c.user, c.password, "tcp", addr, c.database
	cfg.Logger = &mysql.NopLogger{}
	if c.caFile != "" {
		pem, err := os.ReadFile(c.caFile)
		if err != nil {
			return err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		cfg.TLS = &tls.Config{RootCAs: roots, ServerName: t.Endpoint.Host, MinVersion: tls.VersionTLS12}
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1) // one session, as in any client: BEGIN and USE hold for the next statement
	p := &prompt{db: db, lines: linesOf(d.app.Stdin), out: d.app.Stdout, talk: d.app.Stderr}
	if in, ok := d.app.Stdin.(*os.File); ok {
		p.tty = d.app.isTerminal(in)
	}
	if p.tty {
		fmt.Fprintln(p.talk, `A SQL prompt through the tunnel: end statements with ; and leave with \q. Try: SHOW TABLES;`)
	}
	return p.run(ctx)
}

// linesOf reads lines in the background. A read of a terminal cannot be cancelled: the goroutine ends with its input, or with
// the process.
func linesOf(r io.Reader) <-chan string {
	out := make(chan string)
	go func() {
		defer close(out)
		s := bufio.NewScanner(r)
		s.Buffer(nil, 16<<20)
		for s.Scan() {
			out <- s.Text()
		}
	}()
	return out
}

// run reads and answers statements. It returns nil when the user leaves, and ctx's error when that ends first.
func (p *prompt) run(ctx context.Context) error {
	var statement strings.Builder
	for {
		if p.tty {
			fmt.Fprint(p.talk, map[bool]string{true: "sql> ", false: "  -> "}[statement.Len() == 0])
		}
		var line string
		var more bool
		select {
		case line, more = <-p.lines:
		case <-ctx.Done():
			if p.tty {
				fmt.Fprintln(p.talk) // what follows does not belong on the prompt's line
			}
			return ctx.Err()
		}
		line = strings.TrimSpace(line)
		if statement.Len() == 0 && slices.Contains([]string{`\q`, "exit", "quit", "exit;", "quit;"}, strings.ToLower(line)) {
			return nil
		}
		statement.WriteString(line + "\n")
		if more && !strings.HasSuffix(line, ";") {
			if line == "" && strings.TrimSpace(statement.String()) == "" {
				statement.Reset()
			}
			continue
		}
		if text := strings.TrimRight(strings.TrimSpace(statement.String()), "; \n"); text != "" {
			if err := p.answer(ctx, text); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				fmt.Fprintf(p.talk, "%v\n", err)
			}
		}
		statement.Reset()
		if !more {
			return nil
		}
	}
}

// answer runs one statement and prints its rows, or how many it changed.
func (p *prompt) answer(ctx context.Context, statement string) error {
	started := time.Now()
	if !returnsRows(statement) {
		result, err := p.db.ExecContext(ctx, statement)
		if err != nil {
			return err
		}
		changed, _ := result.RowsAffected() // this driver always knows
		fmt.Fprintf(p.talk, "ok, %s changed, %s\n", count(int(changed), "row"), took(started))
		return nil
	}
	rows, err := p.db.QueryContext(ctx, statement)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // read reports what went wrong
	t, total, err := read(rows)
	if err != nil {
		return err
	}
	if len(t.head) > 0 {
		if err := t.print(p.out); err != nil {
			return err
		}
	}
	note := ""
	if total > len(t.rows) {
		note = fmt.Sprintf(", the first %d shown", len(t.rows))
	}
	fmt.Fprintf(p.talk, "%s%s, %s\n", count(total, "row"), note, took(started))
	return nil
}

func took(since time.Time) string { return time.Since(since).Round(time.Millisecond).String() }

// returnsRows says by its first word whether a statement has rows for an answer.
func returnsRows(statement string) bool {
	first, _, _ := strings.Cut(strings.TrimLeft(statement, "( \t\n"), " ")
	first, _, _ = strings.Cut(first, "\n")
	return slices.Contains([]string{"select", "show", "describe", "desc", "explain", "with", "table", "values", "call", "check"}, strings.ToLower(first))
}

// read takes all rows and keeps the first.
func read(rows *sql.Rows) (t table, total int, err error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return t, 0, err
	}
	cells := make([]any, len(types))
	for i, column := range types {
		t.head = append(t.head, column.Name())
		t.right = append(t.right, numeric(column.DatabaseTypeName()))
		cells[i] = new(sql.RawBytes)
	}
	for rows.Next() {
		if total++; total > mostRows {
			continue
		}
		if err := rows.Scan(cells...); err != nil {
			return t, total, err
		}
		row := make([]string, len(cells))
		for i, cell := range cells {
			if raw := *cell.(*sql.RawBytes); raw == nil {
				row[i] = "NULL"
			} else {
				row[i] = string(raw)
			}
		}
		t.rows = append(t.rows, row)
	}
	return t, total, rows.Err()
}

func numeric(databaseType string) bool {
	for _, part := range []string{"INT", "DECIMAL", "FLOAT", "DOUBLE", "YEAR"} {
		if strings.Contains(databaseType, part) {
			return true
		}
	}
	return false
}
