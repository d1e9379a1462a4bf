// Command engines is a MySQL and a Redis server in pure Go, for machines where none is installed. It is a module of its own
// so that its dependencies, which weigh more than all of rdsx, stay out of rdsx's go.mod.
//
// It serves on free ports of 127.0.0.1, prints one line of JSON once both take clients, and ends when its standard input
// ends or a TERM signal arrives. The password comes from the environment, so that no process list shows it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

const (
	user        = "demo"
	database    = "shop"
	passwordEnv = "RDSX_DEMO_PASSWORD"
)

// ready is the line that says where the servers are.
type ready struct {
	MySQL    string `json:"mysql"` // 127.0.0.1:PORT
	Redis    string `json:"redis"`
	User     string `json:"user"` // of MySQL; Redis knows its default user alone
	Database string `json:"database"`
}

func main() {
	// Ctrl-C reaches everything in the terminal's process group. These servers stay until the launcher has closed its
	// tunnels and then our standard input.
	signal.Ignore(os.Interrupt)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv(passwordEnv), os.Stdin, os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "engines:", err)
		os.Exit(1)
	}
}

// run serves until stdin or ctx ends.
func run(ctx context.Context, args []string, password string, stdin io.Reader, stdout io.Writer) (err error) {
	flags := flag.NewFlagSet("engines", flag.ContinueOnError)
	seed := flags.String("seed", "", "folder that holds shop.sql and shop.redis")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if password == "" {
		return fmt.Errorf("%s is empty: it has to hold the servers' password", passwordEnv)
	}
	sql, err := os.ReadFile(filepath.Join(*seed, "shop.sql"))
	if err != nil {
		return fmt.Errorf("read the shop: %w", err)
	}
	keys, err := os.ReadFile(filepath.Join(*seed, "shop.redis"))
	if err != nil {
		return fmt.Errorf("read the shop: %w", err)
	}
	m, err := startMySQL(ctx, password, string(sql))
	if err != nil {
		return fmt.Errorf("start MySQL: %w", err)
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	r, err := startRedis(ctx, password, string(keys))
	if err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	defer r.Close()
	if err := json.NewEncoder(stdout).Encode(ready{MySQL: m.addr, Redis: r.Addr(), User: user, Database: database}); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, stdin) // its end is all that matters
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	return nil
}
