package cli

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/rdsx/rdsx/aws/session"
)

// tuning is how the sessions of a tunnel are used. The zero value is the default, and leaves everything open.
type tuning struct {
	sessions  string // "auto", a number, or "" for auto
	keepAlive bool
	window    int
	payload   string // "auto", a number, or "" for 1024
	pacing    string // "auto", "legacy", or "" for auto
	ping      string // a duration, or "" for 20 s
	noProbe   bool   // ready does not wait for the database's first words
}

const (
	// autoSessions is how many sessions a tunnel may have where nobody has said more: enough for a dump in parallel, few enough
	// not to be noticed in an account.
	autoSessions = 4
	mostSessions = 32
	// standardPing is how often the service is asked whether it is still there. leastPing leaves the answer a second, which a
	// satellite needs; mostPing is what the official plugin does.
	standardPing = 20 * time.Second
	leastPing    = 2 * time.Second
	mostPing     = 5 * time.Minute
	automatic    = "auto"
	legacy       = "legacy"
)

func (t *tuning) register(f *pflag.FlagSet) {
	f.StringVar(&t.sessions, "sessions", "", "most sessions of the tunnel at a time: auto (up to 4), or 1 to 32 (default auto)")
	f.BoolVar(&t.keepAlive, "keep-alive", false, "keep a session that nobody uses: it defeats the account's idle time-out")
	f.IntVar(&t.window, "window", 0, "most bytes in flight per session (default 1048576)")
	f.StringVar(&t.payload, "payload", "", "bytes of a message upward: 1024 as the official plugin, auto to try more, or 64 to 32768 (default 1024)")
	f.StringVar(&t.ping, "ping", "", "how often to ask whether the network still works: 2s to 5m (default 20s)")
	f.BoolVar(&t.noProbe, "no-probe", false, "do not wait for the database's first words before the tunnel is called ready")
	f.StringVar(&t.pacing, "pacing", "", "upward: auto, by acknowledgements; legacy, 1 KB a millisecond as the official plugin (default auto)")
}

// check refuses what cannot be meant.
func (t *tuning) check() error {
	switch {
	case t.limit() == 0:
		return usage("rdsx connect TARGET --sessions 4", "--sessions %q is neither auto nor 1 to %d", t.sessions, mostSessions)
	case t.window < 0:
		return usage("", "--window %d is not a number of bytes", t.window)
	case t.size() == 0:
		return usage("rdsx connect TARGET --payload auto", "--payload %q is neither auto nor 64 to 32768", t.payload)
	case t.pacing != "" && t.pacing != automatic && t.pacing != legacy:
		return usage("rdsx connect TARGET --pacing legacy", "--pacing %q is neither auto nor legacy", t.pacing)
	case t.every() == 0:
		return usage("rdsx connect TARGET --ping 10s", "--ping %q is not a time from 2s to 5m", t.ping)
	}
	return nil
}

// limit is the most sessions at a time, 0 for a value that is none.
func (t *tuning) limit() int {
	if t.sessions == "" || t.sessions == automatic {
		return autoSessions
	}
	return within(t.sessions, 1, mostSessions)
}

// size is the payload as a session wants it, 0 for a value that is none.
func (t *tuning) size() int {
	switch t.payload {
	case "":
		return 1024
	case automatic:
		return session.PayloadAuto
	}
	return within(t.payload, 64, 32<<10)
}

// every is the time between two pings, 0 for a value that is none.
func (t *tuning) every() time.Duration {
	if t.ping == "" {
		return standardPing
	}
	d, err := time.ParseDuration(strings.TrimSpace(t.ping))
	if err != nil || d < leastPing || d > mostPing {
		return 0
	}
	return d
}

// within is the number in s, 0 where there is none within the bounds.
func within(s string, least, most int) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < least || n > most {
		return 0
	}
	return n
}

// tuningKeys are the keys of a target in config.yaml: the flags' names.
func tuningKeys() []string {
	return []string{"sessions", "keep-alive", "window", "payload", "pacing", "ping", "no-probe"}
}

// set gives the flag of that name a value.
func (t *tuning) set(key, value string) error {
	flags := pflag.NewFlagSet(key, pflag.ContinueOnError)
	next := tuning{}
	next.register(flags)
	if err := flags.Set(key, value); err != nil {
		return err
	}
	if err := next.check(); err != nil {
		return err
	}
	*t = t.or(next)
	return nil
}

// or is t with what it leaves open taken from o.
func (t tuning) or(o tuning) tuning {
	t.sessions, t.payload, t.pacing = cmp.Or(t.sessions, o.sessions), cmp.Or(t.payload, o.payload), cmp.Or(t.pacing, o.pacing)
	t.window, t.ping = cmp.Or(t.window, o.window), cmp.Or(t.ping, o.ping)
	t.keepAlive, t.noProbe = t.keepAlive || o.keepAlive, t.noProbe || o.noProbe
	return t
}

// tuningFromEnv is what RDSX_SESSIONS, RDSX_KEEP_ALIVE and their like say, for tunnels that no command line belongs to: those
// of the screens.
func (a *app) tuningFromEnv() (tuning, error) {
	var t tuning
	flags := pflag.NewFlagSet("screens", pflag.ContinueOnError)
	t.register(flags)
	if err := a.fromEnv(flags); err != nil {
		return t, err
	}
	return t, t.check()
}
