package pick

import (
	"math/bits"
	"slices"
)

// Item is what can be found. Title is searched loosely, Words (engine, account, region, tags…) by the beginnings of their
// tokens and, from three letters on, for pieces (sql in mysql), Whole (host names) only for pieces, and only by words of at least six letters: all hosts of a provider have the
// same end, and shorter words are in it by chance. A find in the title is worth most.
type Item struct {
	Title string
	Words []string
	Whole []string
}

// pieceFrom and wholeFrom are the lengths from which a typed word is searched for as a piece of Words and of Whole.
const (
	pieceFrom = 3
	wholeFrom = 6
)

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
type slab struct{ line }

func (s *slab) add(text string, m mode) (entry, int) {
	e := entry{off: int32(len(s.low)), mode: m}
	var tokens int
	e.mask, tokens = s.line.add(text)
	e.n = int32(len(s.low)) - e.off
	return e, tokens
}

func (s *slab) at(e entry) line {
	to := e.off + e.n
	return line{low: s.low[e.off:to], full: s.full[e.off:to], cls: s.cls[e.off:to]}
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
	single []uint8 // for each title and each of the letters and digits, what it scores alone; 0 where it does not occur
	values []entry
	refs   []int32
	byText map[interned]int32
	posted int     // how many refs the postings below were made of; another number makes them anew
	starts []int32 // values are in the words of posts[starts[v]:starts[v+1]]
	posts  []int32
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
	x.single = append(x.single, make([]uint8, singles)...)
	x.measure(len(x.items) - 1)
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
		x.measure(id)
	}
	return true
}

// post lists for each value the items that have it among their words.
func (x *Index) post() {
	if x.posted == len(x.refs) && len(x.starts) > 0 {
		return
	}
	x.posted = len(x.refs)
	x.starts = append(x.starts[:0], make([]int32, len(x.values)+1)...)
	total := int32(0)
	for i := range x.cards {
		for _, v := range x.refs[x.cards[i].refs:x.cards[i].whole] {
			x.starts[v]++
			total++
		}
	}
	at := total
	for v := len(x.values) - 1; v >= 0; v-- {
		at -= x.starts[v]
		x.starts[v] = at + x.starts[v] // the end for now: placing counts down to the start
	}
	x.starts[len(x.values)] = total
	x.posts = append(x.posts[:0], make([]int32, total)...)
	for i := len(x.cards) - 1; i >= 0; i-- {
		for _, v := range x.refs[x.cards[i].refs:x.cards[i].whole] {
			x.starts[v]--
			x.posts[x.starts[v]] = int32(i)
		}
	}
}

// singles is how many letters have an entry in Index.single: those with a bit of their own in a mask.
const singles = 36

// measure fills the scores of single letters, which the first key typed asks of every title.
func (x *Index) measure(id int) {
	l := x.titles.at(x.cards[id].title)
	row := x.single[id*singles : (id+1)*singles]
	clear(row)
	t := term{low: []byte{0}}
	for j, c := range l.full {
		if b := bits.TrailingZeros64(bit(c)); b < singles {
			row[b] = max(row[b], uint8(t.run(l, j)))
		}
	}
}

// rebuild drops the letters of replaced items from the slabs.
func (x *Index) rebuild() {
	fresh := Index{}
	for _, it := range x.items {
		fresh.Add(it)
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
