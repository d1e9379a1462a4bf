package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/engine"
)

// What the README shows of ls and connect is what they print.
func TestReadmeShowsWhatIsPrinted(t *testing.T) {
	orders := aws.Endpoint{Host: "orders-prod.c9x….eu-west-1.rds.amazonaws.com", Port: 5432}
	reports := aws.Endpoint{Host: "reports.c9x….eu-west-1.rds.amazonaws.com", Port: 3306}
	l := listing{Databases: []listedDatabase{
		{Database: aws.Database{ID: "orders-prod", Engine: "postgres", EngineVersion: "15.7", Role: aws.RoleInstance, Endpoint: orders, Status: "available"}, Via: "i-0a1b2c3d4e5f60718", Reachable: aws.Yes},
		{Database: aws.Database{ID: "reports", Engine: "mysql", EngineVersion: "8.0.36", Role: aws.RoleInstance, Endpoint: reports, Status: "stopped"}, Unusable: "stopped"},
	}}
	var table strings.Builder
	if err := l.print(&table); err != nil {
		t.Fatal(err)
	}
	databases, _, _ := strings.Cut(table.String(), "\n\n")
	printed := strings.Split(databases, "\n")
	printed = append(printed, engine.Quote(engine.Of("postgres").Command(engine.Conn{Host: orders.Host, Port: orders.Port, LocalHost: "127.0.0.1", LocalPort: 5432})))

	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for line := range strings.Lines(string(readme)) {
		shown[strings.Join(strings.Fields(line), " ")] = true // the columns of the page are wider
	}
	for _, line := range printed {
		if !shown[strings.Join(strings.Fields(line), " ")] {
			t.Errorf("the README does not show %q", line)
		}
	}
}
