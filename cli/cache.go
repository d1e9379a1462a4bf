package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/discover"
	"github.com/rdsx/rdsx/tui/targets"
)

// cache is what was found in each account and region last time: a file each, 0600 in folders of 0700, with names and endpoints
// and never a secret. A file that cannot be read is as good as none.
type cache struct{ dir string } // "" keeps nothing

// list is a file of the cache: one place as one profile sees it.
type list struct {
	At      time.Time
	Account aws.Account
	Denied  []string
	Rows    []targets.Row
}

// cache finds the folder of this configuration's lists.
func (a *app) cache() cache {
	dir := a.home("XDG_CACHE_HOME", ".cache", "Library/Caches", "LocalAppData")
	if dir == "" || a.flags.many.noCache {
		return cache{}
	}
	// Whoever points rdsx at another configuration or another AWS has other lists.
	key := []string{a.flags.endpointURL, a.getenv("AWS_ENDPOINT_URL"), a.getenv("AWS_CONFIG_FILE"), a.getenv("AWS_SHARED_CREDENTIALS_FILE"), a.getenv("AWS_ACCESS_KEY_ID")}
	return cache{filepath.Join(dir, "rdsx", "lists-"+digest(key...))}
}

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

func (c cache) path(of aws.Account) string {
	return filepath.Join(c.dir, digest(of.Profile)+"-"+filepath.Base(of.Region)+".list")
}

// open reads the list of a place without its nodes, false when there is none. nodes reads these; it is to be called once at most,
// and gives none when the file breaks off.
func (c cache) open(of aws.Account) (l list, nodes func() []targets.Row, ok bool) {
	if c.dir == "" {
		return list{}, nil, false
	}
	f, err := os.Open(c.path(of))
	if err != nil {
		return list{}, nil, false
	}
	defer f.Close() //nolint:errcheck // it was only read
	var text strings.Builder
	if info, err := f.Stat(); err == nil {
		text.Grow(int(info.Size()))
	}
	if _, err := io.Copy(&text, f); err != nil {
		return list{}, nil, false
	}
	return openList(text.String(), of)
}

func openList(text string, of aws.Account) (l list, nodes func() []targets.Row, ok bool) {
	r := &codec{}
	if r.in, ok = strings.CutPrefix(text, magic); !ok {
		return list{}, nil, false
	}
	r.head(&l)
	l.Rows = r.rows(nil)
	if r.failed || l.Account.Profile != of.Profile || l.Account.Region != of.Region {
		return list{}, nil, false
	}
	return l, func() []targets.Row {
		if all := r.rows(nil); !r.failed && r.at == len(r.in) {
			return all
		}
		return nil
	}, true
}

// read is the list of a place, false when there is none.
func (c cache) read(of aws.Account) (list, bool) {
	l, nodes, ok := c.open(of)
	if ok {
		l.Rows = append(l.Rows, nodes()...)
	}
	return l, ok
}

// keep writes the list of a place. What cannot be kept is found again.
func (c cache) keep(of aws.Account, denied []string, rows []targets.Row) {
	if c.dir == "" {
		return
	}
	var others, nodes []targets.Row
	for _, r := range rows {
		if r.Instance != nil {
			nodes = append(nodes, r)
		} else {
			others = append(others, r)
		}
	}
	w := &codec{writing: true, known: map[string]uint64{}, out: []byte(magic)}
	w.head(&list{At: time.Now(), Account: of, Denied: denied})
	w.rows(others)
	w.rows(nodes)
	_ = writeFile(c.path(of), w.out)
}

// inventory is what a list says was there.
func (l list) inventory() discover.Inventory {
	inv := discover.Inventory{Account: l.Account, Denied: l.Denied}
	for _, r := range l.Rows {
		switch {
		case r.Database != nil:
			inv.Databases = append(inv.Databases, *r.Database)
		case r.Instance != nil:
			inv.Instances = append(inv.Instances, *r.Instance)
		}
	}
	inv.Sort()
	return inv
}

// young is how old a list may be to be taken for the truth where being wrong costs little: names behind Tab.
const young = 10 * time.Minute
