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

// watchServing asks the server behind a writer endpoint what it is, where the engine tells that before a login: Redis and
// DocumentDB do. It asks when the tunnel is ready, and whenever the target has moved or a session has started, and returns when
// the tunnel is over or ctx ends.
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
	due := true
	for {
		for _, ev := range f.Events(seen) {
			seen = ev.Seq
			due = due || ev.Kind == aws.EventMoved || ev.Kind == aws.EventSession
		}
		state := f.Snapshot().State
		if state == aws.StateClosed {
			return
		}
		if due && (state == aws.StateIdle || state == aws.StateOpen) {
			due = false
			if as, ok := serving(ctx, e, f.Local(), t.Endpoint.Host); ok {
				f.SetServing(as)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// serving is what the server is where it should write and does not; ok says whether it has told.
func serving(ctx context.Context, e engine.Engine, local, host string) (as string, ok bool) {
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
	switch {
	case err != nil || info.Role == "":
		return "", false
	case info.Role == engine.RoleReader:
		return engine.RoleReader, true
	}
	return "", true
}
