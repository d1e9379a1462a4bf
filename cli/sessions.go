package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/aws/engine"
	"github.com/rdsx/rdsx/aws/session"
)

const sessionsLong = `sessions lists the Session Manager sessions that are open in the profile's account and region, of whatever program and kind;
--profiles, --group, --all-profiles and --regions ask several.
With --terminate it ends those that are named, or with --mine all of yours.

rdsx ends its own sessions on every way out but one: a process that is killed outright cannot. Such sessions are named when rdsx
connect or the screens start, and marked here.`

// sessionsFlags are those of rdsx sessions.
type sessionsFlags struct{ mine, terminate, yes bool }

func (a *app) newSessions() *cobra.Command {
	var flags sessionsFlags
	cmd := &cobra.Command{
		Use:     "sessions [--mine] [--terminate [ID…]]",
		Short:   "List the open sessions, and end some",
		Long:    sessionsLong,
		Example: "  rdsx sessions --mine\n  rdsx sessions --terminate mika-0a1b2c3d4e5f60718\n  rdsx sessions --mine --terminate --yes",
		RunE: func(cmd *cobra.Command, ids []string) error {
			switch {
			case len(ids) > 0 && !flags.terminate:
				return usage("rdsx sessions --terminate "+engine.Quote(ids), "sessions lists them all; to end some, say so")
			case len(ids) == 0 && flags.terminate && !flags.mine:
				return usage("rdsx sessions --mine --terminate", "--terminate needs the sessions' ids, or --mine for all of yours")
			}
			return a.sessions(cmd.Context(), flags, ids)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&flags.mine, "mine", false, "only sessions of the identity that asks, and those that rdsx on this machine has started")
	f.BoolVar(&flags.terminate, "terminate", false, "end the sessions that are named, or with --mine all of them")
	f.BoolVarP(&flags.yes, "yes", "y", false, "end them without asking")
	a.flags.many.registerScopes(f)
	_ = cmd.RegisterFlagCompletionFunc("group", a.completeGroups)
	return cmd
}

// openSession is a session with where it is and what this machine knows of it. Fields of its JSON are only ever added.
type openSession struct {
	session.Listed
	Profile string `json:"profile,omitempty"`
	Region  string `json:"region"`
	Mine    bool   `json:"mine"`
	PID     int    `json:"pid,omitempty"`    // of the rdsx on this machine that carries it
	Orphan  bool   `json:"orphan,omitempty"` // an rdsx of this machine left it behind
	cfg     sdk.Config
}

// note says what this machine knows.
func (s openSession) note() string {
	switch {
	case s.Orphan:
		return "left by an rdsx that is gone"
	case s.PID != 0:
		return fmt.Sprintf("rdsx, process %d", s.PID)
	}
	return ""
}

// sessionList is the JSON of rdsx sessions. Fields are only ever added.
type sessionList struct {
	Sessions   []openSession `json:"sessions"`
	Terminated []string      `json:"terminated,omitempty"`
	Errors     []string      `json:"errors,omitempty"`
}

func (a *app) sessions(ctx context.Context, flags sessionsFlags, ids []string) error {
	all, err := a.openSessions(ctx)
	if all == nil && err != nil {
		return err
	}
	l := sessionList{Sessions: []openSession{}}
	for _, s := range all {
		if (!flags.mine || s.Mine) && (len(ids) == 0 || slices.Contains(ids, s.ID)) {
			l.Sessions = append(l.Sessions, s)
		}
	}
	var missing []string
	for _, id := range ids {
		if !slices.ContainsFunc(l.Sessions, func(s openSession) bool { return s.ID == id }) {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		gone := fmt.Errorf("no open session %s", strings.Join(missing, ", "))
		return aws.Advise(errors.Join(gone, err), aws.ErrNotFound, "rdsx sessions")
	}
	if err != nil {
		l.Errors = strings.Split(err.Error(), "\n")
	}
	err = nil
	if flags.terminate {
		err = a.terminateSessions(ctx, flags, &l)
	}
	return errors.Join(err, a.printSessions(l, flags))
}

// openSessions asks every profile and region that the flags name, all at once. The list is nil when nobody answered; the error
// has what could not be listed. A session that several profiles see is told once.
func (a *app) openSessions(ctx context.Context) ([]openSession, error) {
	chosen, err := a.chosen()
	if err != nil {
		return nil, err
	}
	scopes, err := a.scopes(ctx, chosen)
	if err != nil {
		return nil, err
	}
	places, failed, err := a.places(ctx, scopes, a.askMFA)
	if err != nil {
		return nil, err
	}
	dead, alive := a.ledger.left()
	lists, errs := make([][]openSession, len(places)), make([]error, len(places))
	var asked sync.WaitGroup
	for i, p := range places {
		asked.Go(func() { lists[i], errs[i] = sessionsAt(ctx, p, dead, alive) })
	}
	asked.Wait()
	var all []openSession
	for _, s := range slices.Concat(lists...) {
		at := slices.IndexFunc(all, func(o openSession) bool { return o.ID == s.ID && o.Region == s.Region })
		if at < 0 {
			all = append(all, s)
		} else if s.Mine && !all[at].Mine {
			all[at] = s
		}
	}
	if all == nil && slices.ContainsFunc(errs, func(err error) bool { return err == nil }) {
		all = []openSession{}
	}
	return all, errors.Join(append(failed, errs...)...)
}

func sessionsAt(ctx context.Context, p place, dead []ledgerSession, alive map[string]int) ([]openSession, error) {
	var named sync.WaitGroup
	var who aws.Account
	named.Go(func() { who, _ = account.Identify(ctx, p.cfg) }) // without it, those of this machine are mine all the same
	listed, err := session.List(ctx, p.cfg, "")
	named.Wait()
	var out []openSession
	for _, l := range listed {
		s := openSession{Listed: l, Profile: p.account.Profile, Region: p.account.Region, PID: alive[l.ID], cfg: p.cfg}
		s.Orphan = slices.ContainsFunc(dead, func(d ledgerSession) bool { return d.ID == l.ID })
		s.Mine = s.Orphan || s.PID != 0 || who.ARN != "" && l.Owner == who.ARN
		out = append(out, s)
	}
	return out, err
}

// terminateSessions shows, asks and ends. l.Terminated has those that were ended.
func (a *app) terminateSessions(ctx context.Context, flags sessionsFlags, l *sessionList) error {
	if len(l.Sessions) == 0 {
		return nil
	}
	if !flags.yes {
		if err := a.askToTerminate(ctx, l.Sessions); err != nil {
			return err
		}
	}
	var failed []error
	for _, s := range l.Sessions {
		if err := session.Terminate(ctx, s.cfg, s.ID); err != nil {
			failed = append(failed, err)
			continue
		}
		l.Terminated = append(l.Terminated, s.ID)
	}
	if err := a.ledger.strike(l.Terminated...); err != nil {
		fmt.Fprintf(a.Stderr, "warning: the note of this machine's sessions was not updated: %v\n", err)
	}
	return errors.Join(failed...)
}

func (a *app) askToTerminate(ctx context.Context, list []openSession) error {
	ask := newAsker(a)
	if !ask.can {
		ids := make([]string, len(list))
		for i, s := range list {
			ids[i] = s.ID
		}
		return usage("rdsx sessions --terminate "+engine.Quote(ids)+" --yes", "there is nobody to confirm that %s may be ended", count(len(list), "session"))
	}
	if err := printTable(a.Stderr, sessionRows(list)); err != nil {
		return err
	}
	answer, err := ask.line(ctx, fmt.Sprintf("End %s? [y/N] ", count(len(list), "session")))
	if err != nil {
		return err
	}
	if !strings.EqualFold(answer, "y") && !strings.EqualFold(answer, "yes") {
		return errors.New("nothing was ended")
	}
	return nil
}

func (a *app) printSessions(l sessionList, flags sessionsFlags) error {
	if a.flags.json {
		enc := json.NewEncoder(a.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(l)
	}
	for _, e := range l.Errors {
		fmt.Fprintf(a.Stderr, "rdsx: not listed: %s\n", e)
	}
	switch {
	case len(l.Sessions) == 0 && flags.mine:
		fmt.Fprintln(a.Stderr, "no session of yours is open")
		return nil
	case len(l.Sessions) == 0:
		fmt.Fprintln(a.Stderr, "no session is open")
		return nil
	}
	if flags.terminate {
		for _, id := range l.Terminated {
			fmt.Fprintf(a.Stdout, "ended %s\n", printable(id))
		}
		return nil
	}
	return printTable(a.Stdout, sessionRows(l.Sessions))
}

// sessionRows is the table: where the sessions are is told when that differs.
func sessionRows(list []openSession) [][]string {
	rows := [][]string{{"SESSION", "THROUGH", "STARTED", "STATE", "OWNER", "DOCUMENT", "REASON", "NOTE"}}
	several := slices.ContainsFunc(list, func(s openSession) bool { return s.Profile != list[0].Profile || s.Region != list[0].Region })
	if several {
		rows[0] = append([]string{"PROFILE", "REGION"}, rows[0]...)
	}
	for _, s := range list {
		row := []string{s.ID, s.Target, s.Started.Local().Format(time.DateTime), s.Status, shortARN(s.Owner), s.Document, s.Reason, s.note()}
		if several {
			row = append([]string{s.Profile, s.Region}, row...)
		}
		rows = append(rows, row)
	}
	return rows
}

// shortARN is what tells an owner apart within an account: user/mika, assumed-role/operator/mika.
func shortARN(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[5]
	}
	return arn
}
