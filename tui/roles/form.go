package roles

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/theme"
)

// field is one line of the form: a key of the profile, or its name.
type field struct {
	key, label, hint string
	needed           bool
}

// nameKey stands for the profile's own name, which is not a key.
const nameKey = ""

// fieldsOf are the lines of the form for a role that is assumed, or for one of an SSO portal.
func fieldsOf(sso bool) []field {
	if sso {
		return []field{
			{nameKey, "name", "orders-prod", true},
			{"sso_session", "sso-session", "corp", true},
			{"sso_account_id", "account", "111122223333", true},
			{"sso_role_name", "role", "Developer", true},
			{"region", "region", "eu-west-1", false},
			{"sso_start_url", "portal", "https://corp.awsapps.com/start, for a new sso-session", false},
			{"sso_region", "its region", "for a new sso-session", false},
		}
	}
	return []field{
		{nameKey, "name", "orders-prod", true},
		{"role_arn", "role ARN", "arn:aws:iam::111122223333:role/Orders", true},
		{"source_profile", "source", "the profile whose credentials assume it", true},
		{"region", "region", "eu-west-1", false},
		{"mfa_serial", "MFA device", "arn:aws:iam::111122223333:mfa/me", false},
		{"external_id", "external id", "", false},
		{"duration_seconds", "duration", "3600 seconds", false},
	}
}

// form is a profile being written down.
type form struct {
	op     Op
	name   string // of the profile that is edited
	sso    bool
	at     int
	values map[string]chrome.Field
	before map[string]string
	said   string // what is wrong with it
	next   string // what to do about that
}

func addForm(keys []Key) form {
	f := form{op: Add, values: map[string]chrome.Field{}}
	for _, k := range keys {
		f.values[k.Name] = chrome.Field{}.With(k.Value)
		f.sso = f.sso || k.Name == "sso_session"
	}
	return f
}

func editForm(r Row) form {
	f := form{op: Edit, name: r.Name, values: map[string]chrome.Field{}, before: map[string]string{}}
	for _, k := range r.Keys {
		f.values[k.Name] = chrome.Field{}.With(k.Value)
		f.before[k.Name] = k.Value
		f.sso = f.sso || k.Name == "sso_session"
	}
	return f
}

// fields are the lines of this form: the name of a profile that exists stays as it is, and so does its portal.
func (f form) fields() []field {
	var out []field
	for _, one := range fieldsOf(f.sso) {
		if f.op == Edit && (one.key == nameKey || one.key == "sso_start_url" || one.key == "sso_region") {
			continue
		}
		out = append(out, one)
	}
	return out
}

// typed edits the field under the cursor.
func (f form) typed(msg tea.Msg) form {
	k := f.fields()[f.at].key
	values := map[string]chrome.Field{}
	for name, v := range f.values {
		values[name] = v
	}
	values[k], _ = values[k].Update(msg)
	f.values, f.said, f.next = values, "", ""
	return f
}

func (f form) step(by int) form {
	n := len(f.fields())
	f.at = (f.at + by + n) % n
	return f
}

// turned is the form for the other kind of profile.
func (f form) turned() form {
	if f.op == Add {
		f.sso, f.said, f.next = !f.sso, "", ""
		f.at = min(f.at, len(f.fields())-1)
	}
	return f
}

func (f form) value(key string) string { return strings.TrimSpace(f.values[key].Value()) }

// change is what the form asks for; missing is the index of a field that is needed and empty, -1 for none.
func (f form) change() (c Change, missing int) {
	c = Change{Op: f.op, Name: f.name}
	for i, one := range f.fields() {
		v := f.value(one.key)
		switch {
		case one.needed && v == "":
			return c, i
		case one.key == nameKey:
			c.Name = v
		case f.op == Edit && v != f.before[one.key], f.op == Add && v != "":
			c.Keys = append(c.Keys, Key{one.key, v})
		}
	}
	return c, -1
}

const formLabel = 13 // cells of the labels

// view is the form in a box of w cells and at most h lines.
func (f form) view(th theme.Theme, w, h int) (box string, x, y int) {
	inner := w - 4
	title, kind := "add a profile", "a role that is assumed   (ctrl+t: SSO)"
	if f.sso {
		kind = "a role of an SSO portal   (ctrl+t: assumed)"
	}
	if f.op == Edit {
		title, kind = "edit "+chrome.Clean(f.name), ""
	}
	var head, tail []string
	if kind != "" {
		head = append(head, th.Paint(theme.Faint, chrome.Cell(kind, inner)))
	}
	if f.said != "" {
		for i, l := range chrome.Wrap(chrome.Clean(f.said), inner-2) {
			if i < 3 {
				tail = append(tail, th.Paint(theme.Error, chrome.Cell([]string{"✗", "", ""}[i], 2)+l))
			}
		}
		if f.next != "" {
			tail = append(tail, th.Paint(theme.Accent, chrome.Cell("→ "+chrome.Clean(f.next), inner)))
		}
	}
	fields := f.fields()
	room := max(min(len(fields), h-2-len(head)-len(tail)), 1)
	from := max(min(f.at-room+1, len(fields)-room), 0)
	body := head
	for i := from; i < from+room && i < len(fields); i++ {
		one := fields[i]
		mark, role := "  ", theme.Muted
		if i == f.at {
			mark, role = "› ", theme.Strong
			x, y = 2+formLabel+f.values[one.key].Cursor(inner-formLabel), 1+len(body)
		}
		body = append(body, th.Paint(theme.Accent, mark)+th.Paint(role, chrome.Cell(one.label, formLabel-2))+
			f.values[one.key].View(th, one.hint, inner-formLabel))
	}
	return chrome.Frame(th, title, append(body, tail...), "enter show the diff   esc back", w), x, y
}

// RoleOf is the ARN of the role behind the ARN of an assumed-role session, "" for anything else. The session's ARN does not
// hold the role's path, so a role that has one has to be completed by hand (IAM identifiers, "assumed-role").
func RoleOf(session string) string {
	parts := strings.SplitN(session, ":", 6)
	if len(parts) != 6 || parts[2] != "sts" {
		return ""
	}
	rest, ok := strings.CutPrefix(parts[5], "assumed-role/")
	name, _, more := strings.Cut(rest, "/")
	if !ok || !more || name == "" {
		return ""
	}
	return strings.Join([]string{parts[0], parts[1], "iam", "", parts[4], "role/" + name}, ":")
}
