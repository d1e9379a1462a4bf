package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// maxBinary is the most that the stripped program may weigh (docs/architecture.md, "Libraries").
const maxBinary = 25 << 20

// TestBinarySize builds the program as a release does and holds it to its size. A reflective method lookup anywhere below
// (executing a text/template is enough) turns off the linker's pruning and trebles the binary, so that is named first.
func TestBinarySize(t *testing.T) {
	if testing.Short() {
		t.Skip("links the whole program")
	}
	bin := filepath.Join(t.TempDir(), "rdsx")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w -dumpdep", "-o", bin, ".")
	var deps bytes.Buffer
	cmd.Stdout, cmd.Stderr = &deps, &deps
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, deps.Bytes())
	}
	for line := range bytes.Lines(deps.Bytes()) {
		if bytes.Contains(line, []byte("<ReflectMethod>")) {
			t.Errorf("method pruning is off: %s", line)
		}
	}
	info, err := os.Stat(bin)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("stripped binary: %.1f MB", float64(info.Size())/(1<<20))
	if info.Size() > maxBinary {
		t.Errorf("the binary is %d bytes, over %d", info.Size(), maxBinary)
	}
}
