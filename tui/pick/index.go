package pick

import "slices"

// Item is what can be found. Title is searched loosely, Words (engine, account, region, tags…) by the beginnings of their
// tokens, Whole (host names) only for pieces. A find in the title is worth most.
type Item struct {
	Title string
	Words []string
	Whole []string
}

// valuePercent is what a find outside the title is worth.
const valuePercent = 40

// mode is how loosely a text is searched by a fuzzy term.
type mode uint8

const (
	loose  mode = iota // letters anywhere, in order
	tight              // gaps only up to the beginning of a token
	pieces             // in one piece
)

type entry struct {
	off, n int32
	mask   uint64
	mode   mode
}

// slab is where the letters of many texts lie one after the other. Titles, which every search reads, have their own.
type slab struct {
	low, cls []uint16
}

func (s *slab) add(text string, m mode) (entry, int) {
	e := entry{off: int32(len(s.low)), mode: m}
	var tokens int
	s.low, s.cls, e.mask, tokens = appendLine(s.low, s.cls, text)
	e.n = int32(len(s.low)) - e.off
	return e, tokens
}

func (s *slab) line(e entry) line {
	return line{low: s.low[e.off : e.off+e.n], cls: s.cls[e.off : e.off+e.n]}
}

type card struct {
	title  entry
	tokens int32
	mask   uint64
	// Its values: Index.refs[refs:whole] are its words, Index.refs[whole:end] its wholes.
	refs, whole, end int32
}

type interned struct {
	text string
	mode mode
}

// Index holds items ready for searching. Values that many items share are kept, and later scored, once.
// It is not safe for concurrent use.
type Index struct {
	titles slab
	texts  slab // of the values
	cards  []card
	items  []Item
	values []entry
	refs   []int32
	byText map[interned]int32
	stale  int // cards replaced since the slabs were last built
}

// Len is the number of items.
func (x *Index) Len() int { return len(x.items) }

// Item is the item with that id.
func (x *Index) Item(id int) Item { return x.items[id] }

// Add appends an item and returns its id: 0, 1, 2…
func (x *Index) Add(it Item) int {
	x.items = append(x.items, it)
	x.cards = append(x.cards, x.card(it))
	return len(x.items) - 1
}

// Set replaces the item id and says whether that changed anything.
func (x *Index) Set(id int, it Item) bool {
	old := x.items[id]
	if old.Title == it.Title && slices.Equal(old.Words, it.Words) && slices.Equal(old.Whole, it.Whole) {
		return false
	}
	x.items[id] = it
	x.stale++
	if x.stale > 64 && x.stale > len(x.items)/2 {
		x.rebuild()
	} else {
		x.cards[id] = x.card(it)
	}
	return true
}

// rebuild drops the letters of replaced items from the slabs.
func (x *Index) rebuild() {
	fresh := Index{items: x.items}
	for _, it := range x.items {
		fresh.cards = append(fresh.cards, fresh.card(it))
	}
	*x = fresh
}

func (x *Index) card(it Item) card {
	c := card{refs: int32(len(x.refs))}
	var tokens int
	c.title, tokens = x.titles.add(it.Title, loose)
	c.tokens, c.mask = int32(tokens), c.title.mask
	for _, w := range it.Words {
		c.mask |= x.value(w, tight)
	}
	c.whole = int32(len(x.refs))
	for _, w := range it.Whole {
		c.mask |= x.value(w, pieces)
	}
	c.end = int32(len(x.refs))
	return c
}

func (x *Index) value(s string, m mode) (mask uint64) {
	if s == "" {
		return 0
	}
	if x.byText == nil {
		x.byText = map[interned]int32{}
	}
	id, ok := x.byText[interned{s, m}]
	if !ok {
		e, _ := x.texts.add(s, m)
		id = int32(len(x.values))
		x.values = append(x.values, e)
		x.byText[interned{s, m}] = id
	}
	x.refs = append(x.refs, id)
	return x.values[id].mask
}
