package databases

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// parentMark makes the test binary a program that starts a server, prints its address and waits to be killed.
const parentMark = "RDSX_TEST_START_SERVER_AND_WAIT"

func TestMain(m *testing.M) {
	if kind := os.Getenv(parentMark); kind != "" {
		s, err := Start(context.Background(), Options{Kind: Kind(kind), Dir: os.Getenv(parentMark + "_DIR")})
		if err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		fmt.Println(s.Addr)
		select {}
	}
	os.Exit(m.Run())
}

func TestServersDieWithAKilledParent(t *testing.T) {
	for kind := range Installed() {
		t.Run(string(kind), func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), parentMark+"="+string(kind), parentMark+"_DIR="+enterable(t))
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, _ := bufio.NewReader(out).ReadString('\n')
			addr := strings.TrimSpace(line)
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatalf("the server of the parent does not answer: %q %v", addr, err)
			}
			conn.Close()
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // it was killed
			// Looking without a pause would keep PostgreSQL busy with refusals, and alive.
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for deadline := time.Now().Add(60 * time.Second); ; <-tick.C {
				again, err := net.Dial("tcp", addr)
				if err != nil {
					return
				}
				again.Close()
				if time.Now().After(deadline) {
					t.Fatalf("%s still listens on %s", kind, addr)
				}
			}
		})
	}
}
