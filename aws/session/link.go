package session

import (
	"errors"
	"sync"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
)

// link is how the session stands with the service, for Stats.
type link struct {
	changed chan struct{} // 1 slot

	mu      sync.Mutex
	state   aws.LinkState
	attempt int
	nextTry time.Time
	signIn  bool
	denied  bool
	trouble string
	hint    string
	resumes uint64
	resets  uint64
	reset   string // why the latest one was
}

func newLink() *link { return &link{changed: make(chan struct{}, 1), state: aws.LinkUp} }

// tell lets whoever watches look again.
func (l *link) tell() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

func (l *link) fill(s *aws.SessionStats) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Link, s.Attempt, s.NextTry, s.SignIn, s.Denied, s.Trouble, s.Hint = l.state, l.attempt, l.nextTry, l.signIn, l.denied, l.trouble, l.hint
	s.Resumes, s.Resets, s.LastReset = l.resumes, l.resets, l.reset
}

// lost notes that the websocket is gone.
func (l *link) lost(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state, l.trouble = aws.LinkResuming, why.Error()
	l.signIn, l.denied, l.hint = false, false, ""
	l.tell()
}

// failed notes why an attempt to open another has failed. The hint is for what only a person can mend: whatever else it may be is
// tried again.
func (l *link) failed(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trouble, l.signIn, l.denied, l.hint = why.Error(), needsSignIn(why), errors.Is(why, ErrAccessDenied), ""
	switch {
	case l.signIn && account.Renewable(why):
		l.hint = aws.NextOf(why) + ": the tunnel goes on by itself then"
	case l.signIn:
		l.hint = aws.NextOf(why) + ", then start the tunnel again"
	case l.denied:
		l.hint = aws.NextOf(why)
	}
	l.tell()
}

// trying notes that the n-th attempt begins at the time given, zero for now.
func (l *link) trying(n int, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attempt, l.nextTry = n, at
	l.tell()
}

// up notes that the service has answered on a websocket, again if resumed.
func (l *link) up(resumed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if resumed {
		l.resumes++
	}
	l.state, l.attempt, l.nextTry = aws.LinkUp, 0, time.Time{}
	l.signIn, l.denied, l.trouble, l.hint = false, false, "", ""
	l.tell()
}

// suspect notes whether acknowledgements stay away from a link that is up.
func (l *link) suspect(yes bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case yes && l.state == aws.LinkUp:
		l.state, l.trouble = aws.LinkSuspect, "nothing sent has been acknowledged for "+suspectAfter.String()
	case !yes && l.state == aws.LinkSuspect:
		l.state, l.trouble = aws.LinkUp, ""
	default:
		return
	}
	l.tell()
}

// cut notes that a connection was reset.
func (l *link) cut(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.resets++
	l.reset = why.Error()
	l.tell()
}
