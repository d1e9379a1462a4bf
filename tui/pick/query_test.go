package pick

import (
	"slices"
	"strings"
	"testing"
)

func TestQueryLanguage(t *testing.T) {
	names := []string{"prod-orders", "orders-prod", "preorders", "production", "Prod-Audit", "a b", "dev-db", "café", "mysql-5", "p$x"}
	x, ids := index(names)
	var f Finder
	for query, want := range map[string]string{
		"":               "prod-orders orders-prod preorders production Prod-Audit a_b dev-db café mysql-5 p$x",
		"  ":             "prod-orders orders-prod preorders production Prod-Audit a_b dev-db café mysql-5 p$x",
		"prod":           "prod-orders orders-prod preorders production Prod-Audit",
		"'order":         "prod-orders orders-prod preorders",
		"'orders'":       "prod-orders orders-prod",
		"^prod":          "prod-orders production Prod-Audit",
		"prod$":          "orders-prod",
		"^production$":   "production",
		"^prod$":         "",
		"prod !orders":   "production Prod-Audit",
		"!prod !b !ord":  "café mysql-5 p$x",
		"!^prod 'prod":   "orders-prod",
		"'prod !orders$": "orders-prod production Prod-Audit",
		"Prod":           "Prod-Audit",
		"PROD":           "",
		`a\ b`:           "a_b",
		"^dev | sql":     "dev-db mysql-5",
		"| dev":          "dev-db",
		"dev |":          "dev-db",
		"5 mysql":        "mysql-5",
		"cafe":           "café",
		"café":           "café",
		"!":              "prod-orders orders-prod preorders production Prod-Audit a_b dev-db café mysql-5 p$x",
		"^":              "prod-orders orders-prod preorders production Prod-Audit a_b dev-db café mysql-5 p$x",
		"'":              "prod-orders orders-prod preorders production Prod-Audit a_b dev-db café mysql-5 p$x",
		"$":              "p$x",
		"!'pod":          "dev-db café mysql-5 p$x a_b",
		`\`:              "",
		"zzz":            "",
	} {
		f.Source(ids)
		var got []string
		for _, id := range f.Find(x, Parse(query)) {
			got = append(got, strings.ReplaceAll(names[id], " ", "_"))
		}
		wanted := strings.Fields(want)
		slices.Sort(got)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("%q finds %v, want %v", query, got, wanted)
		}
	}
}

func TestOtherFields(t *testing.T) {
	items := []Item{
		{Title: "billing", Words: []string{"aurora-postgresql", "prod-admin", "eu-west-1", "team=orders"}, Whole: []string{"billing.cluster-c9akciq32rgw.eu-west-1.rds.amazonaws.com"}},
		{Title: "orders", Words: []string{"mysql", "dev-admin", "us-east-1"}, Whole: []string{"orders.c9akciq32rgw.us-east-1.rds.amazonaws.com"}},
	}
	x := &Index{}
	var ids []int32
	for _, it := range items {
		ids = append(ids, int32(x.Add(it)))
	}
	var f Finder
	f.Source(ids)
	for query, want := range map[string][]int32{
		"orders":             {1, 0}, // the title is worth more than a tag
		"euw1":               {0},
		"apg":                nil, // g starts no token of aurora-postgresql
		"ap":                 {0},
		"c9akciq32rgw.us":    {1},
		"mysql dev":          {1},
		"sql":                {1, 0}, // a piece of mysql and of postgresql
		"sq":                 nil,    // too short for a piece
		"mysql eu-west":      nil,
		"^us-east-1$":        {1},
		"billing !postgres":  nil,
		"'rds":               nil, // too short for host names
		"rdsamazonaws":       nil, // host names are found by pieces only
		"'rds.amazonaws.com": {0, 1},
	} {
		if got := f.Find(x, Parse(query)); !slices.Equal(got, want) {
			t.Errorf("%q finds %v, want %v", query, got, want)
		}
	}
	marks := Parse("bil euw1 orders").Marks(items[0])
	if !slices.Equal(marks.Title, []int{0, 1, 2}) || !slices.Equal(marks.Words[2], []int{0, 1, 3, 8}) || !slices.Equal(marks.Words[3], []int{5, 6, 7, 8, 9, 10}) {
		t.Errorf("marks %v", marks)
	}
}

func TestReplacedItemsAreFoundByTheirNewName(t *testing.T) {
	x, ids := index(fleet())
	var f Finder
	f.Source(ids)
	for round := range 4 {
		for id := range ids {
			x.Set(id, Item{Title: strings.Repeat("x", round+1) + fleet()[id]})
		}
	}
	f.Source(ids)
	if got := f.Find(x, Parse("^xxxxprod-orders-writer$")); len(got) != 1 || got[0] != 0 {
		t.Errorf("found %v", got)
	}
	if got := f.Find(x, Parse("^prod")); len(got) != 0 {
		t.Errorf("the old names are still found: %v", got)
	}
	if len(x.titles.low) > 3*325*30 {
		t.Errorf("the slab keeps %d letters of replaced items", len(x.titles.low))
	}
	if x.Set(0, x.Item(0)) {
		t.Error("setting the same item counts as a change")
	}
}

// TestCrowdIsSearchedAsOne: shared out among processors or not, the same is found in the same order.
func TestCrowdIsSearchedAsOne(t *testing.T) {
	x, ids := crowd(9001)
	var f Finder
	f.Source(ids)
	for _, query := range []string{"p", "pr", "prd", "prdw", "prdw !dev", "e", "eu", "eu ord"} {
		got := slices.Clone(f.Find(x, Parse(query)))
		q := Parse(query)
		var alone Finder
		alone.prepare(x, q)
		var hits, scores []int32
		for _, id := range ids {
			if s := alone.score(x, &q, id, &alone.w[0]); s != none {
				hits, scores = append(hits, id), append(scores, s)
			}
		}
		if want := alone.sorted(hits, scores); !slices.Equal(got, want) {
			t.Fatalf("%q: %d found, %d by one processor", query, len(got), len(want))
		}
	}
}

// FuzzFind types a query letter by letter: narrowing must find what a search from scratch finds, with marks on letters that exist.
func FuzzFind(f *testing.F) {
	for _, s := range []string{"prdauw", "'or !re", "^pr | dev$", `a\ b c`, "!'x' ^y$", "Prod aur", "注文 !履", "dev !r wr", "a$b", "!a !ab"} {
		f.Add(s)
	}
	names := append(fleet()[:60], "注文履歴", "CustomerOrders", "café", "a b", "", "ß", "x\u0301y")
	x, ids := index(names)
	x.Set(3, Item{Title: "replaced", Words: []string{"prod-orders", "eu-west-1"}, Whole: []string{"aurora.example"}})
	f.Fuzz(func(t *testing.T, s string) {
		var typed, scratch Finder
		typed.Source(ids)
		steps := []int{} // every letter typed, then half of them taken back, then all typed again
		for i := range s {
			steps = append(steps, i)
		}
		back := slices.Clone(steps[len(steps)/2:])
		slices.Reverse(back)
		for _, i := range slices.Concat(steps, back, steps[len(steps)/2:], []int{len(s)}) {
			q := Parse(s[:i])
			got := slices.Clone(typed.Find(x, q))
			scratch.Source(ids)
			if want := scratch.Find(x, q); !slices.Equal(got, want) {
				t.Fatalf("typing up to %q finds %v, searching for it finds %v", s[:i], got, want)
			}
			for _, id := range got {
				it := x.Item(int(id))
				m := q.Marks(it)
				n := len([]rune(it.Title))
				for _, at := range m.Title {
					if at < 0 || at >= n {
						t.Fatalf("%q marks letter %d of %q", s[:i], at, it.Title)
					}
				}
			}
		}
	})
}

func TestMarksSpellTheQuery(t *testing.T) {
	for _, name := range fleet() {
		for _, query := range []string{"pow", "prdo", "au", "stg", "wr", "'dit"} {
			m := Parse(query).Marks(Item{Title: name}).Title
			if m == nil {
				continue
			}
			spelt := ""
			for _, at := range m {
				spelt += string([]rune(name)[at])
			}
			if spelt != strings.TrimPrefix(query, "'") {
				t.Fatalf("%q marks %q in %s", query, spelt, name)
			}
		}
	}
}
