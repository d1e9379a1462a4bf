package cli

import (
	"path/filepath"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session"
)

// payloads keeps which size of message the gateway of each region was found to take, so that --payload auto has not to try it
// again in each session. What it knows is tried before it is used all the same.
type payloads struct {
	path   string // "" keeps nothing
	region string
}

// learntPayloads is the file.
type learntPayloads struct {
	Version int                      `json:"version"`
	Regions map[string]learntPayload `json:"regions"`
}

type learntPayload struct {
	Bytes int       `json:"bytes"`
	At    time.Time `json:"at"`
}

// payloadLife is how long a size is believed: a gateway may learn, too.
const payloadLife = 30 * 24 * time.Hour

// payloadsOf are those of a region, or of the endpoint that stands for all of AWS.
func (a *app) payloadsOf(region, endpoint string) payloads {
	dir := a.home("XDG_STATE_HOME", ".local/state", "Library/Application Support", "LocalAppData")
	if dir == "" {
		return payloads{}
	}
	if endpoint != "" {
		region += " " + endpoint
	}
	return payloads{path: filepath.Join(dir, "rdsx", "payloads.json"), region: region}
}

// best is the size to use now: what was learnt, or session.PayloadAuto.
func (p payloads) best(now time.Time) int {
	got := p.read().Regions[p.region]
	if got.Bytes < 1024 || got.Bytes > 32<<10 || now.Sub(got.At) > payloadLife {
		return session.PayloadAuto
	}
	return got.Bytes
}

// learn keeps what a session has found out. One that never had to send much has found out nothing, nor has one in basic mode.
func (p payloads) learn(s aws.SessionStats, now time.Time) {
	if p.path == "" || !s.Settled || !s.Mux || s.Payload == 0 {
		return
	}
	all := p.read()
	if was := all.Regions[p.region]; was.Bytes == s.Payload && now.Sub(was.At) < payloadLife/2 {
		return
	}
	all.Version, all.Regions[p.region] = filesVersion, learntPayload{Bytes: s.Payload, At: now}
	_ = writeJSON(p.path, all) // what cannot be kept is found out again
}

func (p payloads) read() learntPayloads {
	var all learntPayloads
	if p.path == "" || readJSON(p.path, &all) != nil || all.Version != filesVersion || all.Regions == nil {
		return learntPayloads{Regions: map[string]learntPayload{}}
	}
	return all
}
