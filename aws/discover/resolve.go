package discover

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
)

// Resolve finds what name means, without regard to case:
//
//	ID                   an RDS instance, a cluster (its writer), a custom endpoint, or a proxy
//	CLUSTER:reader       the reader endpoint of a cluster; CLUSTER:writer is its writer
//	ENDPOINT[:PORT]      the host name of any of these; PORT replaces its port
//	HOST:PORT            anything else that the instance can reach
//
// The database is nil for a free HOST:PORT. Errors are *aws.Hint: aws.ErrNotFound with near names, aws.ErrUsage when
// several match, aws.ErrUnreachable when the database is stopped or not there yet.
func Resolve(inv Inventory, name string) (*aws.Database, aws.Endpoint, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return nil, aws.Endpoint{}, aws.Advise(fmt.Errorf("the target has no name"), aws.ErrUsage, "rdsx ls shows what there is")
	}
	host, port := splitPort(name)
	found := byHost(inv, strings.TrimSuffix(host, "."))
	if len(found) == 0 {
		found = byID(inv, name)
	}
	switch {
	case len(found) == 1:
		db := found[0]
		to := db.Endpoint
		if port > 0 && strings.EqualFold(host, to.Host) {
			to.Port = port
		}
		if err := down(db, inv.Account); err != nil {
			return nil, aws.Endpoint{}, err
		}
		return &db, to, nil
	case len(found) > 1:
		return nil, aws.Endpoint{}, ambiguous(name, found)
	case port > 0:
		return nil, aws.Endpoint{Host: host, Port: port}, nil
	}
	return nil, aws.Endpoint{}, unknown(inv, name)
}

// down explains why a database cannot answer whichever way it is reached; nil when it may.
func down(d aws.Database, of aws.Account) error {
	if d.Available() || d.Status == "" && d.Endpoint.Host != "" {
		return nil
	}
	err := fmt.Errorf("%s is %s", d.ID, d.Status)
	if d.Status == "" || d.Status == "available" {
		err = fmt.Errorf("%s has no endpoint", d.ID)
	}
	next := "wait until rdsx ls shows it as available"
	switch {
	case d.Status != "stopped":
	case d.Cluster != "":
		next = "aws rds start-db-cluster --db-cluster-identifier " + d.Cluster
	default:
		next = "aws rds start-db-instance --db-instance-identifier " + d.ID
	}
	if d.Status == "stopped" {
		if len(d.Profiles) > 0 {
			of.Profile = d.Profiles[0]
		}
		if region := cmp.Or(d.Region, of.Region); region != "" {
			next += " --region " + region
		}
		next = of.Typed(next)
	}
	return aws.Advise(err, aws.ErrUnreachable, next)
}

// splitPort cuts a numeric port off; 0 means that there is none. IPv6 addresses need their brackets.
func splitPort(name string) (string, int) {
	host, port, err := net.SplitHostPort(name)
	if err != nil || host == "" {
		return name, 0
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return name, 0
	}
	return host, int(n)
}

func byHost(inv Inventory, host string) []aws.Database {
	var found []aws.Database
	for _, d := range inv.Databases {
		if d.Endpoint.Host != "" && strings.EqualFold(d.Endpoint.Host, host) {
			found = append(found, d)
		}
	}
	// A custom endpoint may share its name with nothing else; two entries of one host are one database seen twice.
	return found[:min(1, len(found))]
}

func byID(inv Inventory, name string) []aws.Database {
	id, want := name, aws.Role("")
	if cut, role, ok := strings.Cut(name, ":"); ok {
		switch strings.ToLower(role) {
		case "reader", "ro":
			id, want = cut, aws.RoleReader
		case "writer", "rw":
			id, want = cut, aws.RoleWriter
		}
	}
	var found []aws.Database
	for _, d := range inv.Databases {
		if !strings.EqualFold(d.ID, id) {
			continue
		}
		if want == d.Role || want == "" && d.Role != aws.RoleReader {
			found = append(found, d)
		}
	}
	// A single-instance cluster often has an instance of the cluster's own name: the writer endpoint is meant.
	if i := slices.IndexFunc(found, func(d aws.Database) bool { return d.Role == aws.RoleWriter }); i >= 0 {
		if rest := slices.DeleteFunc(slices.Clone(found), func(d aws.Database) bool { return d.Cluster == found[i].ID }); len(rest) == 0 {
			return found[i : i+1]
		}
	}
	return found
}

func ambiguous(name string, found []aws.Database) error {
	var lines []string
	for _, d := range found {
		lines = append(lines, fmt.Sprintf("%s %s", d.Role, d.Endpoint))
	}
	return aws.Advise(fmt.Errorf("%q names %d things: %s", name, len(found), strings.Join(lines, ", ")), aws.ErrUsage,
		"name it by its endpoint, for example "+found[0].Endpoint.Host)
}

func unknown(inv Inventory, name string) error {
	text := fmt.Sprintf("no database, cluster, proxy or endpoint %q", name)
	if inv.Account.Region != "" {
		text += " in " + inv.Account.Region
	}
	if inv.Account.Profile != "" {
		text += fmt.Sprintf(" (profile %s)", inv.Account.Profile)
	}
	if len(inv.Errors) > 0 {
		text += fmt.Sprintf("; %d of the lists could not be read, the first: %s", len(inv.Errors), inv.Errors[0])
	}
	return aws.Advise(fmt.Errorf("%s", text), aws.ErrNotFound, advice(inv, name))
}

func advice(inv Inventory, name string) string {
	bare, _, _ := strings.Cut(name, ":")
	var names []string
	for _, d := range inv.Databases {
		names = append(names, d.ID)
	}
	slices.Sort(names)
	if near := account.Near(bare, slices.Compact(names), 3); len(near) > 0 {
		return "did you mean " + strings.Join(near, ", ") + "?"
	}
	if strings.Contains(name, ".") && !strings.Contains(name, ":") {
		return "for a host that RDS does not know, add the port: " + name + ":5432"
	}
	return "rdsx ls shows what there is; another --region or --profile may have it"
}
