package targets

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/theme"
)

// lines collects the details, wrapped to w cells.
type lines struct {
	th    theme.Theme
	w     int
	tight tight
	out   []string
}

// tight is how much the details give way where they have little room.
type tight uint8

const (
	tightNot    tight = iota
	tightLines        // a layer of the way is a line, the command is wrapped wherever a line ends
	tightFolded       // and the layers that are open are named on one
	tightDense        // and the account is a line, and no line is blank
)

// field adds a label and its value; nothing when the value is empty.
func (l *lines) field(label string, r theme.Role, value string) {
	l.out = append(l.out, chrome.Fact(l.th, label, r, value, l.w)...)
}

func (l *lines) blank() {
	if n := len(l.out); n > 0 && l.out[n-1] != "" && l.tight < tightDense {
		l.out = append(l.out, "")
	}
}

// details is all that is known of a row, wrapped to w cells.
func details(th theme.Theme, e *entry, now time.Time, w int) []string {
	return detailsIn(th, e, now, w, tightNot)
}

// preview is the details in at most h lines. What is cut all the same is said on the last.
func preview(th theme.Theme, e *entry, now time.Time, w, h int, more string) []string {
	var out []string
	for t := tightNot; t <= tightDense; t++ {
		if out = detailsIn(th, e, now, w, t); len(out) <= h {
			return out
		}
	}
	return append(out[:h-1], th.Paint(theme.Faint, chrome.Cell("… "+more+" shows all", w)))
}

func detailsIn(th theme.Theme, e *entry, now time.Time, w int, t tight) []string {
	l := &lines{th: th, w: w, tight: t}
	l.out = append(l.out, th.Paint(theme.Strong, chrome.Middle(e.name, w)))
	l.out = append(l.out, th.Paint(e.signRole(), e.sign())+" "+th.Paint(theme.Muted, e.stateWord()))
	if why := e.reason(); why != "" {
		l.out = append(l.out, wrapped(th, theme.Error, why, w, "  ")...)
		for _, next := range e.advice() {
			l.out = append(l.out, wrapped(th, theme.Accent, next, w, "  → ")...)
		}
	}
	l.blank()
	if len(e.Path.Layers) > 0 {
		l.through(e)
		l.path(e.Path)
	}
	switch {
	case e.Database != nil:
		l.database(e.Database)
	case e.Instance != nil:
		l.node(e.Instance)
	default:
		l.field("host", theme.Text, e.Endpoint.Host)
		l.field("port", theme.Text, fmt.Sprint(e.Endpoint.Port))
	}
	l.blank()
	if len(e.Path.Layers) == 0 {
		l.through(e)
	}
	l.account(e)
	if !e.LastUsed.IsZero() && !now.IsZero() {
		l.field("used", theme.Muted, ago(now.Sub(e.LastUsed)))
	}
	l.tags(e)
	if e.open() {
		l.blank()
		t := e.Target()
		l.out = append(l.out, th.Paint(theme.Faint, "replaces"))
		l.command(Command(t, t.Endpoint.Port))
	}
	return l.out
}

// account adds whose the row is, and where.
func (l *lines) account(e *entry) {
	profiles, account := strings.Join(e.profiles(), ", "), strings.Trim(e.Alias+" · "+e.Account.ID, " ·")
	none := e.Account.Profile == "" && strings.Contains(e.Account.ARN, ":assumed-role/")
	if none {
		l.field("profile", theme.Accent, "none: alt+a makes one of this role")
	}
	if l.tight == tightDense {
		known := slices.DeleteFunc([]string{profiles, account, e.Account.Region}, func(s string) bool { return s == "" })
		l.field("account", theme.Text, strings.Join(known, " · "))
		return
	}
	l.field("profile", theme.Text, profiles)
	l.field("account", theme.Text, account)
	l.field("region", theme.Text, e.Account.Region)
}

// through adds the instance that carries the row.
func (l *lines) through(e *entry) {
	if e.Via.ID == "" {
		return
	}
	l.field("through", theme.Text, instanceName(e.Via))
	if e.Reach != ReachNo {
		l.field("", theme.Muted, e.Why)
	}
}

// path adds the way from the instance to the endpoint, a layer a line or more: what decided an open layer, and in words what
// is wrong with another.
func (l *lines) path(v aws.Verdict) {
	const sign, name = 2, 13
	var open []string
	for _, x := range v.Layers {
		if l.tight >= tightFolded && x.Answer == aws.Yes {
			open = append(open, x.Name)
			continue
		}
		mark, role, text := "✓ ", theme.OK, cmp.Or(x.Rule, x.Why)
		if x.Name == "address" {
			text = x.Why
		}
		switch x.Answer {
		case aws.No:
			mark, role, text = "✗ ", theme.Error, x.Why
		case aws.Unknown:
			mark, role, text = "? ", theme.Warn, x.Why
		}
		label := l.th.Paint(role, mark) + l.th.Paint(theme.Faint, chrome.Cell(x.Name, name))
		if l.tight != tightNot && x.Answer == aws.Yes {
			l.out = append(l.out, label+l.th.Paint(theme.Muted, ansi.Truncate(chrome.Clean(text), max(l.w-sign-name, 8), "…")))
			continue
		}
		for _, part := range chrome.Wrap(chrome.Clean(text), max(l.w-sign-name, 8)) {
			l.out = append(l.out, label+l.th.Paint(theme.Muted, part))
			label = strings.Repeat(" ", sign+name)
		}
	}
	if len(open) > 0 {
		mark := l.th.Paint(theme.OK, "✓ ")
		for _, part := range chrome.Wrap(strings.Join(open, ", "), l.w-sign) {
			l.out = append(l.out, mark+l.th.Paint(theme.Faint, part))
			mark = "  "
		}
	}
	for _, note := range v.Notes {
		l.out = append(l.out, wrapped(l.th, theme.Warn, note, l.w, "! ")...)
	}
	l.blank()
}

