package cli

import "os"

// signalOf is 0: processes end without signals here.
func signalOf(*os.ProcessState) int { return 0 }
