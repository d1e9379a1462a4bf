package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/aws"
)

const psLong = `ps lists the tunnels that are open on this machine, of every rdsx of yours: connect, exec, up and the screens. It asks the
processes themselves, and nothing of AWS.`

func (a *app) newPs() *cobra.Command {
	return &cobra.Command{
		Use:     "ps",
		Short:   "List the tunnels that are open on this machine",
		Long:    psLong,
		Example: "  rdsx ps\n  rdsx ps --json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.ps(cmd.Context()) },
	}
}

// tunnelList is the JSON of rdsx ps and rdsx down. Fields are only ever added.
type tunnelList struct {
	Tunnels []openTunnel `json:"tunnels"`
	Errors  []string     `json:"errors,omitempty"`
}

func (a *app) ps(ctx context.Context) error {
	all, silent := a.peers(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	l := tunnelList{Tunnels: openTunnels(all), Errors: texts(silent)}
	if a.flags.json {
		return a.printTunnels(l)
	}
	a.saySilent(silent)
	if len(l.Tunnels) == 0 {
		fmt.Fprintln(a.Stderr, "no tunnel is open")
		return nil
	}
	return printTable(a.Stdout, tunnelRows(l.Tunnels, time.Now()))
}

func (a *app) printTunnels(l tunnelList) error {
	enc := json.NewEncoder(a.Stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(l)
}

func (a *app) saySilent(silent []error) {
	for _, err := range silent {
		fmt.Fprintf(a.Stderr, "rdsx: not listed: %s\n", printable(err.Error()))
	}
}

func texts(errs []error) []string {
	var out []string
	for _, err := range errs {
		out = append(out, err.Error())
	}
	return out
}

// tunnelRows is the table. What some of the tunnels have has a column only then.
func tunnelRows(list []openTunnel, now time.Time) [][]string {
	some := func(has func(openTunnel) bool) bool { return slices.ContainsFunc(list, has) }
	profile := some(func(t openTunnel) bool { return t.Profile != "" })
	note := some(func(t openTunnel) bool { return t.note() != "" })
	rows := [][]string{{"NAME", "LOCAL", "STATE", "UP", "DOWN", "CONNS", "AGE", "PID", "BY"}}
	for _, t := range list {
		rows = append(rows, []string{
			t.Name, t.Local, string(t.State), size(t.Up), size(t.Down), strconv.Itoa(len(t.Connections)), age(now.Sub(t.Started)),
			strconv.Itoa(t.PID), t.by(),
		})
	}
	add := func(wanted bool, title string, of func(openTunnel) string) {
		if !wanted {
			return
		}
		rows[0] = append(rows[0], title)
		for i, t := range list {
			rows[i+1] = append(rows[i+1], of(t))
		}
	}
	add(profile, "PROFILE", func(t openTunnel) string { return t.Profile })
	add(note, "NOTE", openTunnel.note)
	return rows
}

// by is the command that holds the tunnel open, with the set that it was named by.
func (t openTunnel) by() string {
	if t.Set != "" {
		return t.Command + " " + t.Set
	}
	return t.Command
}

// note is why the tunnel does not work as it should.
func (t openTunnel) note() string {
	if t.State == aws.StateDegraded || t.State == aws.StateResuming {
		return t.Reason
	}
	return ""
}

// age is a length of time in its two largest units.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
}
