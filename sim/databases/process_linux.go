package databases

import "os/exec"

// dieWithParent has the kernel end the server when this process dies without a chance to. Call after prepare.
func dieWithParent(cmd *exec.Cmd, kind Kind) { cmd.SysProcAttr.Pdeathsig = stopSignal(kind) }
