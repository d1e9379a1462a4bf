package targets

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/golden"
	"github.com/rdsx/rdsx/tui/theme"
)

func plain() theme.Theme { return theme.New(true, theme.None) }

// names are the rows of the list, in order.
func names(m Model) []string {
	var out []string
	for _, id := range m.shown {
		out = append(out, m.data.rows[id].name)
	}
	return out
}

func under(m Model) string {
	if e := m.at(); e != nil {
		return e.name + "/" + e.role
	}
	return ""
}

// intents says in short what was asked for.
func intents(msgs []tea.Msg) string {
	var out []string
	for _, msg := range msgs {
		switch msg := msg.(type) {
		case Chosen:
			out = append(out, fmt.Sprintf("chosen %s via %s", msg.Target.Name(), msg.Target.Instance.ID))
		case ViaAsked:
			out = append(out, fmt.Sprintf("via? %d", msg.N))
		case CopyAsked:
			out = append(out, "copy "+msg.Text[:min(21, len(msg.Text))])
		case Notice:
			out = append(out, "notice "+msg.Text)
		default:
			out = append(out, fmt.Sprintf("%T", msg))
		}
	}
	return strings.Join(out, ", ")
}

// TestEveryKey presses keys on the scanned list and says what came of it: the row under the cursor, the query, what lies
// over the list, the filter, and what was asked for.
func TestEveryKey(t *testing.T) {
	first := "注文データベース-開発用-とても長い名前のもの/instance"
	for _, c := range []struct{ keys, at, query, over, filter, intent string }{
		{"", first, "", "", "", ""},
		{"down", "prod-aurora/writer", "", "", "", ""},
		{"ctrl+n ctrl+n ctrl+p", "prod-aurora/writer", "", "", "", ""},
		{"ctrl+j ctrl+j ctrl+k", "prod-aurora/writer", "", "", "", ""},
		{"up", first, "", "", "", ""},
		{"pgdown", "踏み台サーバー/node", "", "", "", ""},
		{"ctrl+end", "踏み台サーバー/node", "", "", "", ""},
		{"ctrl+end ctrl+home", first, "", "", "", ""},
		{"ctrl+end pgup", first, "", "", "", ""},
		{"=vie", "", "vie", "", "", ""}, // letters are typed, also those that are commands
		{"=prd_au", "prod-aurora/writer", "prd au", "", "", ""},
		{"=prd_au down", "prod-aurora/reader", "prd au", "", "", ""},
		{"=prd_wh backspace backspace backspace ctrl+w", first, "", "", "", ""},
		{"=warehouse ctrl+u", first, "", "", "", ""},
		{"=warehouse esc", "prod-warehouse/instance", "", "", "", ""}, // the row found is kept
		{"esc", first, "", "", "", "targets.Leave"},
		{"enter", first, "", "", "", "chosen 注文データベース-開発用-とても長い名前のもの via i-0ffeeddccbbaa9988"},
		{"=prd_wri enter", "prod-aurora/writer", "prd wri", "", "", "chosen prod-aurora via i-0a1b2c3d4e5f60718"},
		{"=redis enter", "redis.internal:6379/host", "redis", "", "", "chosen redis.internal:6379 via i-0a1b2c3d4e5f60718"},
		{"=zzz enter", "", "zzz", "", "", ""},
		{"=legacy enter", "prod-billing-legacy/instance", "legacy", "the database is stopped", "", ""},
		{"=legacy enter esc", "prod-billing-legacy/instance", "legacy", "", "", ""},
		{"=legacy enter c", "prod-billing-legacy/instance", "legacy", "", "", "chosen prod-billing-legacy via i-0a1b2c3d4e5f60718"},
		{"=legacy enter v", "prod-billing-legacy/instance", "legacy", "looking for instances", "", "via? 1"},
		{"=dev-orders enter", "dev-orders/instance", "dev-orders", "no instance to go through", "", ""},
		{"=dev-orders enter c", "dev-orders/instance", "dev-orders", "no instance to go through", "", ""}, // nothing to connect with
		{"=bastion-a enter", "bastion-a/node", "bastion-a", "open host:port", "", ""},
		{"=bastion-a enter =5432 enter", "bastion-a/node", "bastion-a", "", "", "chosen localhost:5432 via i-0a1b2c3d4e5f60718"},
		{"=old-b enter", "old-bastion/node", "old-b", "last heard of 3 days ago", "", ""},
		{"alt+i =db.corp:3306 enter", first, "", "", "", "chosen db.corp:3306 via i-0ffeeddccbbaa9988"},
		{"alt+i =db.corp enter", first, "", "add a port", "", ""},
		{"alt+i esc", first, "", "", "", ""},
		{"alt+v", first, "", "looking for instances", "", "via? 1"},
		{"alt+v esc alt+v", first, "", "looking for instances", "", "via? 1, via? 2"},
		{"=bastion-a alt+v", "bastion-a/node", "bastion-a", "", "", "notice this row is an instance itself"},
		{"alt+e", first, "", "AccessDenied", "", ""},
		{"alt+e esc", first, "", "", "", ""},
		{"alt+p", first, "", "start-session", "", ""},
		{"alt+y", first, "", "", "", "copy aws ssm start-session"},
		{"=dev-orders alt+y", "dev-orders/instance", "dev-orders", "", "", "notice there is no aws command for this row"},
		{"ctrl+r", first, "", "", "", "targets.RefreshAsked"},
		{"f1", first, "", "what could not be listed", "", ""},
		{"?", first, "", "what could not be listed", "", ""},
		{"=a? ", "", "a?", "", "", ""},
		{"alt+?", first, "", "what could not be listed", "", ""},
		{"alt+f", first, "", "", "engine: mysql", ""},
		{"alt+f alt+f", first, "", "", "account: 開発", ""},
		{"alt+f alt+f alt+f", first, "", "", "region: ap-northeast-1", ""},
		{"alt+f alt+f alt+f alt+f", first, "", "", "only reachable", ""},
		{"alt+f alt+f alt+f alt+f alt+f", first, "", "", "", ""},
		{"alt+f alt+F", "dev-orders/instance", "", "", "engine: postgres", ""},
		{"alt+f esc", first, "", "", "", ""},
		{"alt+f =x esc", first, "", "", "engine: mysql", ""},
		{"tab j j k", "prod-aurora/writer", "", "", "", ""},
		{"tab G", "踏み台サーバー/node", "", "", "", ""},
		{"tab G g", first, "", "", "", ""},
		{"tab end home", first, "", "", "", ""},
		{"tab v", first, "", "looking for instances", "", "via? 1"},
		{"tab i", first, "", "open host:port", "", ""},
		{"tab e", first, "", "AccessDenied", "", ""},
		{"tab p", first, "", "start-session", "", ""},
		{"tab f F", "dev-orders/instance", "", "", "engine: postgres", ""},
		{"tab y", first, "", "", "", "copy aws ssm start-session"},
		{"tab r", first, "", "", "", "targets.RefreshAsked"},
		{"tab ?", first, "", "what could not be listed", "", ""},
		{"tab q", first, "", "", "", "targets.Leave"},
		{"tab x", first, "", "", "", ""}, // a letter without a meaning is not typed
		{"tab tab =x", "", "x", "", "", ""},
		{"tab / =reader", "prod-aurora/reader", "reader", "", "", ""},
		{"tab esc =reader", "prod-aurora/reader", "reader", "", "", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			m, msgs := keysOf(t, screen(100, 30, plain(), scanned()...), c.keys)
			if c.at != "" && under(m) != c.at {
				t.Errorf("%s: on %s, want %s", c.keys, under(m), c.at)
			}
			if m.query.Value() != c.query || m.filter.String() != c.filter || intents(msgs) != c.intent {
				t.Errorf("%s: query %q, filter %q, intents %q; want %q, %q, %q", c.keys, m.query.Value(), m.filter.String(), intents(msgs), c.query, c.filter, c.intent)
			}
			if (c.over != "") != (m.over.kind != overNone) || !strings.Contains(strings.Join(strings.Fields(ansi.Strip(m.View())), " "), c.over) {
				t.Errorf("%s: want %q over the list:\n%s", c.keys, c.over, ansi.Strip(m.View()))
			}
		})
	}
}

