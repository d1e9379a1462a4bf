package targets

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/golden"
	"github.com/rdsx/rdsx/tui/theme"
)

// views are the states of the screen that are drawn in the golden files.
func views(t *testing.T, w, h int, th theme.Theme) map[string]Model {
	choices := ViaAnswer{N: 1, Choices: []Choice{
		{Instance: off, Unfit: "agent lost 3 days ago"}, {Instance: hop, Why: "its group is let in on 5432"}, {Instance: jump, Unfit: "in another VPC without a peering"},
	}}
	out := map[string]Model{
		"list":   screen(w, h, th, scanned()...),
		"empty":  screen(w, h, th, Started{Scan: 1, Parts: 4, Unit: "region"}),
		"cached": screen(w, h, th, Cached{Rows: rows(), At: now().Add(-200 * 60e9)}),
	}
	from := func(name, keys string, answers ...tea.Msg) {
		m, _ := keysOf(t, screen(w, h, th, scanned()...), keys)
		for _, a := range answers {
			m, _ = m.Update(a)
		}
		out[name] = m
	}
	from("search", "=prd_or")
	from("japanese", "=注文")
	from("commands", "tab f f")
	from("errors", "alt+e")
	from("details", "down alt+p")
	from("help", "f1")
	from("via", "down alt+v", choices)
	from("host", "alt+i =db.inter")
	from("reason", "=billing enter")
	way := func(name, keys string) {
		m, _ := keysOf(t, screen(w, h, th, Started{Scan: 1, Parts: 1, Unit: "region"}, Found{Scan: 1, Rows: judged()}, Finished{Scan: 1}), keys)
		out[name] = m
	}
	way("way-open", "=open")
	way("way-doubt", "=doubt")
	way("way-blocked", "=blocked")
	way("way-details", "=open alt+p")
	way("way-reason", "=blocked enter")
	return out
}

// judged are rows whose way has been looked at: one open, one in doubt, one blocked.
func judged() []Row {
	layers := func(change func([]aws.Layer)) []aws.Layer {
		all := []aws.Layer{
			{Name: "state", Answer: aws.Yes, Rule: "i-0a1b2c3d4e5f60718", Why: "the instance is online and the database serves"},
			{Name: "address", Answer: aws.Yes, Rule: "eni-0c0ffee0c0ffee001; eni-0c0ffee0c0ffee002", Why: "10.0.3.17 → 10.0.20.4"},
			{Name: "dns", Answer: aws.Yes, Rule: "vpc-0f00d1", Why: "the name resolves in vpc-0f00d1"},
			{Name: "route", Answer: aws.Yes, Rule: "rtb-0a0000000000000aa 10.0.0.0/16 → local", Why: "both are in vpc-0f00d1"},
			{Name: "return route", Answer: aws.Yes, Rule: "rtb-0a0000000000000bb 10.0.0.0/16 → local", Why: "both are in vpc-0f00d1"},
			{Name: "egress", Answer: aws.Yes, Rule: "sg-0b0000000000000b0 all → 0.0.0.0/0", Why: "tcp/5432 is allowed"},
			{Name: "ingress", Answer: aws.Yes, Rule: "sg-0d0000000000000d0 tcp/5432 ← sg-0b0000000000000b0", Why: "tcp/5432 is allowed"},
			{Name: "acl", Answer: aws.Yes, Rule: "acl-0e0000000000000e0 #100 allow all 0.0.0.0/0", Why: "allowed"},
			{Name: "return acl", Answer: aws.Yes, Rule: "acl-0e0000000000000e0 #100 allow all 0.0.0.0/0", Why: "allowed"},
		}
		change(all)
		return all
	}
	row := func(id string, v aws.Verdict) Row {
		return Row{Account: prod, Database: database(prod, id, aws.RoleInstance, "postgres", 5432), Via: hop, Why: "every rule on the way lets it through, in the same zone"}.Judged(v)
	}
	return []Row{
		row("open", aws.Verdict{Answer: aws.Yes, Layers: layers(func([]aws.Layer) {}), Notes: []string{"after a failover to subnet-0a0000000000000c3 (eu-west-1c) it would fail: acl: tcp/5432 into subnet-0a0000000000000c3 is denied"}}),
		row("doubt", aws.Verdict{Answer: aws.Unknown, Layers: layers(func(l []aws.Layer) {
			l[7] = aws.Layer{Name: "acl", Answer: aws.Unknown, Why: "the network ACL of subnet-0a0000000000000a1 could not be read: ec2:DescribeNetworkAcls is not allowed"}
			l[8] = l[7]
			l[8].Name = "return acl"
		})}),
		row("blocked", aws.Verdict{Answer: aws.No, Layers: layers(func(l []aws.Layer) {
			l[6] = aws.Layer{Name: "ingress", Answer: aws.No, Rule: "sg-0d0000000000000d0", Why: "no ingress rule allows tcp/5432 from 10.0.3.17", Fix: &aws.Fix{
				Text:    "add to sg-0d0000000000000d0: ingress tcp/5432 from sg-0b0000000000000b0",
				Command: "aws ec2 authorize-security-group-ingress --group-id sg-0d0000000000000d0 --ip-permissions 'IpProtocol=tcp,FromPort=5432,ToPort=5432,UserIdGroupPairs=[{GroupId=sg-0b0000000000000b0}]' --region eu-west-1",
			}}
		})}),
	}
}

