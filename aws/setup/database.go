package setup

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// ParseDatabase reads NAME=HOST:PORT@GROUP[+GROUP…]. Without an equals sign text is a name that is still to be looked up, and
// whole is false; the groups may be left out where no rule is written. Errors are usage errors.
func ParseDatabase(text string) (d Database, whole bool, err error) {
	name, rest, ok := strings.Cut(text, "=")
	if !ok {
		return Database{Name: text}, false, nil
	}
	endpoint, groups, grouped := strings.Cut(rest, "@")
	host, port, err := net.SplitHostPort(endpoint)
	n, convErr := strconv.Atoi(port)
	if err != nil || convErr != nil || name == "" || host == "" || grouped && groups == "" {
		return d, false, usage(fmt.Sprintf("--database %q is not NAME=HOST:PORT@sg-…", text))
	}
	d = Database{Name: name, Host: host, Port: n}
	if grouped {
		d.Groups = strings.Split(groups, "+")
	}
	return d, true, nil
}
