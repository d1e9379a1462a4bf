package pick

// List is where one is in a list: the row under the cursor and the first row shown. It knows no rows, only how many.
type List struct {
	Len    int // rows
	Height int // rows shown
	Cursor int // 0…Len-1; 0 when the list is empty
	Top    int // the first row shown
}

// Move moves the cursor by n rows and stops at the ends.
func (l List) Move(n int) List {
	l.Cursor += n
	return l.fit()
}

// Page moves by n pages; a page leaves one row of the last one in sight.
func (l List) Page(n int) List {
	step := max(l.Height-1, 1) * n
	l.Cursor += step
	l.Top += step
	return l.fit()
}

// First and Last go to the ends.
func (l List) First() List { return l.Move(-l.Len) }

// Last goes to the last row.
func (l List) Last() List { return l.Move(l.Len) }

// Resize changes how many rows there are and how many are shown.
func (l List) Resize(rows, height int) List {
	l.Len, l.Height = rows, height
	return l.fit()
}

// Follow puts the cursor on row i of a list that now has n rows, and keeps it on the line of the screen where it was: the
// rows round it may change, the one being looked at does not jump.
func (l List) Follow(i, n int) List {
	l.Top += i - l.Cursor
	l.Cursor, l.Len = i, n
	return l.fit()
}

// Shown are the rows on the screen: from Top up to, not including, the row returned.
func (l List) Shown() (from, to int) { return l.Top, min(l.Top+l.Height, l.Len) }

func (l List) fit() List {
	l.Cursor = max(min(l.Cursor, l.Len-1), 0)
	h := max(l.Height, 1)
	l.Top = min(l.Top, l.Cursor)
	l.Top = max(l.Top, l.Cursor-h+1)
	l.Top = max(min(l.Top, l.Len-h), 0)
	return l
}
