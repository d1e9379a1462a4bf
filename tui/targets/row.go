package targets

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// Reach is what is known of the way from the instance to the endpoint.
type Reach string

// What can be known. A target is never hidden for what is not known.
const (
	ReachUnknown Reach = ""           // nobody has looked
	ReachYes     Reach = "reachable"  // the rules on the way let it through
	ReachMaybe   Reach = "not proven" // nothing forbids it, something could not be read
	ReachNo      Reach = "blocked"    // a rule on the way forbids it
)

// Row is one thing that can be opened: a database endpoint, a managed node, or a host:port that was opened before.
type Row struct {
	Account  aws.Account
	Alias    string        // of the account; "" when unknown
	Database *aws.Database // the endpoint, or nil
	Instance *aws.Instance // the node itself, for a row that is one, or nil
	Endpoint aws.Endpoint  // of a free host:port, when both are nil
	Via      aws.Instance  // the instance that will carry it; its ID is "" when none was found
	Why      string        // why this one, in a few words
	Reach    Reach         // from Via to the endpoint
	Path     aws.Verdict   // what decides that, layer by layer; without layers when nobody has looked
	Unusable string        // why it cannot be opened now; "" when it can
	Next     string        // what to do about that: a command or an edit
	LastUsed time.Time     // zero when never
}

// Judged is the row with what the network's rules say of its way.
func (r Row) Judged(v aws.Verdict) Row {
	r.Path, r.Reach = v, map[aws.Answer]Reach{aws.Yes: ReachYes, aws.Unknown: ReachMaybe, aws.No: ReachNo}[v.Answer]
	if v.Answer == aws.No {
		r.Why = v.Why()
	}
	return r
}

// Key identifies the row through every discovery: the same thing seen again has the same key.
func (r Row) Key() string {
	// Several profiles may see one thing: whose it is counts, and the profile only where that is not known.
	scope := cmp.Or(r.Account.ID, "\x00"+r.Account.Profile) + "\x00" + r.Account.Region + "\x00"
	switch {
	case r.Database != nil:
		d := r.Database
		return scope + "db\x00" + string(d.Role) + "\x00" + d.ID + "\x00" + d.Endpoint.Host
	case r.Instance != nil:
		return scope + "node\x00" + r.Instance.ID
	}
	return scope + "host\x00" + r.Via.ID + "\x00" + r.Endpoint.String()
}

// Target is what is opened when the row is chosen.
func (r Row) Target() aws.Target {
	t := aws.Target{Account: r.Account, Instance: r.Via, Database: r.Database, Endpoint: r.Endpoint}
	if r.Database != nil {
		t.Endpoint, t.Engine = r.Database.Endpoint, r.Database.Engine
	}
	if r.Instance != nil {
		t.Instance = *r.Instance
	}
	return t
}

// reason is why Enter does not connect; "" when it does.
func (r Row) reason() string {
	switch {
	case r.Unusable != "":
		return r.Unusable
	case r.Instance == nil && r.Via.ID == "":
		return "no instance to go through"
	case r.Reach == ReachNo:
		return cmp.Or(r.Why, "a rule on the way blocks it")
	}
	return ""
}

// open says whether a session can be tried in spite of the reason: all that it takes is known.
func (r Row) open() bool {
	t := r.Target()
	return t.Instance.ID != "" && t.Endpoint.Host != "" && t.Endpoint.Port > 0
}

// Command is the aws command line that opening the target replaces, for a POSIX shell. local is the port on this side.
func Command(t aws.Target, local int) string {
	args := []string{"aws", "ssm", "start-session", "--target", t.Instance.ID, "--document-name", "AWS-StartPortForwardingSessionToRemoteHost", "--parameters"}
	parameters, err := json.Marshal(map[string][]string{
		"host": {t.Endpoint.Host}, "portNumber": {strconv.Itoa(t.Endpoint.Port)}, "localPortNumber": {strconv.Itoa(local)},
	})
	if err != nil {
		return "" // strings always marshal
	}
	args = append(args, string(parameters))
	if t.Account.Region != "" {
		args = append(args, "--region", t.Account.Region)
	}
	if t.Account.Profile != "" {
		args = append(args, "--profile", t.Account.Profile)
	}
	for i, a := range args {
		args[i] = quote(a)
	}
	return strings.Join(args, " ")
}

// quote makes one word for a POSIX shell.
func quote(s string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@=,+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
