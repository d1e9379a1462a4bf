// Command peer is an echo server behind a smux version 1 server of the newest release, for one session. It prints the
// address that it listens on, and ends when the client has gone.
//
// It is a module of its own because the main module keeps the release that the agent uses.
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"github.com/xtaci/smux"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	if err := listener.Close(); err != nil {
		return err
	}
	config := smux.DefaultConfig()
	config.Version = 1
	session, err := smux.Server(conn, config)
	if err != nil {
		return err
	}
	var streams sync.WaitGroup
	defer streams.Wait()
	for {
		stream, err := session.AcceptStream()
		if errors.Is(err, smux.ErrInvalidProtocol) {
			return err
		}
		if err != nil { // the client has gone, gently or not
			return nil
		}
		streams.Go(func() {
			defer stream.Close()
			io.Copy(stream, stream)
		})
	}
}
