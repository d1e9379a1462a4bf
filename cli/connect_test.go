package cli

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// TestTakenPortIsSaid: another port than the one that was to be expected is said, with who has that.
func TestTakenPortIsSaid(t *testing.T) {
	var dial net.ListenConfig
	holder, err := dial.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close() //nolint:errcheck // nothing depends on it
	port := holder.Addr().(*net.TCPAddr).Port
	var talk bytes.Buffer
	a := &app{Process: Process{Env: os.Environ(), Stderr: &talk}}
	f, err := a.listen(t.Context(), route{target: aws.Target{Endpoint: aws.Endpoint{Host: "db.internal", Port: port}}}, connectFlags{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := regexp.MustCompile(fmt.Sprintf(`^port %d is taken by .+: %d is used instead\n$`, port, portOf(f.Snapshot().Local)))
	if !want.MatchString(talk.String()) {
		t.Errorf("it says %q, want %s", talk.String(), want)
	}
}

// TestPortOfTheAddress: what another program holds on another address is not in the way, and what it holds on this one is.
func TestPortOfTheAddress(t *testing.T) {
	for holds, same := range map[string]bool{"127.0.0.1": true, "127.0.0.2": false} {
		var dial net.ListenConfig
		holder, err := dial.Listen(t.Context(), "tcp4", holds+":0")
		if err != nil {
			t.Skip("this machine has no second loopback address: ", err)
		}
		defer holder.Close() //nolint:errcheck // nothing depends on it
		port := holder.Addr().(*net.TCPAddr).Port
		var talk bytes.Buffer
		a := &app{Process: Process{Env: os.Environ(), Stderr: &talk}}
		f, err := a.listen(t.Context(), route{target: aws.Target{Endpoint: aws.Endpoint{Host: "db.internal", Port: port}}}, connectFlags{bind: "127.0.0.2"})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got := f.Snapshot().Local
		if want := fmt.Sprintf("127.0.0.2:%d", port); (got == want) != same || !strings.HasPrefix(got, "127.0.0.2:") || same != (talk.Len() == 0) {
			t.Errorf("%s:%d is held, and the tunnel is on %s; it says %q", holds, port, got, talk.String())
		}
	}
}

// TestPortTakenForAMoment: another rdsx that looks whether a port is free is not in the way of who wants that one.
func TestPortTakenForAMoment(t *testing.T) {
	holder, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(10*time.Millisecond, func() { _ = holder.Close() })
	a := &app{Process: Process{Env: os.Environ()}}
	f, err := a.listen(t.Context(), route{}, connectFlags{port: holder.Addr().(*net.TCPAddr).Port})
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// TestNoSuchAddress: an address that this machine does not have is said with the port that was to be expected.
func TestNoSuchAddress(t *testing.T) {
	a := &app{Process: Process{Env: os.Environ()}}
	_, err := a.listen(t.Context(), route{target: aws.Target{Engine: "postgres"}}, connectFlags{bind: "192.0.2.1"})
	if err == nil || !strings.HasPrefix(err.Error(), "listen on 192.0.2.1:5432: ") {
		t.Errorf("it says %v", err)
	}
}
