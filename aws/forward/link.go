package forward

import (
	"context"
	"fmt"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// Linked is a Session that tells when the state of its websocket has changed; Stats says to what.
type Linked interface {
	// Changed has a value after each change. It is never closed.
	Changed() <-chan struct{}
	// Retry makes the next attempt to open a lost websocket begin now. It waits for nothing.
	Retry()
}

// link is what is known of a session's websocket.
type link struct {
	state   aws.LinkState
	attempt int
	next    time.Time // of the next attempt, zero while one is running
	signIn  bool      // nothing works before somebody signs in
	denied  bool      // nothing works before somebody is given a permission: the session ends if that stays
	lost    time.Time // when it was, zero while it is up
	back    time.Time // when it was up again last, zero for never lost
	resets  uint64
}

func linkOf(s aws.SessionStats) link {
	return link{state: s.Link, attempt: s.Attempt, next: s.NextTry, signIn: s.SignIn, denied: s.Denied, resets: s.Resets}
}

// Retry makes what waits to be tried again be tried now: lost websockets, and sessions that could not be had. Somebody has
// signed in, say, and those who wait for it should not have to sit out a delay.
func (f *Forwarder) Retry() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.pool.members {
		if l, ok := m.session.(Linked); ok {
			l.Retry()
		}
	}
	f.pool.forgive()
	if f.pool.signIn() { // nobody knows, until the next connection
		f.pool.lastErr = nil
		f.settle()
	}
	f.pool.notify()
	f.stir()
}

// relinked tells what has become of m's websocket, and finds newcomers another session where it is in doubt.
func (f *Forwarder) relinked(ctx context.Context, m *member) {
	stats, now := m.session.Stats(), time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	was, is := m.link, linkOf(stats)
	is.back = was.back
	switch {
	case is.state == aws.LinkUp || is.state == "":
		if !was.lost.IsZero() {
			is.back = now
		}
	case was.lost.IsZero():
		is.lost = now
	default:
		is.lost = was.lost
	}
	m.link = is
	if was.state == aws.LinkResuming && is.state == aws.LinkUp { // dials that waited for it begin now
		waiting, _ := f.dials(m)
		for _, c := range waiting {
			c.excused = now
		}
	}
	text := linkText(stats, was, is, now)
	if is.resets > was.resets && stats.LastReset != "" {
		f.note(aws.Event{Kind: aws.EventLink, Text: fmt.Sprintf("session %s: connections reset: %s", stats.ID, stats.LastReset)})
	}
	switch {
	case is.signIn && !was.signIn, is.denied && !was.denied:
		next := stats.Hint
		if next == "" {
			next = f.signIn()
		}
		f.note(aws.Event{Kind: aws.EventLink, Text: fmt.Sprintf("session %s cannot resume: %s", stats.ID, stats.Trouble), Next: next})
	case text != "":
		f.note(aws.Event{Kind: aws.EventLink, Text: text})
	default:
		f.settle()
	}
	if m.blocked() {
		f.spare(ctx, now)
	}
	f.pool.notify()
	f.stir()
}

// linkText is what a change of the link is told as, "" for nothing new.
func linkText(s aws.SessionStats, was, is link, now time.Time) string {
	switch {
	case is.state == aws.LinkSuspect && was.state != aws.LinkSuspect:
		return fmt.Sprintf("session %s: the agent does not acknowledge: new connections get another session", s.ID)
	case is.state == aws.LinkResuming && (was.state != aws.LinkResuming || is.attempt != was.attempt):
		if is.attempt > 4 && is.attempt%10 != 0 {
			return "" // the screen counts; a log need not
		}
		text := fmt.Sprintf("session %s: resuming, try %d", s.ID, max(is.attempt, 1))
		if wait := is.next.Sub(now); wait > 0 {
			text += fmt.Sprintf(", next in %.1f s", wait.Seconds())
		}
		if s.Trouble != "" {
			text += ": " + s.Trouble
		}
		return text
	case is.state == aws.LinkUp && was.state == aws.LinkResuming:
		return fmt.Sprintf("session %s: resumed after %v", s.ID, now.Sub(was.lost).Round(10*time.Millisecond))
	case is.state == aws.LinkUp && was.state == aws.LinkSuspect:
		return fmt.Sprintf("session %s: the agent acknowledges again", s.ID)
	}
	return ""
}

// signIn is the command that gets new credentials, where the session does not say. f.mu is held.
func (f *Forwarder) signIn() string {
	next := "rdsx profiles login"
	if p := f.cfg.Target.Account.Profile; p != "" {
		next += " " + p
	}
	return next + ", in another window: the tunnel goes on by itself then"
}

// resuming is why the tunnel has to wait for a websocket, "" where it has not: none of its connections does, and another
// session takes the next one.
func (p *pool) resuming() string {
	var down, up *member
	for _, m := range p.members {
		switch {
		case m.over:
		case m.link.state == aws.LinkResuming:
			if down == nil || m.load > 0 {
				down = m
			}
		case m.alive():
			up = m
		}
	}
	if down == nil || up != nil && down.load == 0 {
		return ""
	}
	if down.link.signIn {
		return "the credentials have expired: the tunnel waits for a sign-in, and nothing is dropped meanwhile"
	}
	if down.link.denied {
		return "the connection to Session Manager is lost, and AWS denies another: if that stays, the session ends, with its connections"
	}
	return "the connection to Session Manager is lost: it is being opened again, and nothing is dropped meanwhile"
}
