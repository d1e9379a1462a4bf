package cli

import (
	"io"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/sim/databases"
)

// TestCopiesOfTheDemo: what is copied to connect with has the demo's user and database, as its client command does, and no
// password.
func TestCopiesOfTheDemo(t *testing.T) {
	c := demoClient{kind: databases.Postgres, user: "app", database: "shop", password: "hush"}
	s := &screenRun{app: &app{Process: Process{Stdout: io.Discard, Stderr: io.Discard}}}
	s.options.conn = (&demo{clients: map[databases.Kind]*demoClient{databases.Postgres: &c}}).clientConn
	copies, _ := s.Uses(aws.Tunnel{Local: "127.0.0.1:15432", Target: aws.Target{Engine: "postgres", Endpoint: aws.Endpoint{Host: "orders.example", Port: 5432}}})
	text := func(label string) string {
		for _, c := range copies {
			if c.Label == label {
				return c.Text
			}
		}
		return ""
	}
	if url := text("URL"); !strings.HasPrefix(url, "postgresql://app@orders.example:15432/shop?") {
		t.Errorf("the URL is %s", url)
	}
	if jdbc := text("JDBC URL"); !strings.HasPrefix(jdbc, "jdbc:postgresql://127.0.0.1:15432/shop?") || !strings.HasSuffix(jdbc, "user=app") {
		t.Errorf("the JDBC URL is %s", jdbc)
	}
	for _, c := range copies {
		if strings.Contains(c.Text, "hush") {
			t.Errorf("%s has the password", c.Text)
		}
	}
}
