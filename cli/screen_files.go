package cli

import (
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

// screenFiles is what the screens keep on disk: the last lists in the cache, and in the state what was opened and on which
// port, and which accounts were looked at. Both hold names and endpoints, never a secret; both are 0600 in folders of 0700. A file that cannot be read is as
// good as none.
type screenFiles struct {
	cache  cache
	state  string // path; "" where there is no home to keep it in
	mu     sync.Mutex
	memory memory
}

// memory is the state file.
type memory struct {
	Version int              `json:"version"`
	Used    map[string]visit `json:"used"`          // by targets.Row.Key without the account's id
	Many    choice           `json:"many,omitzero"` // the accounts and regions that were looked at last, when they were several
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

// screenFiles reads the state.
func (a *app) screenFiles() *screenFiles {
	f := &screenFiles{cache: a.cache(), memory: memory{Version: filesVersion, Used: map[string]visit{}}}
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
	var last scope
	some := false
	for i := range rows {
		if of := (scope{rows[i].Account.Profile, rows[i].Account.Region}); i == 0 || of != last {
			last, some = of, f.anyUsed(of)
		}
		if !some {
			continue
		}
		if v, ok := f.memory.Used[keyOf(rows[i])]; ok {
			rows[i].LastUsed = v.At
		}
	}
	return rows
}

// anyUsed says whether anything of a profile and region was opened: of a hundred thousand rows, most need no key.
func (f *screenFiles) anyUsed(of scope) bool {
	prefix := "\x00" + of.profile + "\x00" + of.region + "\x00" // as Row.Key begins
	for key := range f.memory.Used {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
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
	return f.change(func(m *memory) {
		m.Used[keyOf(row)] = v
		f.forget()
	})
}

// rememberMany keeps which accounts and regions are looked at.
func (f *screenFiles) rememberMany(c choice) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.change(func(m *memory) { m.Many = c })
}

// change changes the state, on top of what others have written.
func (f *screenFiles) change(how func(*memory)) error {
	if f.state == "" {
		how(&f.memory)
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
	how(&f.memory)
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

// writeJSON replaces the file as a whole.
func writeJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeFile(path, data)
}

// writeFile replaces the file as a whole: whoever reads it meanwhile sees the old one or the new one.
func writeFile(path string, data []byte) (err error) {
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
