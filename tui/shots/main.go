// Command shots draws golden screens as pictures for the documentation. It is a module of its own, so that the font library
// stays out of rdsx.
//
//	cd tui/shots && go run . -o ../../docs/images
//
// The pictures are drawn cell by cell, so columns stand exactly where a terminal has them. Fonts are those of Debian's
// fonts-dejavu-core and fonts-vlgothic; the first one that has a glyph draws it.
package main

import (
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// pictures are the golden files that the documentation shows, below tui/, by the name of their picture.
func pictures() map[string]string {
	out := map[string]string{}
	for _, ground := range []string{"dark", "light"} {
		out["targets-"+ground] = "targets/testdata/list-140x40-" + ground
		out["tunnels-"+ground] = "tunnels/testdata/list-140x40-" + ground
		out["profiles-"+ground] = "roles/testdata/chain-80x24-" + ground
		out["profiles-diff-"+ground] = "roles/testdata/diff-80x24-" + ground
		out["doctor-healthy-"+ground] = "../testdata/screens/doctor-healthy-" + ground
		out["doctor-broken-"+ground] = "../testdata/screens/doctor-broken-" + ground
		out["port-"+ground] = "testdata/port-80x24-" + ground
	}
	return out
}

func main() {
	out := flag.String("o", ".", "folder for the pictures")
	root := flag.String("tui", "..", "the tui folder, with its golden files")
	fonts := flag.String("fonts", "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf,/usr/share/fonts/truetype/vlgothic/VL-Gothic-Regular.ttf,/usr/share/fonts/opentype/unifont/unifont_upper.otf", "font files, the preferred one first; missing ones are left out")
	size := flag.Float64("size", 18, "of the font, in pixels")
	flag.Parse()
	if err := run(*out, *root, strings.Split(*fonts, ","), *size); err != nil {
		fmt.Fprintln(os.Stderr, "shots:", err)
		os.Exit(1)
	}
}

func run(out, root string, fonts []string, size float64) error {
	pen, err := newPen(fonts, size)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for name, golden := range pictures() {
		screen, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(golden)+".golden"))
		if err != nil {
			return err
		}
		pen.light = strings.HasSuffix(golden, "-light")
		if err := write(filepath.Join(out, name+".png"), pen.draw(string(screen))); err != nil {
			return err
		}
	}
	return nil
}

func write(path string, img image.Image) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(f, img); err != nil {
		_ = f.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Close()
}

// face is a font at its size, and the font itself, which knows what glyphs it has.
type face struct {
	font.Face
	has *sfnt.Font
}

// pen draws screens with the same fonts on the same grid.
type pen struct {
	faces         []face
	width, height int // of a cell, in pixels
	ascent        int
	light         bool
	buf           sfnt.Buffer
}

func newPen(fonts []string, size float64) (*pen, error) {
	p := &pen{}
	for _, path := range fonts {
		data, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		collection, err := opentype.ParseCollection(data)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		one, err := collection.Font(0)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		f, err := opentype.NewFace(one, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		p.faces = append(p.faces, face{f, one})
	}
	if len(p.faces) == 0 {
		return nil, fmt.Errorf("none of the fonts is there: %s", strings.Join(fonts, ", "))
	}
	advance, _ := p.faces[0].GlyphAdvance('M')
	metrics := p.faces[0].Metrics()
	p.width, p.height, p.ascent = advance.Round(), (metrics.Ascent + metrics.Descent).Ceil(), metrics.Ascent.Ceil()
	return p, nil
}

const margin = 14 // pixels round the screen

func (p *pen) draw(screen string) image.Image {
	lines := strings.Split(screen, "\n")
	h := len(lines)
	w := 0
	for _, l := range lines {
		w = max(w, cells(l))
	}
	em := vt.NewEmulator(w, h)
	if _, err := em.WriteString(strings.Join(lines, "\r\n")); err != nil {
		panic(err) // the emulator writes to memory
	}
	fg, bg := color.RGBA{0xdd, 0xe1, 0xe6, 255}, color.RGBA{0x16, 0x18, 0x1d, 255}
	if p.light {
		fg, bg = color.RGBA{0x1c, 0x1e, 0x21, 255}, color.RGBA{0xff, 0xff, 0xff, 255}
	}
	img := image.NewRGBA(image.Rect(0, 0, w*p.width+2*margin, h*p.height+2*margin))
	draw.Draw(img, img.Bounds(), image.NewUniform(bg), image.Point{}, draw.Src)
	for y := range h {
		for x := range w {
			c := em.CellAt(x, y)
			if c == nil || c.Width == 0 {
				continue
			}
			ink, paper := color.Color(fg), color.Color(bg)
			if c.Style.Fg != nil {
				ink = c.Style.Fg
			}
			if c.Style.Bg != nil {
				paper = c.Style.Bg
			}
			at := image.Rect(x*p.width, y*p.height, (x+c.Width)*p.width, (y+1)*p.height).Add(image.Pt(margin, margin))
			draw.Draw(img, at, image.NewUniform(paper), image.Point{}, draw.Src)
			p.glyph(img, at.Min, c.Content, ink)
		}
	}
	return img
}

// glyph draws the first rune of a cell; the screens have no others.
func (p *pen) glyph(img draw.Image, at image.Point, content string, ink color.Color) {
	for _, r := range content {
		if r == ' ' {
			return
		}
		for i, f := range p.faces {
			if g, err := f.has.GlyphIndex(&p.buf, r); (err != nil || g == 0) && i < len(p.faces)-1 {
				continue
			}
			d := font.Drawer{Dst: img, Src: image.NewUniform(ink), Face: f, Dot: fixed.P(at.X, at.Y+p.ascent)}
			d.DrawString(string(r))
			return
		}
	}
}

// cells is the width of a painted line.
func cells(line string) int { return ansi.StringWidth(line) }