func TestFilterLeavesOnlyItsRows(t *testing.T) {
	m, _ := keysOf(t, screen(100, 30, plain(), scanned()...), "alt+f alt+f alt+f alt+f")
	for _, id := range m.shown {
		if e := &m.data.rows[id]; e.reason() != "" {
			t.Errorf("%s is called reachable: %s", e.name, e.reason())
		}
	}
	m, _ = keysOf(t, screen(100, 30, plain(), scanned()...), "alt+f")
	if got := names(m); !slices.Equal(got, []string{"注文データベース-開発用-とても長い名前のもの", "prod-billing-legacy"}) {
		t.Errorf("engine: mysql shows %v", got)
	}
}

// TestCursorStaysOnItsRow: rows that come in above, a filter and the end of a scan leave the cursor on its row and line.
func TestCursorStaysOnItsRow(t *testing.T) {
	m := screen(80, 12, plain(), Started{Scan: 1, Parts: 2, Unit: "region"}, Found{Scan: 1, Rows: rows()})
	m, _ = keysOf(t, m, "down down down down down down down down down down")
	want, line := under(m), m.list.Cursor-m.list.Top
	var more []Row
	for i := range 40 {
		more = append(more, Row{Account: prod, Via: hop, Database: database(prod, fmt.Sprintf("aaa-%03d", i), aws.RoleInstance, "mysql", 3306)})
	}
	m, _ = m.Update(Found{Scan: 1, Rows: more})
	if under(m) != want || m.list.Cursor-m.list.Top != line {
		t.Errorf("on %s, line %d; want %s, line %d", under(m), m.list.Cursor-m.list.Top, want, line)
	}
	m, _ = m.Update(Finished{Scan: 1})
	if under(m) != want {
		t.Errorf("after the scan on %s, want %s", under(m), want)
	}
	m, _ = keysOf(t, m, "=p")
	if m.list.Cursor != 0 {
		t.Error("typing does not go to the best row")
	}
}

