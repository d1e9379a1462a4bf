package cli

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"regexp"
	"testing"

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
