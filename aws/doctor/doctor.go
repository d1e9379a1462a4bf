// Package doctor checks everything that a tunnel depends on, from the profile to the first words of the database, and says
// for each thing that is missing what causes it and which edit mends it.
//
// Checks run side by side. What may not be read is no failure: such a check says why it could not look and whom to ask for
// what. A failure that another one explains says so, so that what is left are the findings.
package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// ID names a check. It is stable: scripts depend on it.
type ID string

// Status is what came of a check.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Warned  Status = "warning" // it works, and may not for long
	Failed  Status = "failed"
	Unknown Status = "unknown" // could not be checked: Text says why, Ask what to ask for
	Skipped Status = "skipped" // there is nothing to check, or what it needs has failed
)

// Result is what came of one check.
type Result struct {
	ID      ID            `json:"check"`
	Title   string        `json:"title"`
	Status  Status        `json:"status"`
	Text    string        `json:"text"`              // one line: what was found
	Ask     string        `json:"ask,omitempty"`     // of Unknown: what to ask the account's owner for
	Because ID            `json:"because,omitempty"` // of Failed and Skipped: the check whose failure explains it
	Fixes   []aws.Fix     `json:"fixes,omitempty"`   // each of them mends it, the best first
	Profile *ProfileEdit  `json:"profile,omitempty"` // an edit of the config file that mends it, for --fix
	Took    time.Duration `json:"took_ns"`

	kind error // of package aws: what a failure is to the exit code
}

// ProfileEdit is an edit of a profile in ~/.aws/config.
type ProfileEdit struct {
	Name string            `json:"name"`
	Set  map[string]string `json:"set,omitempty"`
}

// Finding says whether the result is one that somebody has to act on.
func (r Result) Finding() bool {
	return r.Because == "" && (r.Status == Failed || r.Status == Warned)
}

// Kind is the kind of failure, of package aws, nil when it is none in particular.
func (r Result) Kind() error { return r.kind }

// Report is what came of all checks, in the order of Checks.
type Report struct {
	At      time.Time   `json:"at"`
	Account aws.Account `json:"account"`
	Target  *aws.Target `json:"target,omitempty"`
	Results []Result    `json:"checks"`
}

// Findings are the results that somebody has to act on.
func (r Report) Findings() []Result {
	return slices.DeleteFunc(slices.Clone(r.Results), func(r Result) bool { return !r.Finding() })
}

// Err is nil when nothing has failed, else an *aws.Hint of the worst finding's kind: what keeps from signing in is worse than
// what keeps from starting a session, and that is worse than what is on the way to the database.
func (r Report) Err() error {
	failed := slices.DeleteFunc(r.Findings(), func(r Result) bool { return r.Status != Failed })
	if len(failed) == 0 {
		return nil
	}
	worst := slices.MinFunc(failed, func(a, b Result) int { return cmp.Compare(badness(a.kind), badness(b.kind)) })
	text := fmt.Errorf("%s: %s", worst.Title, worst.Text)
	if n := len(failed) - 1; n > 0 {
		text = fmt.Errorf("%w (and %d more)", text, n)
	}
	next := ""
	if len(worst.Fixes) > 0 {
		next = cmp.Or(worst.Fixes[0].Command, worst.Fixes[0].Text)
	}
	return aws.Advise(text, worst.kind, next)
}

func badness(kind error) int {
	for i, k := range []error{aws.ErrSignIn, aws.ErrUsage, aws.ErrNotFound, aws.ErrRefusedByAWS, aws.ErrUnreachable, aws.ErrRefused} {
		if errors.Is(kind, k) {
			return i
		}
	}
	return 9
}

// check is one line of the table.
type check struct {
	id    ID
	title string
	// needs must not have failed or been skipped, or the check is skipped.
	needs []ID
	// causes are waited for: where one of them fails, it explains a failure of this check.
	causes []ID
	run    func(context.Context, *exam) Result
}

// Checks lists what Run will report on, in order: a screen can show the list before the first answer.
func Checks() []Result {
	var all []Result
	for _, c := range checks() {
		all = append(all, Result{ID: c.id, Title: c.title})
	}
	return all
}

// atMost bounds one check: a network that swallows packets must not hold the others up.
const atMost = 30 * time.Second

