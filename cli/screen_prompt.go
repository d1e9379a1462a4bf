package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/sim/databases"
)

// attachEnv hands the demo's SQL prompt what it needs to know; the password comes in demoPasswordEnv.
const attachEnv = "RDSX_DEMO_ATTACH"

// attachment is a database at the other end of a tunnel that is open already.
type attachment struct {
	Host     string `json:"host"` // the endpoint's name, which its certificate is checked for
	User     string `json:"user"`
	Database string `json:"database"`
	CAFile   string `json:"ca_file,omitempty"`
}

// promptArgs is the demo's own SQL prompt as a client program, for machines where no client of MySQL is installed: this very
// program once more, because a prompt that shares the terminal with the screens would take their keys.
func (c *demoClient) promptArgs(t aws.Tunnel) (args, env []string) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil
	}
	data, err := json.Marshal(attachment{Host: t.Target.Endpoint.Host, User: c.user, Database: c.database, CAFile: c.caFile})
	if err != nil {
		return nil, nil
	}
	return []string{self, "demo", "--attach", t.Local}, []string{attachEnv + "=" + string(data), demoPasswordEnv + "=" + c.password}
}

// attach is the other side of promptArgs.
func (a *app) attach(ctx context.Context, addr string) error {
	var at attachment
	if err := json.Unmarshal([]byte(a.getenv(attachEnv)), &at); err != nil {
		return usage("rdsx demo --prompt", "--attach is for the demo's own screens: %v", err)
	}
	c := &demoClient{kind: databases.MySQL, user: at.User, database: at.Database, caFile: at.CAFile, password: a.getenv(demoPasswordEnv)}
	d := &demo{app: a}
	if err := d.prompt(ctx, addr, aws.Target{Endpoint: aws.Endpoint{Host: at.Host}}, c); err != nil {
		return fmt.Errorf("prompt on %s: %w", addr, err)
	}
	return nil
}