func TestCachedListIsReplacedQuietly(t *testing.T) {
	old := rows()
	gone := Row{Account: prod, Via: hop, Database: database(prod, "gone", aws.RoleInstance, "mysql", 3306)}
	away := aws.Account{ID: prod.ID, Profile: prod.Profile, Region: "us-east-1"}
	kept := Row{Account: away, Via: hop, Database: database(away, "kept", aws.RoleInstance, "mysql", 3306)}
	m := screen(120, 30, plain(), Cached{Rows: append(old, gone, kept), At: now().Add(-3 * 60 * 60e9)})
	if len(m.shown) != len(old)+2 || !strings.Contains(m.View(), "cached 3 h ago") {
		t.Fatalf("the cache shows %d rows:\n%s", len(m.shown), m.View())
	}
	fresh := rows()
	fresh[3].Database.Status = "modifying"
	fresh[0].LastUsed = fresh[4].LastUsed // zero: discovery does not know what was used
	msgs := scanned()
	msgs[1] = Found{Scan: 1, Rows: fresh}
	for _, msg := range msgs {
		m, _ = m.Update(msg)
	}
	m, _ = m.Update(Cached{Rows: old, At: now()}) // late: never replaces what was found
	if e := m.data.rows[m.data.byKey[fresh[3].Key()]]; e.Database.Status != "modifying" {
		t.Error("the cache replaced what was found")
	}
	if e := m.data.rows[m.data.byKey[fresh[0].Key()]]; e.LastUsed.IsZero() {
		t.Error("discovery made the row forget when it was used")
	}
	m, _ = m.Update(Finished{Scan: 1})
	if got := names(m); slices.Contains(got, "gone") || !slices.Contains(got, "kept") {
		t.Errorf("after the scan: %v; what was not seen again must go, except where the scan failed", got)
	}
	if !strings.Contains(m.View(), "cached") {
		t.Error("rows of the cache are left and nothing says so")
	}
}

// What a scan does not see again goes, wherever the cursor is, and the cursor stays on its row.
func TestRowsThatGoLeaveTheCursorAlone(t *testing.T) {
	var old []Row
	for _, id := range []string{"a-gone", "b-gone", "c-gone", "d-stays"} {
		old = append(old, Row{Account: prod, Via: hop, Database: database(prod, id, aws.RoleInstance, "mysql", 3306)})
	}
	m := screen(120, 30, plain(), Cached{Rows: old, At: now()})
	m, _ = keysOf(t, m, "ctrl+end")
	for _, msg := range []tea.Msg{Started{Scan: 1, Parts: 1, Unit: "region"}, Found{Scan: 1, Rows: old[3:]}, Finished{Scan: 1}} {
		m, _ = m.Update(msg)
	}
	if e := m.at(); len(m.shown) != 1 || e == nil || e.name != "d-stays" {
		t.Errorf("after the scan: %v, the cursor on %+v", names(m), e)
	}
	for _, msg := range []tea.Msg{Started{Scan: 2, Parts: 1, Unit: "region"}, Finished{Scan: 2}} {
		m, _ = m.Update(msg)
	}
	if m.at() != nil || !strings.Contains(m.View(), "No databases here.") {
		t.Errorf("everything is gone, and the screen says:\n%s", m.View())
	}
}

