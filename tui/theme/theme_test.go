package theme

import (
	"fmt"
	"image/color"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// luminance and contrast are WCAG 2.1's relative luminance and contrast ratio.
func luminance(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	lin := func(v uint32) float64 {
		f := float64(v) / 0xffff
		if f <= 0.03928 {
			return f / 12.92
		}
		return math.Pow((f+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(r) + 0.7152*lin(g) + 0.0722*lin(b)
}

func contrast(a, b color.Color) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestContrastFormula(t *testing.T) {
	if got := contrast(color.White, color.Black); math.Abs(got-21) > 0.01 {
		t.Fatalf("white on black = %.2f:1, want 21:1", got)
	}
	if got := contrast(lipgloss.Color("#4a4a4a"), color.Black); got > 4.5 {
		t.Fatalf("the formula lets #4a4a4a on black pass: %.2f:1", got)
	}
}

// The grounds that terminals are set to: black, two usual dark themes; white, and Solarized's cream.
func plains(dark bool) []string {
	if dark {
		return []string{"#000000", "#1e1e1e", "#282c34"}
	}
	return []string{"#ffffff", "#fdf6e3"}
}

func TestEveryRoleIsLegible(t *testing.T) {
	for _, dark := range []bool{true, false} {
		th := New(dark, Full)
		for r := range roles {
			if fg, _ := th.Colours(r, Plain); fg != nil {
				for _, bg := range plains(dark) {
					if got := contrast(fg, lipgloss.Color(bg)); got < 4.5 {
						t.Errorf("dark=%v role %d on %s: %.2f:1", dark, r, bg, got)
					}
				}
			}
			fg, bg := th.Colours(r, Selected)
			if fg == nil || bg == nil {
				t.Errorf("dark=%v role %d has no colours of its own on the selected row", dark, r)
				continue
			}
			if got := contrast(fg, bg); got < 4.5 {
				t.Errorf("dark=%v role %d on the selected row: %.2f:1", dark, r, got)
			}
		}
	}
}

// xterm's 16 colours, the set that the basic palette is chosen for.
func xterm(c ansi.BasicColor) color.Color {
	return lipgloss.Color([]string{
		"#000000", "#cd0000", "#00cd00", "#cdcd00", "#0000ee", "#cd00cd", "#00cdcd", "#e5e5e5",
		"#7f7f7f", "#ff0000", "#00ff00", "#ffff00", "#5c5cff", "#ff00ff", "#00ffff", "#ffffff",
	}[c])
}

func TestBasicColoursAreLegible(t *testing.T) {
	for _, dark := range []bool{true, false} {
		th := New(dark, Basic)
		bg := color.Color(color.White)
		if dark {
			bg = color.Black
		}
		for r := range roles {
			fg, _ := th.Colours(r, Plain)
			if fg == nil {
				continue
			}
			if got := contrast(xterm(fg.(ansi.BasicColor)), bg); got < 4.5 {
				t.Errorf("dark=%v role %d: %.2f:1", dark, r, got)
			}
		}
	}
}

func TestNoColourHasNoColour(t *testing.T) {
	th := New(true, None)
	for g := range grounds {
		for r := range roles {
			got := th.On(g, r, "x")
			for _, sgr := range regexp.MustCompile("\x1b\\[([0-9;]*)m").FindAllStringSubmatch(got, -1) {
				for param := range strings.SplitSeq(sgr[1], ";") {
					if !slices.Contains([]string{"", "1", "4", "7"}, param) { // reset, bold, underline, reverse
						t.Errorf("role %d on %d is painted %q", r, g, got)
					}
				}
			}
		}
	}
	if th.Paint(Match, "x") == th.Paint(Text, "x") {
		t.Error("without colour a found letter looks like any other")
	}
	if th.On(Selected, Text, "x") == th.Paint(Text, "x") {
		t.Error("without colour the selected row looks like any other")
	}
}

func TestPaintKeepsTheText(t *testing.T) {
	for _, depth := range []Depth{None, Basic, Full} {
		for _, dark := range []bool{true, false} {
			th := New(dark, depth)
			for r := range roles {
				if got := ansi.Strip(th.On(Selected, r, "注文 orders")); got != "注文 orders" {
					t.Errorf("%v %v %d: %q", dark, depth, r, got)
				}
			}
		}
	}
	if got := (Theme{}).Paint(Error, "x"); got != "x" {
		t.Errorf("the zero theme paints %q", got)
	}
}

func TestDepthOf(t *testing.T) {
	for name, want := range map[string]Depth{"TrueColor": Full, "ANSI256": Full, "ANSI": Basic, "Ascii": None, "NoTTY": None, "": None} {
		if got := DepthOf(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}

func ExampleTheme_Paint() {
	fmt.Printf("%q\n", New(true, Basic).Paint(Error, "failed"))
	// Output: "\x1b[91mfailed\x1b[m"
}
