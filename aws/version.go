package aws

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// MinAgent is the first agent that forwards to other hosts as documented, with the deny list (docs/aws.md §5).
const MinAgent = "3.1.1374.0"

// Unfit says in a few words why the instance cannot carry a tunnel to another host, or "".
func (i Instance) Unfit() string {
	switch {
	case i.State != "" && i.State != "running":
		return i.State
	case i.PingStatus == "":
		return "not known to Systems Manager"
	case !i.Online() && i.LastPing.IsZero():
		return "agent " + i.PingStatus
	case !i.Online():
		return fmt.Sprintf("agent %s, last seen %s", i.PingStatus, i.LastPing.UTC().Format("2006-01-02 15:04 UTC"))
	case i.AgentVersion != "" && CompareVersions(i.AgentVersion, MinAgent) < 0:
		return fmt.Sprintf("agent %s is older than %s", i.AgentVersion, MinAgent)
	}
	return ""
}

// CompareVersions compares by number, part by part: 3.1.1374.0 is newer than 3.1.998.0. A part that is no number is 0.
func CompareVersions(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(as), len(bs)) {
		if c := cmp.Compare(part(as, i), part(bs, i)); c != 0 {
			return c
		}
	}
	return 0
}

func part(parts []string, i int) uint64 {
	if i >= len(parts) {
		return 0
	}
	n, err := strconv.ParseUint(parts[i], 10, 64)
	if err != nil {
		return 0
	}
	return n
}
