package roles

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/theme"
)

// overKind is what lies over the list.
type overKind uint8

const (
	overNone  overKind = iota
	overSheet          // a text: the help, the details
	overForm           // a profile being written down
	overDiff           // what would be written
)

// over is what lies over the list. The gate lives on when it closes, so that late timers find nothing.
type over struct {
	kind    overKind
	gate    chrome.Gate
	sheet   chrome.Sheet // of the text, and of the diff
	form    form         // stays below its diff, to go back to
	change  Change
	foreign bool         // the name is to be typed
	name    chrome.Field // as it has been typed
	waiting bool         // for the plan, or for the writing of it
}

func (o over) closed() over { return over{gate: o.gate} }

func (m Model) openSheet(s chrome.Sheet) Model {
	m.over = m.over.closed()
	m.over.kind, m.over.sheet = overSheet, s
	return m
}

func (m Model) openForm(f form) Model {
	m.over = m.over.closed()
	m.over.kind, m.over.form = overForm, f
	return m
}

// plan asks what the change would do to the file.
func (m Model) plan(c Change) (Model, tea.Cmd) {
	m.n++
	m.over.change, m.over.waiting = c, true
	return m, send(PlanAsked{N: m.n, Change: c})
}

// onPlanned shows the diff, or says in the form what is wrong.
func (m Model) onPlanned(msg Planned) (Model, tea.Cmd) {
	if msg.N != m.n || !m.over.waiting {
		return m, nil
	}
	m.over.waiting = false
	switch {
	case msg.Err != nil:
		return m.refused(msg.Err)
	case msg.Diff == "":
		if m.over.kind == overForm {
			m.over.form.said = "nothing would change"
			return m, nil
		}
		return m, send(Notice{Level: chrome.Info, Text: "nothing would change"})
	}
	m.over.kind, m.over.foreign, m.over.name = overDiff, msg.Foreign, chrome.Field{}
	m.over.sheet = chrome.Sheet{Title: string(m.over.change.Op) + " " + chrome.Clean(m.over.change.Name), Lines: m.diffLines(msg.Diff), Keys: "enter write   esc back"}
	var cmd tea.Cmd
	m.over.gate, cmd = m.over.gate.Shut("roles")
	return m, cmd
}

// refused says why a change cannot be made: in the form when there is one.
func (m Model) refused(err error) (Model, tea.Cmd) {
	if m.over.kind == overForm || m.over.form.values != nil {
		m.over.kind, m.over.form.said, m.over.form.next = overForm, err.Error(), aws.NextOf(err)
		return m, nil
	}
	m.over = m.over.closed()
	return m, send(Notice{Level: chrome.Failure, Text: chrome.Clean(err.Error())})
}

func (m Model) onWritten(msg Written) (Model, tea.Cmd) {
	if msg.N != m.n || !m.over.waiting {
		return m, nil
	}
	m.over.waiting = false
	if msg.Err != nil {
		return m.refused(msg.Err)
	}
	m.wanted = m.over.change.Name
	m.over = m.over.closed()
	return m, tea.Batch(send(Notice{Level: chrome.Done, Text: chrome.Clean(msg.Text)}), send(ListAsked{}))
}

// diffLines paints a unified diff. Tabs and control characters of the file cannot reach the terminal.
func (m Model) diffLines(diff string) []string {
	w := chrome.SheetWidth(m.w)
	var out []string
	for line := range strings.Lines(diff) {
		line = chrome.Clean(strings.TrimRight(strings.ReplaceAll(line, "\t", "    "), "\r\n"))
		role := theme.Muted
		switch {
		case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"):
			role = theme.Strong
		case strings.HasPrefix(line, "@@"):
			role = theme.Accent
		case strings.HasPrefix(line, "+"):
			role = theme.OK
		case strings.HasPrefix(line, "-"):
			role = theme.Error
		}
		for width(line) > w { // nothing of what is written may be out of sight
			head := chrome.Cut(line, w)
			out = append(out, m.th.Paint(role, head))
			line = "  " + line[len(head):]
		}
		out = append(out, m.th.Paint(role, line))
	}
	return out
}

