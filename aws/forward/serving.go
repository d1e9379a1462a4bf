package forward

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// The agent resolves a name once a session, and DNS may lag behind a fail-over: a session on the endpoint of the writer can lead
// to a reader. Some servers say which they are; of others the certificate names the instance, and the watcher knows its role.

const (
	writer = string(aws.RoleWriter)
	reader = string(aws.RoleReader)
	// mostTries is how often a session that leads to a reader is replaced while nobody uses the tunnel.
	mostTries = 6
	// lastTry bounds the time until the next of these attempts, which is nameTime at first and then doubles.
	lastTry = 15 * time.Minute
)

// Member is a server of a cluster.
type Member struct {
	ID   string
	Host string // that its certificate names and no other member's does; "" is not known
	Role string // writer or reader
}

// Asker is a Session through which the target can be asked what it is, when it has moved.
type Asker interface {
	// Ask is what the target says of itself. It does not wait for longer than some seconds. errors.ErrUnsupported means that
	// there is nothing to be asked.
	Ask(ctx context.Context) (*aws.Server, error)
}

// answer is what the server at the end of a session has told.
type answer struct {
	asked bool      // it is being asked, or has nothing to tell
	given time.Time // when it answered, zero for not yet
	role  string    // as it says itself
	names []string  // in its certificate
}

// serves is what is known of the servers behind the endpoint of a writer. The Forwarder's lock guards it.
type serves struct {
	serving    string    // reader, where that is what answers newcomers; else ""
	unsure     bool      // new sessions are asked what they lead to
	suspicious bool      // the watcher is to confirm that an answer came from a reader
	tries      int       // sessions replaced in a row because they led to a reader
	former     string    // the member that was the writer before the last move
	demoted    time.Time // when that was noticed
}

// who is the member that a certificate with these names is of, false where it is of none or of several.
func (p Place) who(names []string) (who Member, ok bool) {
	found := 0
	for _, m := range p.Members {
		for _, n := range names {
			if m.Host != "" && strings.EqualFold(m.Host, strings.TrimSuffix(n, ".")) {
				who = m
				found++
				break
			}
		}
	}
	if found != 1 {
		return Member{}, false
	}
	return who, true
}

// role is what the member is now, "" where that is not known.
func (p Place) role(id string) string {
	for _, m := range p.Members {
		if m.ID == id {
			return m.Role
		}
	}
	return ""
}

// forWriter says whether the target is the endpoint of a writer: that of readers may lead to the writer, where it is alone.
func (f *Forwarder) forWriter() bool {
	db := f.cfg.Target.Database
	return db != nil && db.Role == aws.RoleWriter
}

// roleOf is what m leads to: writer, reader, or "" for not known. f.mu is held.
func (f *Forwarder) roleOf(m *member) string {
	if !f.forWriter() {
		return ""
	}
	if role := f.place.role(m.leads); role != "" {
		return role
	}
	return m.answer.role
}

// ask asks the server that m leads to what it is. f.mu is held.
func (f *Forwarder) ask(ctx context.Context, m *member) {
	a, ok := m.session.(Asker)
	// An agent in basic mode carries one connection in a session's life: it is the user's.
	if !ok || m.single || m.answer.asked || f.ending || !f.forWriter() {
		return
	}
	m.answer.asked = true
	f.running.Go(func() {
		server, err := a.Ask(ctx)
		f.mu.Lock()
		defer f.mu.Unlock()
		if err != nil || server == nil {
			m.answer.asked = errors.Is(err, errors.ErrUnsupported) // else the next look asks again
			return
		}
		f.hear(ctx, m, server)
	})
}

// hear takes down what m's server has said. f.mu is held.
func (f *Forwarder) hear(ctx context.Context, m *member, server *aws.Server) {
	if f.ending {
		return
	}
	m.answer = answer{asked: true, given: time.Now(), role: server.Role, names: server.Names}
	if f.server == nil || f.server.Text != server.Text {
		f.note(aws.Event{Kind: aws.EventServer, Text: server.Text})
	}
	f.server = server
	f.weigh(ctx, m)
}