// Off the network, or with a sign-in that has expired, the account's id is not known: the list of the last run stays, with its age.
func TestListOfTheLastRunOutlivesAFailedSignIn(t *testing.T) {
	m := screen(120, 30, plain(), Cached{Rows: rows(), At: now().Add(-3 * time.Hour)})
	want := names(m)
	m, _ = m.Update(Started{Scan: 1, Parts: 2, Unit: "region"})
	for _, of := range []aws.Account{prod, dev} {
		of.ID = ""
		m, _ = m.Update(Failed{Scan: 1, Account: of, Err: errors.New("no such host")})
	}
	m, _ = m.Update(Finished{Scan: 1})
	if got := names(m); !slices.Equal(got, want) || !strings.Contains(m.View(), "cached 3 h ago") {
		t.Errorf("%v are left of %v:\n%s", got, want, m.View())
	}
}

// A large cache is on the screen before it is indexed; whoever types before that finds everything all the same.
func TestIndexFillsBetweenFrames(t *testing.T) {
	m := screen(100, 30, plain())
	m, cmd := m.Update(Cached{Rows: crowd(1200, 25), At: now()})
	if len(m.shown) != 1200 || m.index() != 0 || cmd == nil {
		t.Fatalf("%d rows shown, %d indexed before the first frame", len(m.shown), m.index())
	}
	early, _ := keysOf(t, m, "'")
	early, _ = keysOf(t, early, "=-01199")
	if len(early.shown) != 1 {
		t.Errorf("typing early finds %d", len(early.shown))
	}
	m = screen(100, 30, plain())
	m, cmd = m.Update(Cached{Rows: crowd(1200, 25), At: now()})
	steps := 0
	for ; cmd != nil; steps++ {
		var second tea.Cmd
		if m, second = m.Update(Clock{Now: now()}); second != nil {
			t.Fatal("a message starts a second filling")
		}
		m, cmd = m.Update(cmd())
	}
	if m.index() != 1200 || steps != 3 {
		t.Errorf("%d rows indexed in %d steps", m.index(), steps)
	}
}

func (m Model) index() int { return m.data.index.Len() }

func TestAnswersOfOldScansAreDropped(t *testing.T) {
	m := screen(80, 24, plain(), Started{Scan: 1, Parts: 4, Unit: "region"}, Started{Scan: 2, Parts: 4, Unit: "region"}, Found{Scan: 1, Rows: rows()}, Progress{Scan: 1, Done: 3},
		Failed{Scan: 1, Err: errors.New("late")}, Finished{Scan: 1})
	if len(m.data.rows) != 0 || m.status.done != 0 || len(m.status.problems) != 0 || !m.status.running {
		t.Errorf("an old scan left %d rows, %+v", len(m.data.rows), m.status)
	}
}

func TestChoiceOfTheInstance(t *testing.T) {
	choices := []Choice{{Instance: off, Why: "x"}, {Instance: jump, Unfit: "in another VPC"}, {Instance: hop, Why: "same VPC"}}
	synctest.Test(t, func(t *testing.T) {
		m, _ := keysOf(t, screen(100, 30, plain(), scanned()...), "=dev-orders alt+v")
		m, _ = m.Update(ViaAnswer{N: 7, Choices: []Choice{{Instance: off}}})
		if !m.over.waiting {
			t.Fatal("the answer to another question was taken")
		}
		m, _ = m.Update(ViaAnswer{N: m.over.n, Choices: choices})
		lines := ansi.Strip(m.View())
		if a, b, c := strings.Index(lines, "bastion-a ("), strings.Index(lines, "in another VPC"), strings.Index(lines, "ConnectionLost"); a < 0 || b < a || c < b {
			t.Errorf("not online and fit first, with the reasons:\n%s", lines)
		}
		if _, msgs := keysOf(t, m, "down enter"); len(msgs) != 0 {
			t.Errorf("an unfit instance was taken: %s", intents(msgs))
		}
		m, msgs := keysOf(t, m, "enter")
		if intents(msgs) != "chosen dev-orders via i-0a1b2c3d4e5f60718" {
			t.Errorf("got %s", intents(msgs))
		}
		m, _ = m.Update(Found{Scan: 1, Rows: rows()}) // discovery still knows no instance; the user's choice stays
		if _, msgs = keysOf(t, m, "enter"); intents(msgs) != "chosen dev-orders via i-0a1b2c3d4e5f60718" {
			t.Errorf("after a refresh: %s", intents(msgs))
		}
	})
}