func page(m Model, w, h int, th theme.Theme) string {
	p := chrome.Page{Theme: th, W: w, H: h, Name: "targets", Context: []string{"prod-admin", "123456789012", "4 regions"}, Help: m.ShortHelp()}
	m.SetSize(p.BodySize())
	return p.View(m.View())
}

func TestGoldenScreens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the grace periods pass at once
		for _, size := range [][2]int{{40, 12}, {80, 24}, {140, 40}} {
			for name, th := range map[string]theme.Theme{
				"light": theme.New(false, theme.Full), "dark": theme.New(true, theme.Full), "none": theme.New(true, theme.None),
			} {
				w, h := size[0], size[1]
				bw, bh := chrome.Page{W: w, H: h}.BodySize()
				for view, m := range views(t, bw, bh, th) {
					got := page(m, w, h, th)
					golden.Exact(t, view, got, w, h)
					if strings.Contains(got, "\x1b[2J") || strings.Contains(got, "\x1b]") {
						t.Errorf("%s: an escape sequence of a name reached the terminal", view)
					}
					golden.Screen(t, fmt.Sprintf("%s-%dx%d-%s", view, w, h, name), got)
				}
			}
		}
	})
}

// TestEveryLineHasExactlyItsWidth draws every view at every size that a terminal may have.
func TestEveryLineHasExactlyItsWidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the grace periods pass at once
		th := theme.New(true, theme.Full)
		for view, m := range views(t, 80, 24, th) {
			for w := 40; w <= 200; w += 7 {
				for h := 10; h <= 60; h += 10 {
					m.SetSize(w, h)
					golden.Exact(t, view, m.View(), w, h)
					if c := m.Cursor(); c != nil && (c.X < 0 || c.X >= w || c.Y < 0 || c.Y >= h) {
						t.Fatalf("%s at %d×%d: cursor at %d,%d", view, w, h, c.X, c.Y)
					}
				}
			}
		}
	})
}

