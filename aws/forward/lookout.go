package forward

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/rdsx/rdsx/aws"
)

const (
	lookEvery = 30 * time.Second // while connections are open
	lookSoon  = 5 * time.Second  // for doubtTime after a dial that was refused or not answered
	doubtTime = time.Minute
	lookLimit = 15 * time.Second // for one look
	// nameTime is how long a name may lead to the old place after a fail-over: its records live for 5 s, and the agent
	// resolves it once a session (docs/protocol.md §1.4).
	nameTime = 15 * time.Second
)

// Watcher sees where the target is.
type Watcher interface {
	// Look says where the target is now. It is called when a session has started, every 30 s while connections are open, and
	// when a dial was refused or not answered; never concurrently. An error means that nothing is known this time.
	Look(ctx context.Context) (Place, error)
}

// Place is where a target is. Two that differ in Mark are a fail-over, or a name that leads elsewhere now.
type Place struct {
	Mark    string   // "" is not known
	What    string   // that may move, for a person: writer
	At      string   // where it is, for a person: the instance or the zone; of Members the writer's ID
	Members []Member // of the cluster behind a writer endpoint; nil where they are not known
}

// lookOut asks the watcher until ctx ends.
func (f *Forwarder) lookOut(ctx context.Context) {
	timer := time.NewTimer(lookEvery)
	defer timer.Stop()
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wondering:
			if d := time.Until(last.Add(lookSoon)); !last.IsZero() && d > 0 && !pause(ctx, d) {
				return
			}
		case <-timer.C:
		}
		every, wanted := f.curious()
		if wanted {
			f.look(ctx)
			last = time.Now()
		}
		timer.Reset(every)
	}
}

// wonder makes the watcher look at once; in doubt it looks often for a while. f.mu is held.
func (f *Forwarder) wonder(doubt bool) {
	if doubt {
		f.doubt = time.Now().Add(doubtTime)
	}
	select {
	case f.wondering <- struct{}{}:
	default:
	}
}

// curious says when to look next, and whether it is worth it now.
func (f *Forwarder) curious() (every time.Duration, wanted bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	doubtful := time.Now().Before(f.doubt)
	if doubtful {
		return lookSoon, true
	}
	return lookEvery, len(f.conns) > 0 || f.place.Mark == "" || f.suspicious || f.serving != "" && f.tries < mostTries
}

// look asks once, and follows the target where it has moved.
func (f *Forwarder) look(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	asked := time.Now()
	now, err := f.cfg.Watcher.Look(within)
	if err != nil {
		f.cfg.Log.Debug("look where the target is", "error", err)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.place
	if now.Mark == "" || f.ending {
		return
	}
	f.place = now
	if was.Mark != "" && now.Mark != was.Mark {
		f.follow(ctx, was, now)
	}
	f.looked = asked
	f.reconsider(ctx)
}

// follow sends new connections where the target is now. Those that are open stay: where the old place still answers they can
// finish, and where it does not nothing is lost by waiting. f.mu is held.
func (f *Forwarder) follow(ctx context.Context, was, now Place) {
	f.doubt = time.Time{}
	f.late = time.Now().Add(nameTime)
	what := cmp.Or(now.What, "target")
	text := what + " moved"
	if was.At != now.At {
		text = fmt.Sprintf("%s moved from %s to %s", what, cmp.Or(was.At, "elsewhere"), cmp.Or(now.At, "elsewhere"))
	}
	f.trouble = ""
	f.pool.forgive() // what failed was the old place
	stay := f.leftBehind(was, now)
	f.retire(ctx)
	f.note(aws.Event{Kind: aws.EventMoved, Text: text + ": new connections go there through a new session" + stay})
	f.stir()
}

// retire takes every session away from newcomers, but for those that lead to the writer for certain, and starts one for them.
// f.mu is held.
func (f *Forwarder) retire(ctx context.Context) {
	for _, m := range f.pool.members {
		if f.roleOf(m) != string(aws.RoleWriter) {
			m.retired = true
			m.wake()
		}
	}
	f.replace(ctx)
	f.pool.notify()
}

// leaveBehind replaces, once, the sessions whose agent may have resolved the name before it led to the new place. f.mu is held.
func (f *Forwarder) leaveBehind(ctx context.Context, now time.Time) {
	if f.late.IsZero() || now.Before(f.late) {
		return
	}
	f.late = time.Time{}
	f.retire(ctx)
}
