package cli

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws/engine"
)

// helloServer is a Redis that says that it is what role says, to each HELLO.
func helloServer(t *testing.T, role string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for lines := bufio.NewScanner(c); lines.Scan(); {
					switch strings.ToUpper(strings.Fields(lines.Text() + " -")[0]) {
					case "PING":
						fmt.Fprint(c, "+PONG\r\n")
					case "HELLO":
						reply := "*14\r\n"
						for _, kv := range [][2]string{{"server", "redis"}, {"version", "7.2.4"}, {"proto", "2"}, {"id", "1"}, {"mode", "standalone"}, {"role", role}, {"modules", ""}} {
							reply += fmt.Sprintf("$%d\r\n%s\r\n$%d\r\n%s\r\n", len(kv[0]), kv[0], len(kv[1]), kv[1])
						}
						fmt.Fprint(c, reply)
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestServing(t *testing.T) {
	for role, want := range map[string]string{"master": "writer", "replica": "reader", "slave": "reader"} {
		if got := serving(t.Context(), engine.Of("redis"), helloServer(t, role), ""); got != want {
			t.Errorf("a %s serves as %q; want %q", role, got, want)
		}
	}
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	if got := serving(t.Context(), engine.Of("redis"), nobody.Addr().String(), ""); got != "" {
		t.Errorf("nobody serves as %q", got)
	}
}
