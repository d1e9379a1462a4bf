package api

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
)

// answers keeps the answers to calls that only read, as they were written, until the world changes. Measurements switch it on:
// making the answers of a large world costs more than reading them.
type answers struct {
	mu    sync.Mutex
	world any // the generation that all is of
	all   map[string]*madeAnswer
}

// madeAnswer is an answer without the headers that every answer has of its own.
type madeAnswer struct {
	kind string // Content-Type
	body []byte
}

func (w *madeAnswer) write(rw http.ResponseWriter) {
	rw.Header().Set("Content-Type", w.kind)
	_, _ = rw.Write(w.body) // the client is gone if this fails
}

// keyOf is the key of a call, "" for one whose answer is not kept.
func (a *answers) keyOf(c *call) string {
	if a == nil || !strings.HasPrefix(c.name, "Describe") && !strings.HasPrefix(c.name, "List") || c.name == "DescribeSessions" {
		return ""
	}
	return strings.Join([]string{c.svc.name, c.name, c.place.Account, c.place.Region, c.id.ARN, c.form.Encode(), string(c.body)}, "\x00")
}

// find gives what was kept for a call, nil for nothing.
func (a *answers) find(c *call) *madeAnswer {
	key := a.keyOf(c)
	if key == "" {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := c.api.world.Generation(); now != a.world {
		a.world, a.all = now, map[string]*madeAnswer{}
	}
	return a.all[key]
}

// keep writes an answer and keeps it.
func (a *answers) keep(c *call, rw http.ResponseWriter, requestID string, v any) error {
	key := a.keyOf(c)
	if key == "" {
		return c.svc.wire.result(rw, c.name, requestID, v)
	}
	r := &recorder{header: http.Header{}}
	if err := c.svc.wire.result(r, c.name, requestID, v); err != nil {
		return err
	}
	w := &madeAnswer{r.header.Get("Content-Type"), r.body.Bytes()}
	a.mu.Lock()
	a.all[key] = w
	a.mu.Unlock()
	w.write(rw)
	return nil
}

// recorder is a http.ResponseWriter into memory.
type recorder struct {
	header http.Header
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }
func (r *recorder) WriteHeader(int)             {}
