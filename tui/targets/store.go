package targets

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

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
	filled int     // rows[:filled] are in the index; the others join it between two frames, or when a search needs them
	filing bool    // an indexMore is under way
	sorted []int32 // all rows, the most recently used first, then by name
	finder *pick.Finder
	pinned map[string]aws.Instance // instances that the user chose, by row
	widest columns
	// How many rows are database endpoints and how many are nodes.
	databases, nodes int
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
	s.rows = slices.Grow(s.rows, len(rows))
	moved := false // a known row sorts differently now
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
		s.measure(&e, !known)
		if known {
			moved = moved || s.rows[id].compare(&e) != 0
			s.rows[id] = e
			if int(id) < s.filled {
				s.index.Set(int(id), e.item())
			}
			continue
		}
		s.byKey[e.key] = int32(len(s.rows))
		s.rows = append(s.rows, e)
	}
	if moved {
		s.sorted = s.sorted[:0]
	}
	s.merge()
}

// indexMore asks for the next slice of rows to be put into the index, so that a large cache is on the screen first.
type indexMore struct{ again bool }

// slice is how many rows join the index between two frames: few enough that no key waits.
const slice = 500

// more puts a slice of rows into the index and returns the command for the next one, nil when there is none or when one is
// under way already.
func (s *store) more(msg indexMore) tea.Cmd {
	if msg.again {
		s.filing = false
		s.fill(s.filled + slice)
	}
	if s.filing || s.filled == len(s.rows) {
		return nil
	}
	s.filing = true
	return send(indexMore{again: true})
}

// fill puts rows into the index until it has n of them, or all.
func (s *store) fill(n int) {
	for ; s.filled < min(n, len(s.rows)); s.filled++ {
		s.index.Add(s.rows[s.filled].item())
	}
}

// pin makes the row go through an instance that the user chose. What kept it from being opened is forgotten, unless it is
// the database itself.
func pin(r Row, via aws.Instance) Row {
	r.Via, r.Why, r.Reach, r.Path = via, "chosen by you", ReachUnknown, aws.Verdict{}
	if r.Database == nil || r.Database.Available() {
		r.Unusable, r.Next = "", ""
	}
	return r
}

// keep drops the rows that do not pass and builds the index anew.
func (s *store) keep(pass func(*entry) bool) {
	old := s.rows
	kept := newStore()
	kept.pinned, kept.filing = s.pinned, s.filing
	for i := range old {
		if pass(&old[i]) {
			kept.rows = append(kept.rows, old[i])
			kept.measure(&old[i], true)
			kept.byKey[old[i].key] = int32(len(kept.rows) - 1)
		}
	}
	if len(kept.rows) < len(old) {
		*s = kept
		s.merge()
	}
}

// measure widens the columns for a row and counts it when it is new.
func (s *store) measure(e *entry, fresh bool) {
	w := &s.widest
	w.name, w.role, w.engine = max(w.name, width(e.name)), max(w.role, width(e.role)), max(w.engine, width(e.engine))
	w.account, w.region = max(w.account, width(e.account)), max(w.region, width(e.region))
	if !e.LastUsed.IsZero() {
		w.used = 9
	}
	switch {
	case !fresh:
	case e.Database != nil:
		s.databases++
	case e.Instance != nil:
		s.nodes++
	}
}

// merge sorts the rows that are not in sorted yet, those with the highest ids, and merges them in. The order is also what
// breaks ties of the search: the most recently used first, then by kind and name.
func (s *store) merge() {
	old := s.sorted
	var fresh []int32
	for id := len(old); id < len(s.rows); id++ {
		fresh = append(fresh, int32(id))
	}
	slices.SortFunc(fresh, func(a, b int32) int { return s.rows[a].compare(&s.rows[b]) })
	s.sorted = make([]int32, 0, len(s.rows))
	for len(old) > 0 && len(fresh) > 0 {
		from := &old
		if s.rows[fresh[0]].compare(&s.rows[old[0]]) < 0 {
			from = &fresh
		}
		s.sorted = append(s.sorted, (*from)[0])
		*from = (*from)[1:]
	}
	s.sorted = append(append(s.sorted, old...), fresh...)
}

func (e *entry) compare(o *entry) int {
	if c := o.LastUsed.Compare(e.LastUsed); c != 0 {
		return c
	}
	if c := e.order - o.order; c != 0 {
		return c
	}
	if c := strings.Compare(e.sort, o.sort); c != 0 {
		return c
	}
	return cmp.Or(
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
