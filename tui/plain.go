package tui

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/pick"
	"github.com/rdsx/rdsx/tui/targets"
)

// Plain is the same flow as Run for screen readers and terminals that cannot draw: numbered lines and prompts, nothing
// redrawn, no colour. It ends like Run.
func Plain(ctx context.Context, deps Deps, in io.Reader, out io.Writer) ([]aws.Tunnel, error) {
	within, stop := context.WithCancel(ctx)
	defer stop()
	p := &plain{deps: deps, out: out, lines: linesOf(within, in), reg: newRegistry()}
	defer p.reg.seal()
	err := p.run(within)
	stop()
	return p.reg.seal(), err
}

// plain is a conversation. Tunnels are numbered as they are opened.
type plain struct {
	deps   Deps
	out    io.Writer
	lines  <-chan string
	reg    *registry
	rows   []targets.Row
	opened int
}

// errLeft says that the user has had enough.
var errLeft = errors.New("left")

// linesOf reads lines in the background. A read of a terminal cannot be cancelled: the goroutine ends with its input, with
// its next line after ctx, or with the process.
func linesOf(ctx context.Context, in io.Reader) <-chan string {
	out := make(chan string)
	go func() {
		defer close(out)
		s := bufio.NewScanner(in)
		for s.Scan() {
			select {
			case out <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func (p *plain) say(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

// ask prints a prompt and returns the answer. It reports errLeft at the end of the input.
func (p *plain) ask(ctx context.Context, prompt string) (string, error) {
	fmt.Fprint(p.out, prompt+" ")
	select {
	case line, ok := <-p.lines:
		if !ok {
			return "", errLeft
		}
		return strings.TrimSpace(line), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (p *plain) run(ctx context.Context) error {
	p.scan(ctx)
	for {
		err := p.turn(ctx)
		if errors.Is(err, errLeft) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// scan lists everything and says what could not be listed.
func (p *plain) scan(ctx context.Context) {
	p.say("Looking for databases.")
	byKey := map[string]int{}
	p.rows = nil
	p.deps.Catalogue.Scan(ctx, func(f Finding) {
		for _, r := range f.Rows {
			if i, known := byKey[r.Key()]; known {
				p.rows[i] = r
				continue
			}
			byKey[r.Key()] = len(p.rows)
			p.rows = append(p.rows, r)
		}
		if f.Err != nil {
			p.say("Not listed: %s", chrome.Clean(f.Err.Error()))
			if next := aws.NextOf(f.Err); next != "" {
				p.say("  hint: %s", chrome.Clean(next))
			}
		}
	})
	p.say("%s found.", plural(len(p.rows), "target"))
}

// turn is one command: a search, or something to do with the tunnels.
func (p *plain) turn(ctx context.Context) error {
	line, err := p.ask(ctx, "Search, or t tunnels, x N close, q quit:")
	if err != nil {
		return err
	}
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case line == "q":
		return p.quit(ctx)
	case line == "t":
		p.tunnels()
	case word == "x":
		return p.close(ctx, strings.TrimSpace(rest))
	default:
		return p.choose(ctx, line)
	}
	return nil
}

// mostLines is how many finds are read out.
const mostLines = 20

func (p *plain) choose(ctx context.Context, query string) error {
	finds := p.find(query)
	if len(finds) == 0 {
		p.say("Nothing matches.")
		return nil
	}
	for i, r := range finds[:min(len(finds), mostLines)] {
		p.say("%d. %s", i+1, describe(r))
	}
	if n := len(finds) - mostLines; n > 0 {
		p.say("And %d more: search for more letters.", n)
	}
	line, err := p.ask(ctx, "Number to open, Enter to search again:")
	if err != nil || line == "" {
		return err
	}
	n, err := strconv.Atoi(line)
	if err != nil || n < 1 || n > min(len(finds), mostLines) {
		p.say("%q is not one of the numbers.", chrome.Clean(line))
		return nil
	}
	return p.open(ctx, finds[n-1])
}

func (p *plain) find(query string) []targets.Row {
	var index pick.Index
	var ids []int32
	for _, r := range p.rows {
		ids = append(ids, int32(index.Add(pick.Item{Title: title(r), Words: []string{r.Account.Profile, r.Account.Region, r.Target().Engine}})))
	}
	q := pick.Parse(query)
	if q.Empty() {
		return p.rows
	}
	var finder pick.Finder
	finder.Source(ids)
	var out []targets.Row
	for _, id := range finder.Find(&index, q) {
		out = append(out, p.rows[id])
	}
	return out
}

func title(r targets.Row) string {
	if r.Instance != nil {
		return chrome.Clean(strings.TrimSpace(r.Instance.Name + " " + r.Instance.ID))
	}
	return name(r.Target())
}

func describe(r targets.Row) string {
	parts := []string{title(r)}
	if r.Database != nil {
		parts = append(parts, string(r.Database.Role), r.Database.Engine, r.Database.Status)
	}
	if r.Unusable != "" {
		parts = append(parts, "cannot be opened: "+r.Unusable)
	}
	return chrome.Clean(strings.Join(parts, ", "))
}

func (p *plain) open(ctx context.Context, r targets.Row) error {
	t := r.Target()
	if r.Instance != nil {
		line, err := p.ask(ctx, "host:port behind it, or a port of its own:")
		if err != nil {
			return err
		}
		e, problem := targets.ParseHost(line)
		if problem != "" {
			p.say("%s.", problem)
			return nil
		}
		t.Endpoint = e
	}
	if r.Unusable != "" || t.Instance.ID == "" {
		p.say("It cannot be opened: %s", chrome.Clean(r.Unusable))
		if r.Next != "" {
			p.say("  hint: %s", chrome.Clean(r.Next))
		}
		return nil
	}
	port, err := p.port(ctx, t)
	if err != nil || port == 0 {
		return err
	}
	tunnel, err := p.deps.Opener.Open(ctx, t, port)
	if err != nil {
		p.say("Not opened: %s", chrome.Clean(err.Error()))
		return nil
	}
	p.opened++
	p.reg.add(p.opened, tunnel)
	if err := p.deps.Memory.Remember(t, port, false); err != nil {
		p.say("The port was not kept: %s", chrome.Clean(err.Error()))
	}
	return p.await(ctx, tunnel)
}

// port asks for the local port until it is free; an empty answer takes the proposal, and no proposal goes back.
func (p *plain) port(ctx context.Context, t aws.Target) (int, error) {
	proposal, _ := p.deps.Memory.Port(t)
	if proposal == 0 {
		proposal = t.Endpoint.Port
	}
	for tries := 0; tries < 100; tries++ {
		if holder, err := p.deps.Check(proposal); holder == "" && err == nil {
			break
		}
		proposal++
	}
	for {
		line, err := p.ask(ctx, fmt.Sprintf("Local port, Enter for %d, b to go back:", proposal))
		if err != nil || line == "b" {
			return 0, err
		}
		if line == "" {
			return proposal, nil
		}
		n, err := strconv.Atoi(line)
		if err != nil || n < 1 || n > 65535 {
			p.say("A port is a number from 1 to 65535.")
			continue
		}
		holder, err := p.deps.Check(n)
		switch {
		case err != nil:
			p.say("%d cannot be used: %s", n, chrome.Clean(err.Error()))
		case holder != "":
			p.say("%d is taken by %s.", n, chrome.Clean(holder))
		default:
			return n, nil
		}
	}
}

// await says what becomes of a tunnel that is being opened.
func (p *plain) await(ctx context.Context, t Tunnel) error {
	tick := time.NewTicker(readFast / 2)
	defer tick.Stop()
	var seen uint64
	for {
		for _, ev := range t.Events(seen) {
			seen = ev.Seq
			if ev.Text != "" {
				p.say("%s", chrome.Clean(ev.Text))
			}
			if ev.Next != "" {
				p.say("  hint: %s", chrome.Clean(ev.Next))
			}
		}
		now := t.Snapshot()
		switch now.State {
		case aws.StateOpen, aws.StateIdle:
			p.say("Tunnel %d is open on %s.", p.opened, now.Local)
			copies, _ := p.deps.Desk.Uses(now)
			for _, c := range copies[min(1, len(copies)):] {
				p.say("%s: %s", c.Label, chrome.Clean(c.Text))
			}
			return nil
		case aws.StateClosed:
			p.say("Failed: %s", chrome.Clean(now.Reason))
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *plain) tunnels() {
	if p.opened == 0 {
		p.say("No tunnel is open.")
	}
	for id := 1; id <= p.opened; id++ {
		t := p.reg.get(id)
		if t == nil {
			p.say("%d. closed", id)
			continue
		}
		s := t.Snapshot()
		line := fmt.Sprintf("%d. %s on %s: %s, up %s, down %s, %s open", id, name(s.Target), s.Local, s.State, humanize.Bytes(s.Up), humanize.Bytes(s.Down), plural(len(s.Conns), "connection"))
		if s.Reason != "" {
			line += ": " + chrome.Clean(s.Reason)
		}
		p.say("%s", line)
	}
}

// close ends a tunnel, after a question where connections would be cut.
func (p *plain) close(ctx context.Context, which string) error {
	id, err := strconv.Atoi(which)
	var t Tunnel
	if err == nil {
		t = p.reg.get(id)
	}
	if t == nil {
		p.say("%q is not the number of an open tunnel; t lists them.", chrome.Clean(which))
		return nil
	}
	if ok, err := p.sure(ctx, t.Snapshot()); err != nil || !ok {
		return err
	}
	p.reg.close(id)
	p.say("Closed.")
	return nil
}

func (p *plain) quit(ctx context.Context) error {
	for id := 1; id <= p.opened; id++ {
		if t := p.reg.get(id); t != nil {
			if ok, err := p.sure(ctx, t.Snapshot()); err != nil || !ok {
				return err
			}
		}
	}
	return errLeft
}

// sure asks before connections are cut.
func (p *plain) sure(ctx context.Context, t aws.Tunnel) (bool, error) {
	if len(t.Conns) == 0 || t.State == aws.StateClosed {
		return true, nil
	}
	line, err := p.ask(ctx, fmt.Sprintf("%s to %s will be cut. y to go on:", plural(len(t.Conns), "connection"), name(t.Target)))
	return line == "y" || line == "yes", err
}
