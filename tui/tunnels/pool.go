package tunnels

import (
	"fmt"
	"strings"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/theme"
)

// resuming is how far the session is that has tried most often to get its websocket back, "" when none is at it.
func resuming(sessions []aws.SessionStats, now time.Time) string {
	var worst *aws.SessionStats
	for i, s := range sessions {
		if s.Link == aws.LinkResuming && (worst == nil || s.Attempt > worst.Attempt) {
			worst = &sessions[i]
		}
	}
	if worst == nil {
		return ""
	}
	return attempt(*worst, now)
}

// attempt is where the session is in getting its websocket back.
func attempt(s aws.SessionStats, now time.Time) string {
	text := ordinal(max(s.Attempt, 1)) + " try"
	switch wait := s.NextTry.Sub(now); {
	case s.SignIn:
		text = "waits for a sign-in"
	case s.NextTry.IsZero() || wait <= 0:
		text += " now"
	case wait < 10*time.Second:
		text += fmt.Sprintf(", next in %.1f s", wait.Seconds())
	default:
		text += ", next in " + chrome.Span(wait)
	}
	if s.Trouble != "" {
		text += ": " + chrome.Clean(s.Trouble)
	}
	return text
}

func ordinal(n int) string {
	switch {
	case n%100 >= 11 && n%100 <= 13:
	case n%10 == 1:
		return fmt.Sprintf("%dst", n)
	case n%10 == 2:
		return fmt.Sprintf("%dnd", n)
	case n%10 == 3:
		return fmt.Sprintf("%drd", n)
	}
	return fmt.Sprintf("%dth", n)
}

// pool are the tunnel's sessions: in a line what they do, then each with its load and its link.
func (f *facts) pool(t aws.Tunnel, now time.Time) {
	if len(t.Sessions) > 1 {
		f.add("pool", theme.Text, plural(len(t.Sessions), "session")+uses(t.Pool))
	}
	for i, s := range t.Sessions {
		var seat *aws.Seat
		if i < len(t.Pool) && t.Pool[i].Session == s.ID {
			seat = &t.Pool[i]
		}
		f.session(s, seat, now)
	}
}

// uses is how many sessions of each use there are.
func uses(seats []aws.Seat) string {
	count := map[aws.SeatUse]int{}
	for _, s := range seats {
		count[s.Use]++
	}
	var parts []string
	for _, u := range []aws.SeatUse{aws.UseBulk, aws.UseShared, aws.UseSpare, aws.UseStuck, aws.UseLeaving} {
		if n := count[u]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

// useText says what the pool does with a session.
func useText(u aws.SeatUse) (string, theme.Role) {
	switch u {
	case aws.UseBulk:
		return "filled by a transfer", theme.Accent
	case aws.UseSpare:
		return "in reserve", theme.Muted
	case aws.UseStuck:
		return "waits for its agent", theme.Warn
	case aws.UseLeaving:
		return "takes no more connections", theme.Muted
	}
	return "takes connections", theme.Muted
}

// session is a session, and what the pool makes of it where that is known.
func (f *facts) session(s aws.SessionStats, seat *aws.Seat, now time.Time) {
	f.add("session", theme.Text, s.ID)
	switch s.Link {
	case aws.LinkResuming:
		f.add("", theme.Warn, "resuming, "+attempt(s, now))
	case aws.LinkSuspect:
		f.add("", theme.Warn, "its agent does not acknowledge; new connections get another session")
	}
	if seat != nil {
		use, role := useText(seat.Use)
		f.add("", role, joined(use, plural(seat.Conns, "connection"), "↑ "+bytesText(seat.Up), "↓ "+bytesText(seat.Down)))
		if seat.Serving != "" {
			f.add("", theme.Warn, "leads to a "+strings.TrimSpace(seat.Serving+" "+chrome.Clean(seat.Member)))
		}
	}
	mode := "many connections"
	if !s.Mux {
		mode = "one connection at a time"
	}
	agent := ""
	if s.AgentVersion != "" {
		agent = "agent " + s.AgentVersion
	}
	pacing := ""
	if s.Legacy {
		pacing = "legacy pacing"
	}
	f.add("", theme.Muted, joined(agent, mode, "round trip "+roundTrip(s.RTT), pacing))
	resumed := ""
	if s.Resumes > 0 {
		resumed = fmt.Sprintf("resumed %d×", s.Resumes)
	}
	f.add("", theme.Muted, joined(fmt.Sprintf("%d sent again", s.Retransmits), plural(int(s.Duplicates), "duplicate"), plural(int(s.Pauses), "pause"), resumed))
	if s.Resets > 0 {
		text := plural(int(s.Resets), "connection") + " reset"
		if s.LastReset != "" {
			text += ": " + s.LastReset
		}
		f.add("", theme.Error, text)
	}
	flight := fmt.Sprintf("%s of %s in flight", bytesText(uint64(max(s.InFlight, 0))), bytesText(uint64(max(s.Window, 0))))
	if s.Payload > 1024 {
		flight += fmt.Sprintf(", %s a message", bytesText(uint64(s.Payload)))
	}
	f.add("", theme.Muted, flight)
}
