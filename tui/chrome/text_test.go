package chrome

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/tui/theme"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"prod-orders":                     "prod-orders",
		"注文データベース":                        "注文データベース",
		"café":                            "café",
		"مستودع":                          "مستودع",
		"a\tb\nc":                         "a b c",
		"\x1b[2Jowned":                    "\ufffd[2Jowned",
		"\x1b]52;c;AAAA\x07x":             "\ufffd]52;c;AAAA\ufffdx",
		"c1\u009b31mred":                  "c1\ufffd31mred",
		"abc\u202edcba":                   "abcdcba",
		"a\u200bb":                        "ab",
		"👩\u200d👩\u200d👧 family":          "👩 family",
		"⚠\ufe0f warn":                    "⚠ warn",
		"\xff\xfe":                        "\ufffd\ufffd",
		"🚀 launch":                        "🚀 launch",
		"e\u0301te\u0301":                 "e\u0301te\u0301",
		"one\r\ntwo":                      "one  two",
		"tag\U000e0067\U000e007f end":     "tag end",
		"iso\u2066x\u2069":                "isox",
		"line\u2028sep":                   "line sep",
		"soft\u00adhyphen":                "softhyphen",
		strings.Repeat("x", 300) + "\x00": strings.Repeat("x", 300) + "\ufffd",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"x", "注文\x1b[31m", "👩‍👩‍👧", "🇯🇵🇯", "स्ते", "\u202eabc", "a\u0301\u0301", "\xc3\x28", "가각ᄀ", "\u0600٣", "\u200d\u0b47", "\u202e\u0b47x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if !utf8.ValidString(got) {
			t.Fatalf("%q became invalid UTF-8 %q", s, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
				t.Fatalf("%q still holds %U: %q", s, r, got)
			}
		}
		if a, b := ansi.StringWidth(got), ansi.StringWidthWc(got); a != b {
			t.Fatalf("%q: terminals would disagree on %q: %d or %d cells", s, got, a, b)
		}
		if again := Clean(got); again != got {
			t.Fatalf("cleaning %q twice changes it: %q", got, again)
		}
	})
}

func FuzzCells(f *testing.F) {
	th := theme.New(true, theme.Full)
	f.Add("orders › ●", "注文")
	f.Add("●\u0301", "x")
	f.Add("\x1b[1;2mx\x1b[m", "\x1b]0;x")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, s := range []string{a, Clean(a), th.Paint(theme.Match, Clean(a)) + th.Paint(theme.Error, Clean(b))} {
			if got, want := cells(s), ansi.StringWidth(s); got != want {
				t.Fatalf("%q: %d cells, want %d", s, got, want)
			}
		}
	})
}

func FuzzCell(f *testing.F) {
	f.Add("注文データ", 5)
	f.Add("orders", 3)
	f.Add("", 9)
	f.Fuzz(func(t *testing.T, s string, w int) {
		w = min(max(w, 0), 300)
		s = Clean(s)
		for name, got := range map[string]string{"Cell": Cell(s, w), "CellRight": CellRight(s, w)} {
			if n := ansi.StringWidth(got); n != w {
				t.Fatalf("%s(%q, %d) has %d cells", name, s, w, n)
			}
		}
		if n := ansi.StringWidth(Middle(s, w)); n > w {
			t.Fatalf("Middle(%q, %d) has %d cells", s, w, n)
		}
	})
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		in   string
		w    int
		want string
	}{
		{"a host-name.with-hyphens stays", 24, "a host-name.with-hyphens|stays"},
		{"注文データ ベース", 6, "注文デ|ータ|ベース"},
		{"", 5, ""},
		{"  x  y  ", 5, "x y"},
		{"注", 1, "…"},
		{"abcdef gh", 4, "abcd|ef|gh"},
	} {
		if got := strings.Join(Wrap(c.in, c.w), "|"); got != c.want {
			t.Errorf("Wrap(%q, %d) = %q, want %q", c.in, c.w, got, c.want)
		}
	}
}

func TestMiddleKeepsBothEnds(t *testing.T) {
	got := Middle("prod-orders.cluster-c9akciq32rgw.eu-west-1.rds.amazonaws.com", 30)
	if !strings.HasPrefix(got, "prod-orders") || !strings.HasSuffix(got, "amazonaws.com") || ansi.StringWidth(got) != 30 {
		t.Errorf("got %q", got)
	}
}

func TestFillAndOver(t *testing.T) {
	th := theme.New(true, theme.Full)
	behind := strings.Repeat(th.Paint(theme.Accent, "注文データ")+"ベース 注文\n", 20)
	for w := 1; w < 60; w++ {
		for _, h := range []int{1, 3, 11, 30} {
			exact(t, Fill(behind, w, h), w, h)
			if strings.Contains(Over(th, behind, "╭╮", w, h), "…") && w >= 22 {
				t.Errorf("%d×%d: laying a box over the screen cut what lies at its right", w, h)
			}
			exact(t, Over(th, behind, "┌──注──┐\n│ box  │\n└──────┘", w, h), w, h)
		}
	}
}

func exact(t *testing.T, s string, w, h int) {
	t.Helper()
	lines := strings.Split(s, "\n")
	if len(lines) != h {
		t.Fatalf("%d lines, want %d", len(lines), h)
	}
	for i, l := range lines {
		if n := ansi.StringWidth(l); n != w {
			t.Fatalf("line %d has %d cells, want %d: %q", i, n, w, l)
		}
	}
}
