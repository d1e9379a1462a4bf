package cli

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/engine"
	"github.com/rdsx/rdsx/aws/forward"
)

// lookEvery is how often it is looked whether the server should be asked again.
const lookEvery = 2 * time.Second

// watchServing asks the server behind a writer endpoint what it is when the target has moved, where the engine tells that
// before a login: Redis and DocumentDB do. It returns when the tunnel is over or ctx ends.
func watchServing(ctx context.Context, f *forward.Forwarder, t aws.Target) {
	if t.Database == nil || t.Database.Role != aws.RoleWriter {
		return
	}
	e := engine.Of(t.Engine)
	if e.Family != engine.Redis && e.Family != engine.DocumentDB {
		return
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var seen uint64
	due := false
	for {
		for _, ev := range f.Events(seen) {
			seen = ev.Seq
			due = due || ev.Kind == aws.EventMoved
		}
		state := f.Snapshot().State
		if state == aws.StateClosed {
			return
		}
		if due && (state == aws.StateIdle || state == aws.StateOpen) {
			due = false
			if role := serving(ctx, e, f.Local(), t.Endpoint.Host); role != "" {
				f.SetServing(role)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// serving is the role that the server tells, "" when it does not.
func serving(ctx context.Context, e engine.Engine, local, host string) string {
	ctx, stop := context.WithTimeout(ctx, 2*engine.Patience)
	defer stop()
	dial := func(ctx context.Context) (net.Conn, error) {
		network := "tcp"
		if strings.HasPrefix(local, "/") {
			network = "unix"
		}
		var d net.Dialer
		return d.DialContext(ctx, network, local)
	}
	info, err := e.Probe(ctx, dial, host, nil)
	if err != nil {
		return ""
	}
	return info.Role
}
