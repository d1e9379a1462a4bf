package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// passwordEnv hands the engines' password to them and to rdsx demo: no process list shows an environment.
const passwordEnv = "RDSX_DEMO_PASSWORD"

// stoodIn says whether demo/engines has a server of that kind.
func stoodIn(kind string) bool { return kind == "mysql" || kind == "redis" }

// engines is the running program of demo/engines.
type engines struct {
	cmd      *exec.Cmd
	stdin    io.Closer // its end ends the program, also when this process is killed
	said     *bytes.Buffer
	kinds    []string
	addr     map[string]string // kind → 127.0.0.1:PORT
	password string
}

// startEngines starts the program and waits for the line that says where it serves.
func startEngines(ctx context.Context, program, seed string, kinds []string) (*engines, error) {
	var secret [12]byte
	_, _ = rand.Read(secret[:]) // never fails (crypto/rand)
	e := &engines{said: new(bytes.Buffer), kinds: kinds, password: hex.EncodeToString(secret[:])}
	// Not with ctx: it ends with its standard input, after rdsx has closed its tunnels.
	e.cmd = exec.CommandContext(context.WithoutCancel(ctx), program, "-seed", seed)
	e.cmd.Env = append(os.Environ(), passwordEnv+"="+e.password)
	e.cmd.Stderr = e.said
	e.cmd.WaitDelay = 5 * time.Second
	stdin, err := e.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	e.stdin = stdin
	stdout, err := e.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := e.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the engines: %w", err)
	}
	if err := json.NewDecoder(stdout).Decode(&e.addr); err != nil {
		return nil, fmt.Errorf("start the engines: %w", errors.Join(err, e.close()))
	}
	return e, nil
}

// flags tell rdsx demo where the engines are.
func (e *engines) flags() []string {
	var out []string
	for _, kind := range e.kinds {
		out = append(out, "--engine", kind+"="+e.addr[kind])
	}
	return out
}

// close ends the program and waits for it.
func (e *engines) close() error {
	_ = e.stdin.Close() // it fails when the program has ended already
	if err := e.cmd.Wait(); err != nil {
		return fmt.Errorf("engines: %w: %s", err, bytes.TrimSpace(e.said.Bytes()))
	}
	return nil
}