// TestAnyNameKeepsTheGrid puts names of all kinds in every place that shows one.
func TestAnyNameKeepsTheGrid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the grace periods pass at once
		th := theme.New(false, theme.Full)
		for _, name := range []string{
			"", " ", "a\nb\tc", "\x1b[31mred\x1b[0m", "👩‍👩‍👧‍👦👨‍👩‍👧", "🇯🇵🇯🇵", strings.Repeat("注", 90), strings.Repeat("e\u0301", 90), "\u202eabc\u202c", "\xff\xfe", "स्ते", "ﷺﷺﷺ", "\u0600\u0601x",
		} {
			d := database(prod, "x", aws.RoleInstance, "postgres", 5432)
			d.ID, d.Engine, d.VPC, d.Tags = name, name, name, map[string]string{name: name}
			i := hop
			i.Name = name
			m := screen(120, 30, th, Started{Scan: 1, Parts: 1, Unit: "region"}, Found{Scan: 1, Rows: []Row{
				{Account: aws.Account{ID: "1", Profile: name, Region: name}, Alias: name, Database: d, Via: i, Why: name},
				{Account: prod, Alias: name, Database: database(prod, "y", aws.RoleWriter, "mysql", 1), Unusable: name, Next: name},
				{Account: prod, Instance: &i},
			}})
			for _, keys := range []string{"", "alt+p", "alt+v", "alt+i", "down enter", "down down enter"} {
				m, _ := keysOf(t, m, keys)
				m, _ = m.Update(ViaAnswer{N: m.over.n, Choices: []Choice{{Instance: i, Why: name}, {Instance: off, Unfit: name}}})
				for w := 40; w < 160; w += 37 {
					m.SetSize(w, 20)
					got := m.View()
					golden.Exact(t, fmt.Sprintf("%q after %q", name, keys), got, w, 20)
					if strings.Contains(got, "\x1b[31mred") {
						t.Fatal("an escape sequence of a name reached the terminal")
					}
				}
			}
		}
	})
}

// Where all does not fit beside the list, the way gives way first: what the row is and the command that it replaces are there.
func TestPreviewGivesWay(t *testing.T) {
	show := func(h int, name string) string {
		m, _ := keysOf(t, screen(140, h, plain(), Started{Scan: 1, Parts: 1, Unit: "region"}, Found{Scan: 1, Rows: judged()}, Finished{Scan: 1}), "="+name)
		return m.View()
	}
	for _, c := range []struct {
		h    int
		row  string
		has  []string
		none []string
	}{
		{60, "open", []string{"rtb-0a0000000000000aa", "endpoint", "--profile prod-admin"}, []string{"shows all"}},
		{40, "open", []string{"✓ state, address, dns", "endpoint", "start-session --target", "--region eu-west-1", "profile   prod-admin"}, []string{"shows all", "rd…"}},
		{36, "open", []string{"prod-admin · 123456789012 · eu-west-1", "--region eu-west-1"}, []string{"shows all"}},
		{40, "blocked", []string{"no ingress rule allows tcp/5432", "✓ state, address, dns", "endpoint", "start-session --target"}, nil},
		{24, "open", []string{"endpoint", "port", "… alt+p shows all"}, nil},
	} {
		screen := show(c.h, c.row)
		for _, s := range c.has {
			if !strings.Contains(screen, s) {
				t.Errorf("%d lines: no %q in\n%s", c.h, s, screen)
			}
		}
		for _, s := range c.none {
			if strings.Contains(screen, s) {
				t.Errorf("%d lines: %q in\n%s", c.h, s, screen)
			}
		}
	}
}

// Off the network everything fails for one reason: each account is named once, and so is what to do.
func TestErrorsNameAPlaceOnce(t *testing.T) {
	of := aws.Account{Profile: "dev", Region: "eu-west-1"}
	refused := aws.Advise(errors.New("rds:DescribeDBInstances: refuses the connection"), nil, "check the proxy settings")
	m := screen(100, 40, plain(), Started{Scan: 1, Parts: 1, Unit: "region"}, Failed{Scan: 1, Account: of, Err: refused}, Failed{Scan: 1, Account: of, Err: refused},
		Failed{Scan: 1, Err: errors.New(`profile "x" loops`)})
	m, _ = keysOf(t, m, "alt+e")
	view := ansi.Strip(m.View())
	for s, n := range map[string]int{"✗ dev · eu-west-1": 1, "refuses the connection": 2, "→ check the proxy": 1, `✗ profile "x" loops`: 1} {
		if got := strings.Count(view, s); got != n {
			t.Errorf("%q stands there %d times, want %d:\n%s", s, got, n, view)
		}
	}
}
