package targets

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/pick"
)

// entry is a row with everything that is drawn and compared, made once: names come from outside and are cleaned here.
type entry struct {
	Row
	key     string
	scan    int // the last scan that saw it; 0 for the cache
	name    string
	role    string
	engine  string
	account string
	region  string
	order   int // of its kind: endpoints, then hosts, then nodes
	sort    string
}

// store is the rows and their index.
type store struct {
	rows   []entry
	byKey  map[string]int32
	index  *pick.Index
	sorted []int32 // all rows, the most recently used first, then by name
	finder *pick.Finder
	pinned map[string]aws.Instance // instances that the user chose, by row
	widest columns
}

// columns are widths in cells.
type columns struct{ name, role, engine, account, region, used int }

func newStore() store {
	return store{byKey: map[string]int32{}, index: &pick.Index{}, finder: &pick.Finder{}, pinned: map[string]aws.Instance{}}
}

func newEntry(r Row, scan int) entry {
	e := entry{Row: r, key: r.Key(), scan: scan, region: chrome.Clean(r.Account.Region)}
	e.account = chrome.Clean(cmp.Or(r.Alias, r.Account.Profile, r.Account.ID))
	switch {
	case r.Database != nil:
		e.name, e.role, e.engine = chrome.Clean(r.Database.ID), string(r.Database.Role), engineName(r.Database.Engine)
	case r.Instance != nil:
		e.name, e.role, e.engine, e.order = chrome.Clean(cmp.Or(r.Instance.Name, r.Instance.ID)), "node", strings.ToLower(r.Instance.Platform), 2
	default:
		e.name, e.role, e.order = chrome.Clean(r.Endpoint.String()), "host", 1
	}
	e.role, e.engine = chrome.Clean(e.role), chrome.Clean(e.engine)
	e.sort = strings.ToLower(e.name)
	return e
}

// engineName is short enough for a column: the preview has RDS's own name.
func engineName(rds string) string {
	switch {
	case rds == "aurora-postgresql":
		return "aurora-pg"
	case strings.HasPrefix(rds, "oracle-"):
		return "oracle"
	case strings.HasPrefix(rds, "sqlserver-"):
		return "sqlserver"
	case strings.HasPrefix(rds, "db2-"):
		return "db2"
	}
	return rds
}

// item is what the search looks at.
func (e *entry) item() pick.Item {
	it := pick.Item{Title: e.name, Words: []string{e.role, e.engine, e.account, e.region}}
	add := func(words ...string) {
		for _, w := range words {
			if w = chrome.Clean(w); w != "" && !slices.Contains(it.Words, w) {
				it.Words = append(it.Words, w)
			}
		}
	}
	add(e.Account.ID, e.Account.Profile)
	tags := map[string]string{}
	switch {
	case e.Database != nil:
		add(e.Database.VPC, e.Database.Engine, e.Database.Cluster)
		it.Whole = []string{chrome.Clean(e.Database.Endpoint.String())}
		tags = e.Database.Tags
	case e.Instance != nil:
		add(e.Instance.VPC, e.Instance.ID)
		it.Whole = []string{e.Instance.IP}
		tags = e.Instance.Tags
	}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		if k != "Name" {
			add(k + "=" + tags[k])
		}
	}
	return it
}

// put adds rows or replaces those with the same key. Rows of the cache (scan 0) never replace found ones.
func (s *store) put(rows []Row, scan int) {
	for _, r := range rows {
		e := newEntry(r, scan)
		id, known := s.byKey[e.key]
		if known && scan == 0 {
			continue
		}
		if known && e.LastUsed.IsZero() {
			e.LastUsed = s.rows[id].LastUsed
		}
		if via, ok := s.pinned[e.key]; ok {
			e.Row = pin(e.Row, via)
		}
		if known {
			s.rows[id] = e
			s.index.Set(int(id), e.item())
			continue
		}
		s.rows = append(s.rows, e)
		s.byKey[e.key] = int32(s.index.Add(e.item()))
	}
	s.arrange()
}

// pin makes the row go through an instance that the user chose.
func pin(r Row, via aws.Instance) Row {
	r.Via, r.Why, r.Reach, r.Unusable, r.Next = via, "chosen by you", ReachUnknown, "", ""
	return r
}

// keep drops the rows that do not pass and builds the index anew.
func (s *store) keep(pass func(*entry) bool) {
	old := s.rows
	kept := newStore()
	kept.pinned = s.pinned
	for i := range old {
		if pass(&old[i]) {
			kept.rows = append(kept.rows, old[i])
			kept.byKey[old[i].key] = int32(kept.index.Add(old[i].item()))
		}
	}
	if len(kept.rows) < len(old) {
		*s = kept
		s.arrange()
	}
}

// arrange sorts all rows, the order that breaks ties of the search too, and measures the columns.
func (s *store) arrange() {
	s.widest = columns{}
	for id := len(s.sorted); id < len(s.rows); id++ {
		s.sorted = append(s.sorted, int32(id))
	}
	for i := range s.rows {
		e := &s.rows[i]
		w := &s.widest
		w.name, w.role, w.engine = max(w.name, width(e.name)), max(w.role, width(e.role)), max(w.engine, width(e.engine))
		w.account, w.region = max(w.account, width(e.account)), max(w.region, width(e.region))
		if !e.LastUsed.IsZero() {
			w.used = 9
		}
	}
	slices.SortFunc(s.sorted, func(a, b int32) int { return s.rows[a].compare(&s.rows[b]) })
}

func (e *entry) compare(o *entry) int {
	return cmp.Or(
		o.LastUsed.Compare(e.LastUsed),
		e.order-o.order,
		strings.Compare(e.sort, o.sort),
		roleRank(e.role)-roleRank(o.role),
		strings.Compare(e.account, o.account),
		strings.Compare(e.region, o.region),
		strings.Compare(e.key, o.key),
	)
}

// roleRank puts the endpoint that is mostly wanted first.
func roleRank(role string) int {
	return slices.Index([]string{string(aws.RoleWriter), string(aws.RoleProxy), string(aws.RoleReader), string(aws.RoleCustom)}, role)
}

// counts are the numbers of the status line.
func (s *store) counts() (databases, nodes int) {
	for i := range s.rows {
		switch {
		case s.rows[i].Database != nil:
			databases++
		case s.rows[i].Instance != nil:
			nodes++
		}
	}
	return databases, nodes
}
