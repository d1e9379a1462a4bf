//go:build !linux

package databases

import "os/exec"

// dieWithParent does nothing: only Linux offers it.
func dieWithParent(*exec.Cmd, Kind) {}
