package cli

import (
	"crypto/sha256"
	"encoding/hex"
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

// cacheVersion changes when a list of before would be misread.
const cacheVersion = 2

// list is a file of the cache: one place as one profile sees it.
type list struct {
	Version int           `json:"version"`
	At      time.Time     `json:"at"`
	Account aws.Account   `json:"account"`
	Denied  []string      `json:"denied,omitempty"`
	Rows    []targets.Row `json:"rows"`
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
	return filepath.Join(c.dir, digest(of.Profile)+"-"+filepath.Base(of.Region)+".json")
}

// read is the list of a place, false when there is none.
func (c cache) read(of aws.Account) (list, bool) {
	var l list
	if c.dir == "" || readJSON(c.path(of), &l) != nil || l.Version != cacheVersion || l.Account.Profile != of.Profile || l.Account.Region != of.Region {
		return list{}, false
	}
	return l, true
}

// keep writes the list of a place. What cannot be kept is found again.
func (c cache) keep(of aws.Account, denied []string, rows []targets.Row) {
	if c.dir != "" {
		_ = writeJSON(c.path(of), list{Version: cacheVersion, At: time.Now(), Account: of, Denied: denied, Rows: rows})
	}
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
