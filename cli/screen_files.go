package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/targets"
)

// screenFiles is what the screens keep on disk: the last list in the cache, and in the state what was opened and on which
// port. Both hold names and endpoints, never a secret; both are 0600 in folders of 0700. A file that cannot be read is as
// good as none.
type screenFiles struct {
	cache, state string // paths; "" where there is no home to keep them in
	mu           sync.Mutex
	memory       memory
}

// memory is the state file.
type memory struct {
	Version int              `json:"version"`
	Used    map[string]visit `json:"used"` // by targets.Row.Key without the account's id
}

// visit is the last time that a target was opened.
type visit struct {
	At     time.Time    `json:"at"`
	Port   int          `json:"port"`
	Always bool         `json:"always,omitempty"`
	Row    *targets.Row `json:"row,omitempty"` // of a host:port, which no list brings back
}

const (
	filesVersion = 1
	mostVisits   = 500
)

// screenFiles finds the file of a list of places and reads the state.
func (a *app) screenFiles(places []place) *screenFiles {
	f := &screenFiles{memory: memory{Version: filesVersion, Used: map[string]visit{}}}
	if dir := a.home("XDG_CACHE_HOME", ".cache", "Library/Caches", "LocalAppData"); dir != "" {
		// Whoever points rdsx at another configuration or another AWS has another list.
		key := []string{a.flags.endpointURL, a.getenv("AWS_ENDPOINT_URL"), a.getenv("AWS_CONFIG_FILE"), a.getenv("AWS_ACCESS_KEY_ID")}
		for _, p := range places {
			key = append(key, p.account.Profile, p.account.Region)
		}
		sum := sha256.Sum256([]byte(strings.Join(key, "\x00")))
		f.cache = filepath.Join(dir, "rdsx", "targets-"+hex.EncodeToString(sum[:8])+".json")
	}
	if dir := a.home("XDG_STATE_HOME", ".local/state", "Library/Application Support", "LocalAppData"); dir != "" {
		f.state = filepath.Join(dir, "rdsx", "state.json")
	}
	f.read()
	return f
}

// home is one of the user's folders for files of programs, by the XDG variable, or the system's habit, or "".
func (a *app) home(variable, unix, mac, windows string) string {
	if dir := a.getenv(variable); filepath.IsAbs(dir) {
		return dir
	}
	if runtime.GOOS == "windows" {
		return a.getenv(windows)
	}
	home := a.getenv("HOME")
	switch {
	case home == "":
		return ""
	case runtime.GOOS == "darwin":
		return filepath.Join(home, mac)
	}
	return filepath.Join(home, unix)
}

// list is the cache file.
type list struct {
	Version int           `json:"version"`
	At      time.Time     `json:"at"`
	Rows    []targets.Row `json:"rows"`
}

// cached is the list of the last run.
func (f *screenFiles) cached() ([]targets.Row, time.Time) {
	var l list
	if f.cache == "" || readJSON(f.cache, &l) != nil || l.Version != filesVersion {
		return nil, time.Time{}
	}
	return l.Rows, l.At
}

// keep writes the list for the next run. What cannot be kept is found again.
func (f *screenFiles) keep(rows []targets.Row) {
	if f.cache != "" {
		_ = writeJSON(f.cache, list{Version: filesVersion, At: time.Now(), Rows: rows})
	}
}

func (f *screenFiles) read() {
	var m memory
	if f.state == "" || readJSON(f.state, &m) != nil || m.Version != filesVersion || m.Used == nil {
		return
	}
	f.memory = m
}

// used adds to each row when it was opened last.
func (f *screenFiles) used(rows []targets.Row) []targets.Row {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, r := range rows {
		if v, ok := f.memory.Used[keyOf(r)]; ok {
			rows[i].LastUsed = v.At
		}
	}
	return rows
}

// hosts adds the host:port rows of the account, which no list brings.
func (f *screenFiles) hosts(rows []targets.Row, acct aws.Account) []targets.Row {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := slices.Clone(rows)
	for _, v := range f.memory.Used {
		if r := v.Row; r != nil && r.Account.Profile == acct.Profile && r.Account.Region == acct.Region {
			row := *r
			row.Account = acct
			out = append(out, row)
		}
	}
	return out
}

// keyOf is the row's key without the account's id, which is not known before AWS has been asked.
func keyOf(r targets.Row) string {
	r.Account.ID = ""
	return r.Key()
}

func rowOf(t aws.Target) targets.Row {
	return targets.Row{Account: t.Account, Database: t.Database, Endpoint: t.Endpoint, Via: t.Instance, Why: "used last time"}
}

// Port implements tui.Memory.
func (f *screenFiles) Port(of aws.Target) (port int, always bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.memory.Used[keyOf(rowOf(of))]
	return v.Port, v.Always
}

// Remember implements tui.Memory. Another rdsx may have written in the meantime: its visits are kept.
func (f *screenFiles) Remember(target aws.Target, port int, always bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	row := rowOf(target)
	v := visit{At: time.Now(), Port: port, Always: always}
	if target.Database == nil {
		v.Row = &row
	}
	if f.state == "" {
		f.memory.Used[keyOf(row)] = v
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(f.state), 0o700); err != nil {
		return err
	}
	lock := flock.New(f.state + ".lock")
	if err := lock.Lock(); err != nil {
		return fmt.Errorf("lock %s: %w", f.state, err)
	}
	defer lock.Unlock() //nolint:errcheck // the process's end would do
	f.read()
	f.memory.Used[keyOf(row)] = v
	f.forget()
	return writeJSON(f.state, f.memory)
}

// forget drops the visits of longest ago.
func (f *screenFiles) forget() {
	var keys []string
	for k := range f.memory.Used {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return f.memory.Used[b].At.Compare(f.memory.Used[a].At) })
	for _, k := range keys[min(len(keys), mostVisits):] {
		delete(f.memory.Used, k)
	}
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// writeJSON replaces the file as a whole: whoever reads it meanwhile sees the old one or the new one.
func writeJSON(path string, v any) (err error) {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".rdsx-*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreMissing(os.Remove(tmp.Name())))
		}
	}()
	if _, err := tmp.Write(data); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
