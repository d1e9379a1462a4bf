package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// listTime is how long a process may take to tell its tunnels. One that is stopped does not answer at all.
	listTime = 3 * time.Second
	// endTime is how long it may take to end some: each of their sessions is ended at AWS first.
	endTime = time.Minute
	// leaveTime is how long a process that has nothing left is waited for.
	leaveTime = 10 * time.Second

	mostReply = 64 << 20 // bytes
)

// peer is another rdsx process of this user with its tunnels.
type peer struct {
	path    string // of its socket
	tunnels []openTunnel
}

// silentPeer is the error of a process that does not answer.
type silentPeer struct {
	path string // of its socket
	err  error
}

func (s *silentPeer) Error() string {
	return fmt.Sprintf("process %d does not answer: %v", pidOf(s.path), s.err)
}

func (s *silentPeer) Unwrap() error { return s.err }

// peers asks every rdsx process of this user on this machine for its tunnels. Sockets that the dead have left are removed.
// silent names the processes that do not answer.
func (a *app) peers(ctx context.Context) (all []peer, silent []error) {
	all, errs := a.peersBut(ctx, nil)
	for _, err := range errs {
		silent = append(silent, err)
	}
	return all, silent
}

// peersBut is peers without those at some sockets.
func (a *app) peersBut(ctx context.Context, without map[string]bool) (all []peer, silent []*silentPeer) {
	var paths []string
	for _, dir := range a.runFolders() {
		paths = append(paths, slices.DeleteFunc(socketsIn(dir, socketEnd), func(path string) bool { return without[path] })...)
		for _, path := range socketsIn(dir, reportEnd) {
			clearAway(path, reportAge)
		}
	}
	replies, errs := make([]boardReply, len(paths)), make([]error, len(paths))
	var asked sync.WaitGroup
	for i, path := range paths {
		asked.Go(func() { replies[i], errs[i] = askBoard(ctx, path, boardRequest{Ask: askList}, listTime) })
	}
	asked.Wait()
	for i, err := range errs {
		switch {
		case isDead(err):
			clearAway(paths[i], socketAge)
		case err != nil:
			silent = append(silent, &silentPeer{paths[i], err})
		default:
			p := peer{paths[i], replies[i].Tunnels}
			for j := range p.tunnels {
				p.tunnels[j].socket = p.path
			}
			all = append(all, p)
		}
	}
	return all, silent
}

// escaped is a folder's name as a pattern that matches it alone.
func escaped(dir string) string {
	if filepath.Separator == '\\' { // Windows has no escapes, and no such characters but these in names
		return strings.NewReplacer("[", "?", "]", "?").Replace(dir)
	}
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(dir)
}

// askBoard puts one request to a process.
func askBoard(ctx context.Context, path string, q boardRequest, within time.Duration) (r boardReply, err error) {
	ctx, stop := context.WithTimeout(ctx, within)
	defer stop()
	c, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return r, err
	}
	defer c.Close()                                                                          //nolint:errcheck // all has been read
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Now().Add(-time.Hour)) })() // ends the read
	q.Version = boardVersion
	if err := json.NewEncoder(c).Encode(q); err != nil {
		return r, err
	}
	if err := json.NewDecoder(io.LimitReader(c, mostReply)).Decode(&r); err != nil {
		return r, cmp.Or(ctx.Err(), err)
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	if r.Leaving {
		_ = c.SetReadDeadline(time.Now().Add(leaveTime))
		_, _ = io.Copy(io.Discard, c) // nothing comes but the end
	}
	return r, nil
}

// openTunnels are those of all processes, the oldest first.
func openTunnels(all []peer) []openTunnel {
	var order []*openTunnel // pointers sort faster, and share their code with others
	for _, p := range all {
		for i := range p.tunnels {
			order = append(order, &p.tunnels[i])
		}
	}
	slices.SortFunc(order, func(x, y *openTunnel) int {
		return cmp.Or(x.Started.Compare(y.Started), cmp.Compare(x.PID, y.PID), cmp.Compare(x.ID, y.ID))
	})
	out := make([]openTunnel, 0, len(order))
	for _, t := range order {
		out = append(out, *t)
	}
	return out
}

// called says whether the tunnel is meant by NAME, SET, TARGET, ADDRESS or :PORT.
func (t openTunnel) called(name string) bool {
	if port, ok := strings.CutPrefix(name, ":"); ok {
		_, local, err := net.SplitHostPort(t.Local)
		return err == nil && port == local
	}
	host, _, _ := net.SplitHostPort(t.Endpoint)
	return name != "" && slices.Contains([]string{t.Name, t.Set, t.Database, t.Endpoint, host, t.Local}, name)
}