func TestKeysInFlightConfirmNothing(t *testing.T) {
	for keys, confirm := range map[string]string{"alt+v": "enter", "=legacy enter": "c"} {
		m := screen(100, 30, plain(), scanned()...)
		for k := range strings.FieldsSeq(keys) { // without running commands: the grace period does not pass
			for _, r := range strings.TrimPrefix(k, "=") {
				if k[0] != '=' {
					m, _ = m.Update(golden.Press(k))
					break
				}
				m, _ = m.Update(golden.Press(string(r)))
			}
		}
		m, _ = m.Update(ViaAnswer{N: m.over.n, Choices: []Choice{{Instance: hop}}})
		if _, cmd := m.Update(golden.Press(confirm)); cmd != nil {
			t.Errorf("%s: %s confirmed what had just opened", keys, confirm)
		}
		m, _ = m.Update(chrome.GateOpened{Name: "targets", ID: 1})
		if _, cmd := m.Update(golden.Press(confirm)); cmd == nil {
			t.Errorf("%s: %s does not confirm after the grace period", keys, confirm)
		}
	}
}

func TestPasteSearches(t *testing.T) {
	m := screen(100, 30, plain(), scanned()...)
	m, _ = m.Update(tea.PasteMsg{Content: "prod-aurora.cluster-ro-c9akciq32rgw.eu-west-1.rds.amazonaws.com:5432\n"})
	if got := names(m); len(got) != 1 || under(m) != "prod-aurora/reader" {
		t.Errorf("a pasted endpoint finds %v", got)
	}
}

// A node that is unfit says why, and does not offer the way that only a database has.
func TestUnfitNodeOffersNoOtherInstance(t *testing.T) {
	m := screen(100, 30, plain(), Started{Scan: 1}, Found{Scan: 1, Rows: []Row{{Account: prod, Instance: &off, Unusable: "the agent was last heard of 3 days ago", Next: "start its agent"}}}, Finished{Scan: 1})
	m, _ = keysOf(t, m, "enter")
	if view := m.View(); m.over.kind != overReason || !strings.Contains(view, "→ start its agent") || strings.Contains(view, "another instance") || len(m.ShortHelp()) != 1 {
		t.Errorf("kind %d, %d keys, an unfit node is explained as:\n%s", m.over.kind, len(m.ShortHelp()), view)
	}
}

func TestBlockedRowsExplain(t *testing.T) {
	r := Row{Account: prod, Database: database(prod, "walled", aws.RoleInstance, "mysql", 3306), Via: hop, Why: "sg-1 lets nobody in on 3306", Reach: ReachNo}
	m, msgs := keysOf(t, screen(100, 30, plain(), Started{Scan: 1}, Found{Scan: 1, Rows: []Row{r}}), "")
	m, cmd := m.Update(golden.Press("enter"))
	if len(msgs) != 0 || m.over.kind != overReason || cmd == nil || !strings.Contains(m.View(), "✗ sg-1 lets nobody in on 3306") {
		t.Errorf("a blocked row is not explained:\n%s", m.View())
	}
}

// A stopped database stays stopped whichever instance is chosen.
func TestStoppedDatabaseIsExplainedAfterTheChoice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := keysOf(t, screen(100, 30, plain(), scanned()...), "=legacy alt+v")
		m, _ = m.Update(ViaAnswer{N: m.over.n, Choices: []Choice{{Instance: hop}}})
		if m, msgs := keysOf(t, m, "enter"); len(msgs) != 0 || m.over.kind != overReason {
			t.Errorf("got %s", intents(msgs))
		}
	})
}

func TestRecentsFirstThenNames(t *testing.T) {
	m := screen(100, 30, plain(), scanned()...)
	got := names(m)
	if want := []string{"注文データベース-開発用-とても長い名前のもの", "prod-aurora", "redis.internal:6379", "dev-orders"}; !slices.Equal(got[:4], want) {
		t.Errorf("first %v, want %v", got[:4], want)
	}
	if last := m.data.rows[m.shown[len(m.shown)-1]]; last.role != "node" {
		t.Errorf("last is %s %s, want the nodes at the end", last.role, last.name)
	}
}