// weigh draws the conclusion from what m's server has said. That a certificate is a reader's counts only when the watcher has
// looked after the answer: DNS can be faster than what RDS says of its members. f.mu is held.
func (f *Forwarder) weigh(ctx context.Context, m *member) {
	if !f.forWriter() || m.answer.given.IsZero() || !m.alive() {
		return
	}
	role, why := m.answer.role, ""
	if who, ok := f.place.who(m.answer.names); role == "" && ok {
		if who.Role == reader && !m.answer.given.Before(f.looked) {
			f.suspicious = true
			f.wonder(false)
			return
		}
		role, m.leads = who.Role, who.ID
		why = fmt.Sprintf(": the certificate names %s, which is a reader%s; the writer is %s", who.ID, f.since(who.ID), f.place.At)
	}
	switch role {
	case writer:
		f.unsure, f.tries = false, 0
		f.told(writer, "")
		f.drop(reader)
	case reader:
		if f.has(writer) {
			m.retired = true
			m.wake()
			return
		}
		f.told(reader, why)
	default: // another session would not tell more
		f.unsure = f.unsure && f.serving != ""
	}
}

// since is when the former writer was seen to be none any more.
func (f *Forwarder) since(id string) string {
	if id != f.former {
		return ""
	}
	return " since " + f.demoted.Format(time.TimeOnly)
}

// told notes what newcomers meet, and says so when it has changed. f.mu is held.
func (f *Forwarder) told(role, why string) {
	if role == writer {
		role = ""
	}
	if f.serving == role || f.ending {
		return
	}
	e := aws.Event{Kind: aws.EventServer, Text: fmt.Sprintf("%s answers as a writer again", f.cfg.Target.Endpoint)}
	if role != "" {
		e.Text = fmt.Sprintf("%s answers as a %s, and is the endpoint of the writer%s", f.cfg.Target.Endpoint, role, why)
		e.Next = "rdsx ls shows where the writer is; a fail-over may be under way"
	}
	f.serving = role
	f.note(e)
}

// has says whether a session that takes newcomers leads to such a server. f.mu is held.
func (f *Forwarder) has(role string) bool {
	for _, m := range f.pool.members {
		if m.alive() && f.roleOf(m) == role {
			return true
		}
	}
	return false
}

// drop takes the sessions that lead to such a server away from newcomers. f.mu is held.
func (f *Forwarder) drop(role string) {
	for _, m := range f.pool.members {
		if m.alive() && f.roleOf(m) == role {
			m.retired = true
			m.wake()
		}
	}
}

// leftBehind notes which sessions lead to the former writer after a move: those that were open when the watcher last saw it
// there, since a session leads to one server all its life. It says how many connections stay with it. f.mu is held.
func (f *Forwarder) leftBehind(was, now Place) string {
	f.unsure, f.tries = true, 0
	if !f.forWriter() {
		return ""
	}
	for _, m := range f.pool.members {
		if m.answer.role != "" {
			m.answer = answer{} // it was that before the move
		}
		if who, ok := now.who(m.answer.names); ok {
			m.leads = who.ID
		}
	}
	if now.role(was.At) != reader {
		return ""
	}
	f.former, f.demoted = was.At, time.Now()
	conns := 0
	for _, m := range f.pool.members {
		if m.leads == "" && m.opened.Before(f.looked) {
			m.leads = was.At
		}
		if m.leads == was.At {
			conns += m.load
		}
	}
	switch conns {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("; 1 open connection stays with %s, a reader now", was.At)
	}
	return fmt.Sprintf("; %d open connections stay with %s, a reader now", conns, was.At)
}

// reconsider draws the conclusions from a look of the watcher. f.mu is held.
func (f *Forwarder) reconsider(ctx context.Context) {
	f.suspicious = false
	var newest *member
	for _, m := range f.pool.members {
		f.weigh(ctx, m)
		if !m.alive() {
			continue
		}
		if f.unsure {
			f.ask(ctx, m)
		}
		if newest == nil || m.opened.After(newest.opened) {
			newest = m
		}
	}
	// A session that leads to a reader does so for ever; the next one may find that the name leads to the writer.
	wait := min(nameTime<<min(f.tries, mostTries), lastTry)
	if f.serving == "" || f.pool.opening > 0 || newest == nil || time.Since(newest.opened) < wait {
		return
	}
	f.tries++
	f.unsure = true
	f.retire(ctx)
}
