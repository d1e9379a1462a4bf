package forward

import "fmt"

// Process is a program that holds a port, as far as the system tells. The zero value is a program of which it tells nothing.
type Process struct {
	PID  int    // 0 when unknown
	Name string // the command's short name, "" when unknown
	User string // whose it is, when nothing else is known
}

// String names it for a person.
func (p Process) String() string {
	switch {
	case p.Name != "":
		return fmt.Sprintf("%s (pid %d)", p.Name, p.PID)
	case p.PID != 0:
		return fmt.Sprintf("pid %d", p.PID)
	case p.User != "":
		return "a program of user " + p.User
	}
	return "another program"
}
