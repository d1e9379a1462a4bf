package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/engine"
)

// there is the error of a target that another rdsx up carries already.
type there struct{ tunnel openTunnel }

func (t there) Error() string {
	text := fmt.Sprintf("it is open already, in process %d", t.tunnel.PID)
	if !t.works() {
		text += ", and " + string(t.tunnel.State)
	}
	if t.tunnel.Reason != "" {
		text += ": " + t.tunnel.Reason
	}
	return text
}

// works says that there is nothing to do. One that is about to be ready is waited for by whoever has opened it.
func (t there) works() bool {
	return usable(t.tunnel.State) || t.tunnel.State == aws.StateStarting || t.tunnel.State == aws.StateBinding
}

// already finds the tunnel that another rdsx up carries to the same target, on the port that is wanted if one is. What connect and
// the screens carry ends with them, so that it counts for nothing here. The caller has the lock.
func (u *upRun) already(ctx context.Context, r route, flags connectFlags) error {
	others := u.others(ctx)
	i := slices.IndexFunc(others, func(t openTunnel) bool {
		switch {
		case t.Command != "up" || t.Name != r.name || t.Endpoint != r.target.Endpoint.String():
			return false
		case t.Profile != r.target.Account.Profile || t.Region != r.target.Account.Region:
			return false
		case t.Local == "" || t.State == aws.StateClosed:
			return false
		}
		return flags.port == 0 || t.called(fmt.Sprintf(":%d", flags.port))
	})
	if i < 0 {
		return nil
	}
	found := there{others[i]}
	if found.works() {
		return found
	}
	return aws.Advise(found, nil, engine.Quote([]string{"rdsx", "down", r.name})+", then the same command again")
}

// others are the tunnels of all processes, as they are now. Who has not answered once carries nothing that could be relied on, and
// is not asked again: the next target would wait for it as well.
func (u *upRun) others(ctx context.Context) []openTunnel {
	u.silentMu.Lock()
	known := maps.Clone(u.silent)
	u.silentMu.Unlock()
	all, silent := u.app.peersBut(ctx, known)
	u.silentMu.Lock()
	defer u.silentMu.Unlock()
	for _, err := range silent {
		u.silent[err.path] = true
	}
	return openTunnels(all)
}

func (t *textAudience) already(r route, found there) {
	t.c.say(func() {
		fmt.Fprintln(t.c.out, t.c.address(printable(r.name), found.tunnel.Local, clientCommand(r.target, found.tunnel.Local)))
		t.a.sayFailed(t.c.err, r.name, found.Error(), "")
	})
}

func (j *jsonAudience) already(r route, found there) {
	_ = json.NewEncoder(j.out).Encode(struct {
		jsonLine
		PID int `json:"pid"` // of the process that carries it
	}{jsonLine{
		Event:  aws.Event{At: time.Now(), Kind: aws.EventState, State: found.tunnel.State, Text: found.Error()},
		Target: r.name, Local: found.tunnel.Local, Command: clientCommand(r.target, found.tunnel.Local),
	}, found.tunnel.PID})
}

func (l *reportLink) already(r route, found there) {
	(&jsonAudience{out: l}).already(r, found)
}

func (all audiences) already(r route, found there) {
	for _, one := range all {
		one.already(r, found)
	}
}
