package engine

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// check holds every parser to the same promises: no panic, and a version that a terminal may show.
func check(t *testing.T, info Info, err error) {
	t.Helper()
	if err != nil && !reflect.DeepEqual(info, Info{}) {
		t.Errorf("an error and an answer: %+v %v", info, err)
	}
	if !utf8.ValidString(info.Version) || len(info.Version) > 200 || strings.ContainsAny(info.Version, "\x00\x1b\r\n\x7f") {
		t.Errorf("version %q", info.Version)
	}
}

func FuzzParseMySQL(f *testing.F) {
	for _, s := range []string{mariadbGreeting, mysql8Greeting, mysqlBlocked} {
		f.Add([]byte(s[4:]))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := parseMySQL(b)
		check(t, info, err)
	})
}

func FuzzParsePostgres(f *testing.F) {
	f.Add([]byte("S"))
	f.Add([]byte("EFATAL"))
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := parsePostgres(b)
		check(t, info, err)
	})
}

func FuzzParseTDS(f *testing.F) {
	f.Add([]byte(tdsAnswer[8:]))
	f.Add([]byte{0, 0, 0, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := parseTDS(b)
		check(t, info, err)
	})
}

func FuzzParseTNS(f *testing.F) {
	f.Add(byte(4), []byte(tnsRefusal))
	f.Add(byte(4), []byte("(VSNNUM=99999999999999)"))
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		info, err := parseTNS(kind, b)
		check(t, info, err)
	})
}

func FuzzParseRedis(f *testing.F) {
	f.Add([]byte("+PONG"), []byte(redisHello))
	f.Add([]byte(redisNoAuth), []byte("*2\r\n$7\r\nversion\r\n$4\r\n\x1b[2J\r\n"))
	f.Fuzz(func(t *testing.T, pong, hello []byte) {
		info, _, err := parsePong(pong)
		check(t, info, err)
		lines := bytes.Split(hello, []byte("\r\n"))
		read := 0
		info.Version, info.Role = helloSays(func() ([]byte, error) {
			if read++; read > len(lines) {
				return nil, errors.New("no more")
			}
			return lines[read-1], nil
		})
		if err == nil {
			check(t, info, nil)
		}
		if read > 64 {
			t.Errorf("read %d lines of an answer that says its version in the fifth", read)
		}
	})
}

func FuzzParseMemcached(f *testing.F) {
	f.Add([]byte("VERSION 1.6.12"))
	f.Add([]byte("ERROR"))
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := parseMemcached(b)
		check(t, info, err)
	})
}

// FuzzQuote proves that no argument breaks out of its quotes: what a POSIX shell would read back is the argument.
func FuzzQuote(f *testing.F) {
	f.Add("plain")
	f.Add(`a "b" 'c' $d \e !f`)
	f.Fuzz(func(t *testing.T, arg string) {
		if got := unquoteShell(t, quote(arg)); got != arg {
			t.Errorf("%q is quoted as %s, which reads as %q", arg, quote(arg), got)
		}
	})
}

// unquoteShell reads one word as a POSIX shell does, for the little that quote uses.
func unquoteShell(t *testing.T, s string) string {
	t.Helper()
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\'':
			end := strings.IndexByte(s[i+1:], '\'')
			if end < 0 {
				t.Fatalf("%s does not end", s)
			}
			out.WriteString(s[i+1 : i+1+end])
			i += 1 + end
		case '"':
			end := strings.IndexByte(s[i+1:], '"')
			if end < 0 || strings.ContainsAny(s[i+1:i+1+end], "$`\\!\n") {
				t.Fatalf("%s is live inside double quotes", s)
			}
			out.WriteString(s[i+1 : i+1+end])
			i += 1 + end
		case '\\':
			i++
			out.WriteByte(s[i])
		default:
			if strings.IndexByte(" \t\n;&|<>()$`!*?[]#~{}", s[i]) >= 0 {
				t.Fatalf("%s has a live %q", s, s[i])
			}
			out.WriteByte(s[i])
		}
	}
	return out.String()
}