// Run does all checks. emit is called, never concurrently, with each result as it comes; nil for nobody. It returns when all
// have ended, those too that ctx cut short, which are Unknown.
func Run(ctx context.Context, o Options, emit func(Result)) Report {
	x := newExam(o)
	report := Report{At: x.now(), Account: o.Account}
	all := checks()
	ended := map[ID]*outcome{}
	for _, c := range all {
		ended[c.id] = &outcome{done: make(chan struct{})}
	}
	var running sync.WaitGroup
	var mu sync.Mutex
	for _, c := range all {
		running.Go(func() {
			mine := ended[c.id]
			mine.result = c.outcome(ctx, x, ended)
			close(mine.done)
			mu.Lock()
			defer mu.Unlock()
			if emit != nil {
				emit(mine.result)
			}
		})
	}
	running.Wait()
	for _, c := range all {
		report.Results = append(report.Results, ended[c.id].result)
	}
	if t, err := x.target(ctx); err == nil && t.Endpoint.Host != "" {
		report.Target = &t
	}
	if who, err := x.identity(ctx); err == nil {
		report.Account.ID, report.Account.ARN = who.ID, who.ARN
	}
	return report
}

type outcome struct {
	done   chan struct{}
	result Result // valid once done is closed
}

// outcome waits for what the check depends on, runs it, and puts the result together.
func (c check) outcome(ctx context.Context, x *exam, ended map[ID]*outcome) Result {
	var blocked, cause ID
	for _, id := range slices.Concat(c.needs, c.causes) {
		<-ended[id].done
		other := ended[id].result
		bad := other.Status == Failed || other.Status == Skipped && other.Because != ""
		if !bad {
			continue
		}
		root := cmp.Or(other.Because, id)
		if slices.Contains(c.needs, id) {
			blocked = cmp.Or(blocked, root)
		}
		cause = cmp.Or(cause, root)
	}
	r := Result{Status: Skipped, Because: blocked, Text: "not checked: " + titleOf(blocked) + " comes first"}
	began := time.Now()
	if blocked == "" {
		within, cancel := context.WithTimeout(ctx, atMost)
		r = c.run(within, x)
		cancel()
	}
	if r.Status == Failed && r.Because == "" {
		r.Because = cause
	}
	r.ID, r.Title, r.Took = c.id, c.title, time.Since(began)
	for i := range r.Fixes {
		r.Fixes[i].Command = inAccount(r.Fixes[i], x.Account)
	}
	return r
}

// inAccount names the region in a command whose service has regions, and the profile of an aws command: who types it may have
// others set.
func inAccount(fix aws.Fix, of aws.Account) string {
	command, region := fix.Command, of.Region
	profile := func(command string) string {
		if fix.Account != "" && fix.Account != of.ID || command != "aws" && !strings.HasPrefix(command, "aws ") {
			return command
		}
		return of.Typed(command)
	}
	if strings.Contains(command, "{region}") { // several commands, each of which has its place for it
		option := ""
		if region != "" {
			option = " --region " + region
		}
		option += strings.TrimPrefix(profile("aws"+option), "aws"+option)
		return strings.ReplaceAll(command, "{region}", option)
	}
	service := strings.HasPrefix(command, "aws ec2 ") || strings.HasPrefix(command, "aws ssm ") || strings.HasPrefix(command, "aws rds ")
	if !service || region == "" || strings.Contains(command, " --region ") {
		return profile(command)
	}
	return profile(command + " --region " + region)
}

func titleOf(id ID) string {
	for _, c := range checks() {
		if c.id == id {
			return c.title
		}
	}
	return string(id)
}

// The makers of results.

func ok(format string, args ...any) Result {
	return Result{Status: OK, Text: fmt.Sprintf(format, args...)}
}

func skipped(format string, args ...any) Result {
	return Result{Status: Skipped, Text: fmt.Sprintf(format, args...)}
}

func failed(kind error, text string, fixes ...aws.Fix) Result {
	return Result{Status: Failed, Text: text, Fixes: fixes, kind: kind}
}

func warned(text string, fixes ...aws.Fix) Result {
	return Result{Status: Warned, Text: text, Fixes: fixes}
}

func unknown(text, ask string) Result {
	return Result{Status: Unknown, Text: text, Ask: ask}
}
