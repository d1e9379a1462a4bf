package cli

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"testing"
)

// fakeDB is a database that knows its statements by heart.
type fakeDB struct {
	asked []string
	rows  map[string][][]driver.Value // the first row is the head
}

func (f *fakeDB) Connect(context.Context) (driver.Conn, error) { return f, nil }
func (f *fakeDB) Driver() driver.Driver                        { return nil }
func (f *fakeDB) Prepare(string) (driver.Stmt, error)          { return nil, errors.New("not prepared") }

func (f *fakeDB) Begin() (driver.Tx, error) { return nil, errors.New("no transactions") }
func (f *fakeDB) Close() error              { return nil }

func (f *fakeDB) ExecContext(_ context.Context, q string, _ []driver.NamedValue) (driver.Result, error) {
	f.asked = append(f.asked, q)
	return driver.RowsAffected(3), nil
}

func (f *fakeDB) QueryContext(_ context.Context, q string, _ []driver.NamedValue) (driver.Rows, error) {
	f.asked = append(f.asked, q)
	rows, ok := f.rows[q]
	if !ok {
		return nil, errors.New("error 1064: " + q)
	}
	return &fakeRows{rows: rows}, nil
}

type fakeRows struct {
	rows [][]driver.Value
	at   int
}

func (r *fakeRows) Close() error { return nil }

func (r *fakeRows) Columns() []string {
	var out []string
	for _, v := range r.rows[0] {
		out = append(out, v.(string))
	}
	return out
}

func (r *fakeRows) Next(dest []driver.Value) error {
	if r.at++; r.at >= len(r.rows) {
		return io.EOF
	}
	copy(dest, r.rows[r.at])
	return nil
}

func TestPrompt(t *testing.T) {
	long := [][]driver.Value{{"n"}}
	for range mostRows + 2 {
		long = append(long, []driver.Value{"x"})
	}
	for _, c := range []struct {
		name, in  string
		asked     []string
		out, talk string
	}{
		{"one statement", "SELECT 1;\n", []string{"SELECT 1"}, " a\n---\n 1\n", "1 row, "},
		{"over two lines", "SELECT\n  1;\n", []string{"SELECT\n1"}, "", "error 1064"},
		{"not ended", "SELECT 1", []string{"SELECT 1"}, " a\n---\n 1\n", ""},
		{"an error, and on", "SELECT 2;\nSELECT 1;\n", []string{"SELECT 2", "SELECT 1"}, " 1\n", "error 1064: SELECT 2\n"},
		{"a change", "UPDATE t SET a = 1;\n", []string{"UPDATE t SET a = 1"}, "", "ok, 3 rows changed, "},
		{"NULL", "SHOW x;\n", []string{"SHOW x"}, " a | b\n---+------\n   | NULL\n", ""},
		{"left", "\\q\nSELECT 1;\n", nil, "", ""},
		{"left in a word", "QUIT;\nSELECT 1;\n", nil, "", ""},
		{"nothing", "\n\n;\n  ;\n", nil, "", ""},
		{"many rows", "SELECT n;\n", []string{"SELECT n"}, "", "502 rows, the first 500 shown, "},
	} {
		db := &fakeDB{rows: map[string][][]driver.Value{
			"SELECT 1": {{"a"}, {"1"}}, "SHOW x": {{"a", "b"}, {[]byte{}, nil}}, "SELECT n": long,
		}}
		var out, talk bytes.Buffer
		pool := sql.OpenDB(db)
		p := &prompt{db: pool, lines: linesOf(strings.NewReader(c.in)), out: &out, talk: &talk}
		if err := p.run(t.Context()); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if strings.Join(db.asked, "|") != strings.Join(c.asked, "|") {
			t.Errorf("%s: asked %q, want %q", c.name, db.asked, c.asked)
		}
		if !strings.Contains(out.String(), c.out) || c.out == "" && len(c.asked) == 0 && out.Len() > 0 {
			t.Errorf("%s: printed %q, want %q", c.name, &out, c.out)
		}
		if !strings.Contains(talk.String(), c.talk) {
			t.Errorf("%s: said %q, want %q", c.name, &talk, c.talk)
		}
		pool.Close()
	}
}

func TestPromptEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var talk bytes.Buffer
	p := &prompt{lines: make(chan string), out: io.Discard, talk: &talk, tty: true}
	if err := p.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("run = %v", err)
	}
	if talk.String() != "sql> \n" {
		t.Errorf("the prompt is %q", &talk)
	}
}

func TestTable(t *testing.T) {
	for name, c := range map[string]struct {
		t    table
		want string
	}{
		"letters two columns wide": {
			table{[]string{"id", "name", "city"}, []bool{true, false, false}, [][]string{{"1", "山田 太郎", "東京"}, {"10", "Ada", "London"}}},
			" id | name      | city\n----+-----------+--------\n  1 | 山田 太郎 | 東京\n 10 | Ada       | London\n",
		},
		"no rows": {table{[]string{"a", "b"}, []bool{false, false}, nil}, " a | b\n---+---\n"},
		"control characters and broken text": {
			table{[]string{"a"}, []bool{false}, [][]string{{"x\x1b[31my\nz\xff\u202e"}}}, " a\n-------------\n x·[31my z··\n",
		},
		"too long": {
			table{[]string{"a"}, []bool{false}, [][]string{{strings.Repeat("あ", 40)}}},
			" a\n" + strings.Repeat("-", 61) + "\n " + strings.Repeat("あ", 29) + "…\n",
		},
	} {
		var b bytes.Buffer
		if err := c.t.print(&b); err != nil || b.String() != c.want {
			t.Errorf("%s:\n%q, want\n%q (%v)", name, b.String(), c.want, err)
		}
	}
}
