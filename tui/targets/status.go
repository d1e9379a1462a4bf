package targets

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/theme"
)

// problem is a part of a scan that failed.
type problem struct {
	account aws.Account
	text    string
	next    string
	denied  bool // by a policy: the scan is whole without it
}

// where is what could not be looked at: profile, account and region, as far as they are known.
func (p problem) where() string {
	known := slices.DeleteFunc([]string{p.account.Profile, p.account.ID, p.account.Region}, func(s string) bool { return s == "" })
	return strings.Join(known, " · ")
}

// status is how far the scan is.
type status struct {
	scan     int // number of the current one; 0 before the first
	parts    int
	unit     string // of the parts; "" when the header's counts are of another thing
	done     int
	running  bool
	cachedAt time.Time // of the rows that no scan has confirmed yet; zero when there are none
	problems []problem
}

// failedPart says whether the scan could not look where e is. Who could not even sign in, or is off the network, does not know the
// account's id.
func (s status) failedPart(e *entry) bool {
	for _, p := range s.problems {
		of := p.account
		if !p.denied && of.Region == e.Account.Region && of.Profile == e.Account.Profile && (of.ID == e.Account.ID || of.ID == "") {
			return true
		}
	}
	return false
}

// claim is a part of the status line. Those of low rank get their room first.
type claim struct {
	rank int
	role theme.Role
	text string
}

func (s status) claims(databases, nodes int, now time.Time, errorsKey string) []claim {
	var out []claim
	// The header counts profiles and regions, and a part is one region of one profile: where there are several of both, only
	// how far it is needs the number, and it is of answers.
	switch {
	case s.running:
		out = append(out, claim{0, theme.Accent, fmt.Sprintf("◌ %d/%d %ss", s.done, s.parts, cmp.Or(s.unit, "answer"))})
	case s.scan > 0 && s.unit != "":
		out = append(out, claim{3, theme.Faint, plural(s.parts, s.unit)})
	}
	out = append(out, claim{2, theme.Faint, plural(databases, "database")})
	if nodes > 0 {
		out = append(out, claim{5, theme.Faint, plural(nodes, "node")})
	}
	if !s.cachedAt.IsZero() {
		age := "cached"
		if !now.IsZero() {
			age += " " + ago(now.Sub(s.cachedAt))
		}
		out = append(out, claim{4, theme.Warn, age})
	}
	denied := 0
	for _, p := range s.problems {
		if p.denied {
			denied++
		}
	}
	if n := len(s.problems) - denied; n > 0 {
		out = append(out, claim{1, theme.Error, plural(n, "error") + " (" + errorsKey + ")"})
	}
	if denied > 0 {
		out = append(out, claim{6, theme.Faint, "no permission for " + plural(denied, "list") + " (" + errorsKey + ")"})
	}
	return out
}

// line is the status in at most w cells. errorsKey is the key that opens the errors.
func (s status) line(th theme.Theme, databases, nodes int, now time.Time, errorsKey string, w int) string {
	claims := s.claims(databases, nodes, now, errorsKey)
	const gap = 3
	room := w + gap
	granted := map[int]bool{}
	for rank := range 7 {
		for i, c := range claims {
			if n := width(c.text) + gap; c.rank == rank && n <= room {
				granted[i], room = true, room-n
			}
		}
	}
	var b strings.Builder
	for i, c := range claims {
		if !granted[i] {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(th.Paint(theme.Faint, " · "))
		}
		b.WriteString(th.Paint(c.role, c.text))
	}
	return b.String()
}

// errors is the sheet of what failed, wrapped for a screen w wide.
func (s status) errors(th theme.Theme, w int) chrome.Sheet {
	inner := chrome.SheetWidth(w)
	var lines []string
	for i, p := range s.problems {
		where, lead := p.where(), "  "
		begins := i == 0 || where == "" || s.problems[i-1].where() != where
		if begins && i > 0 {
			lines = append(lines, "")
		}
		switch {
		case where == "": // a profile that cannot be read is named in the text
			lead = "✗ "
		case begins:
			lines = append(lines, th.Paint(theme.Error, "✗ ")+th.Paint(theme.Strong, chrome.Cell(chrome.Clean(where), inner-2)))
		}
		lines = append(lines, wrapped(th, theme.Muted, p.text, inner, lead)...)
		// What fails for one reason is mended by one edit: it stands behind the last.
		if more := i+1 < len(s.problems) && s.problems[i+1].next == p.next && s.problems[i+1].where() == where; p.next != "" && !more {
			lines = append(lines, wrapped(th, theme.Accent, p.next, inner, "  → ")...)
		}
	}
	if len(lines) == 0 {
		lines = []string{th.Paint(theme.Muted, "Nothing has failed.")}
	}
	return chrome.Sheet{Title: "errors", Lines: lines}
}

// wrapped is s as painted lines of at most w cells; lead stands before the first, spaces before the others.
func wrapped(th theme.Theme, r theme.Role, s string, w int, lead string) []string {
	var out []string
	for i, l := range chrome.Wrap(chrome.Clean(s), w-width(lead)) {
		if i == 1 {
			lead = strings.Repeat(" ", width(lead))
		}
		out = append(out, th.Paint(theme.Faint, lead)+th.Paint(r, l))
	}
	return out
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// ago is a duration as people say it: 40 s, 3 min, 2 h, 5 d, always followed by "ago".
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d d ago", int(d.Hours()/24))
}