func (m Model) onOverKey(msg tea.KeyPressMsg) (Model, tea.Cmd) {
	switch m.over.kind {
	case overForm:
		return m.onFormKey(msg)
	case overDiff:
		return m.onDiffKey(msg)
	}
	var closed bool
	if m.over.sheet, closed = m.over.sheet.Update(msg, m.h); closed {
		m.over = m.over.closed()
	}
	return m, nil
}

func (m Model) onFormKey(msg tea.KeyPressMsg) (Model, tea.Cmd) {
	f := &m.over.form
	switch msg.String() {
	case "esc", "ctrl+c":
		m.over = m.over.closed()
	case "up", "shift+tab", "ctrl+p":
		*f = f.step(-1)
	case "down", "tab", "ctrl+n":
		*f = f.step(1)
	case "ctrl+t":
		*f = f.turned()
	case "enter":
		if m.over.waiting {
			return m, nil
		}
		c, missing := f.change()
		if missing >= 0 {
			f.at, f.said, f.next = missing, f.fields()[missing].label+" is needed", ""
			return m, nil
		}
		return m.plan(c)
	default:
		*f = f.typed(msg)
	}
	return m, nil
}

func (m Model) onDiffKey(msg tea.KeyPressMsg) (Model, tea.Cmd) {
	o := &m.over
	switch msg.String() {
	case "esc", "ctrl+c":
		if o.form.values != nil {
			o.kind, o.waiting = overForm, false
			return m, nil
		}
		m.over = o.closed()
		return m, nil
	case "enter":
		return m.write()
	case "up", "down", "pgup", "pgdown":
		o.sheet, _ = o.sheet.Update(msg, m.h)
		return m, nil
	}
	if o.foreign {
		o.name, _ = o.name.Update(msg)
		return m, nil
	}
	if k := msg.String(); k != "q" && k != "?" && k != "f1" {
		o.sheet, _ = o.sheet.Update(msg, m.h)
	}
	return m, nil
}

// write asks for the change to be written once it may be: keys in flight confirm nothing, and a profile that rdsx has not
// written has to be named.
func (m Model) write() (Model, tea.Cmd) {
	o := &m.over
	if !o.gate.Open() || o.waiting {
		return m, nil
	}
	if o.foreign && o.name.Value() != o.change.Name {
		return m, send(Notice{Level: chrome.Caution, Text: "type " + chrome.Clean(o.change.Name) + " to change what rdsx has not written"})
	}
	o.waiting = true
	return m, send(WriteAsked{N: m.n})
}

func (o over) formWidth(w int) int { return max(min(w-4, 84), min(w, 40)) }

// cursor is where the terminal's cursor belongs on what lies over the list.
func (o over) cursor(w, h int) *tea.Cursor {
	switch {
	case o.kind == overForm:
		box, x, y := o.form.view(theme.Theme{}, o.formWidth(w), h)
		left, top := (w-o.formWidth(w))/2, max((h-strings.Count(box, "\n")-1)/2, 0)
		return tea.NewCursor(min(left+x, w-1), min(top+y, h-1))
	case o.kind == overDiff && o.foreign:
		return tea.NewCursor(min(width(ask)+o.name.Cursor(nameWidth(w)), w-1), max(h-1, 0))
	}
	return nil
}

const ask = " not written by rdsx; type its name: "

func nameWidth(w int) int { return max(w-width(ask)-1, 1) }

func (o over) view(th theme.Theme, behind string, w, h int) string {
	switch o.kind {
	case overForm:
		box, _, _ := o.form.view(th, o.formWidth(w), h)
		return chrome.Over(th, behind, box, w, h)
	case overDiff:
		if !o.foreign {
			return o.sheet.View(th, behind, w, h)
		}
		line := th.Paint(theme.Warn, ask) + o.name.View(th, "", nameWidth(w))
		return o.sheet.View(th, behind, w, h-1) + "\n" + chrome.Cell(line, w)
	}
	return o.sheet.View(th, behind, w, h)
}