// advice is what can be done about the reason: an edit in words, and the command that makes it.
func (r Row) advice() []string {
	if r.Unusable == "" && r.Reach == ReachNo {
		if fix := r.Path.Fix(); fix != nil {
			return slices.DeleteFunc([]string{fix.Text, fix.Command}, func(s string) bool { return s == "" })
		}
	}
	if r.Next == "" {
		return nil
	}
	return []string{r.Next}
}

// command adds a command line, an option a line where there is room.
func (l *lines) command(s string) {
	lead := ""
	options := strings.Split(chrome.Clean(s), " --")
	if l.tight != tightNot {
		options = []string{chrome.Clean(s)}
	}
	for i, option := range options {
		if i > 0 {
			lead, option = "  ", "--"+option
		}
		for _, part := range chrome.Wrap(option, l.w-2) { // the lines that follow are indented
			l.out = append(l.out, lead+l.th.Paint(theme.Muted, part))
			lead = "  "
		}
	}
}

// profiles are those that see the row; the first opens it.
func (e *entry) profiles() []string {
	switch {
	case e.Database != nil && len(e.Database.Profiles) > 1:
		return e.Database.Profiles
	case e.Instance != nil && len(e.Instance.Profiles) > 1:
		return e.Instance.Profiles
	}
	return []string{e.Account.Profile}
}

// signIn is how a client may sign in, as far as the service says.
func signIn(d *aws.Database) string {
	var ways []string
	if d.IAMAuth {
		ways = append(ways, "password or IAM token")
	}
	if d.Secret != "" {
		ways = append(ways, "password in Secrets Manager")
	}
	return strings.Join(ways, " · ")
}

func (l *lines) database(d *aws.Database) {
	l.field("endpoint", theme.Text, d.Endpoint.Host)
	l.field("port", theme.Text, fmt.Sprint(d.Endpoint.Port))
	l.field("engine", theme.Text, strings.TrimSpace(d.Engine+" "+d.EngineVersion))
	role := string(d.Role)
	if d.Cluster != "" {
		role += " of " + d.Cluster
	}
	if d.MultiAZ {
		role += " · Multi-AZ"
	}
	l.field("role", theme.Text, role)
	l.field("status", theme.Muted, d.Status)
	l.field("sign-in", theme.Muted, signIn(d))
	for _, p := range d.Ports {
		l.field(p.For, theme.Text, strings.TrimPrefix(fmt.Sprintf("%s:%d", p.Host, p.Port), ":"))
	}
	l.field("tls", theme.Muted, strings.Trim(string(d.TLS)+" · "+d.CA, " ·"))
	l.field("vpc", theme.Text, strings.Trim(d.VPC+" · "+d.AZ, " ·"))
}

func (l *lines) node(i *aws.Instance) {
	l.field("id", theme.Text, i.ID)
	l.field("ping", theme.Text, i.PingStatus)
	l.field("agent", theme.Text, i.AgentVersion)
	l.field("platform", theme.Text, i.Platform)
	l.field("address", theme.Text, i.IP)
	l.field("vpc", theme.Text, strings.Trim(i.VPC+" · "+i.AZ, " ·"))
}

func (l *lines) tags(e *entry) {
	var tags map[string]string
	switch {
	case e.Database != nil:
		tags = e.Database.Tags
	case e.Instance != nil:
		tags = e.Instance.Tags
	}
	var all []string
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, k+"="+tags[k])
	}
	l.field("tags", theme.Muted, strings.Join(all, "  "))
}

func instanceName(i aws.Instance) string {
	if i.Name == "" {
		return i.ID
	}
	return i.Name + " (" + i.ID + ")"
}

// sign is the row's state as a glyph; stateWord is the same in words, signRole in colour.
func (e *entry) sign() string {
	switch {
	case e.reason() != "":
		return "✗"
	case e.Reach == ReachYes || e.Instance != nil:
		return "●"
	}
	return "◌"
}

func (e *entry) signRole() theme.Role {
	switch e.sign() {
	case "●":
		return theme.OK
	case "✗":
		return theme.Error
	}
	return theme.Faint
}

func (e *entry) stateWord() string {
	switch {
	case e.Reach == ReachNo:
		return string(ReachNo)
	case e.reason() != "":
		return "cannot be opened now"
	case e.Instance != nil:
		return cmp.Or(strings.ToLower(e.Instance.PingStatus), "not known to Systems Manager")
	case e.Database == nil:
		return "opened before"
	case e.Reach == ReachUnknown && e.Why == "chosen by you":
		return "through the instance that you chose"
	}
	return cmp.Or(string(e.Reach), "looking at the way")
}
