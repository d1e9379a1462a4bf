package profiles

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes config files as people and tools leave them: every oddity of docs/aws.md §1.1, more or less often.
type generator struct {
	*rand.Rand
	clean bool // nothing that makes the AWS CLI refuse the file
	used  map[string]bool
}

func newGenerator(seed uint64, clean bool) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 4)), clean: clean, used: map[string]bool{}}
}

func (g *generator) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g *generator) name() string {
	return g.pick("dev", "prod", "acme", "acme.prod", "a/b", "équipe-日本", "x1", "ops@corp", "DEV", "z_9", "base", "old+new")
}

func (g *generator) header() string {
	name := g.name()
	h := "[profile " + name + "]"
	switch g.IntN(20) {
	case 0:
		h = "[default]"
	case 1:
		h = "[profile default]"
	case 2:
		h = `[profile "a b"]`
	case 3:
		h = "[profile 'c d']"
	case 4:
		h = "[profile a b]"
	case 5:
		h = "[ profile " + name + " ]"
	case 6:
		h = "[profile   " + name + "]"
	case 7:
		h = "[profile\t" + name + "]"
	case 8:
		h = "[sso-session " + name + "]"
	case 9:
		h = "[services " + name + "]"
	case 10:
		h = "[" + name + "]"
	case 11:
		h = "[Profile " + name + "]"
	case 12:
		h = "[profile " + name + "] # see [docs]"
	case 13:
		h = "[profile " + name + "] trailing"
	case 14:
		h = "[profile a]b]"
	case 15:
		h = "[" + g.pick("plugins", "preview", "DEFAULT", `profile "`+name+`"`, "profiles "+name, `profile a\ b`) + "]"
	}
	if g.chance(3) {
		h = "  " + h
	}
	if g.chance(3) {
		h += "  "
	}
	return h
}

func (g *generator) value() string {
	return g.pick("eu-west-1", "us-east-1", "a=b==", `"quoted"`, "'single'", `"a" and "b"`, `"abc`, "a#b;c", "x # comment", "y ; comment",
		"z\t# tabbed", "%(region)s", "https://x.example.com/start#/", `C:\dir\`, "arn:aws:iam::111122223333:role/Dev", "", "café", "`tick`",
		"/bin/get \"a b\" --x='y' --pct 100%", "[profile fake]", "#hash", "1", "a  b", "x:y")
}

func (g *generator) key() string {
	return g.pick("region", "mfa_serial", "external_id", "role_session_name", "ca_bundle", "endpoint_url", "output", "Region", "x_custom", "granted_x")
}

func (g *generator) property(indent string) []string {
	lines := []string{indent + g.key() + g.pick(" = ", "=", " =", "= ", ": ", ":", "\t=\t", "   =   ") + g.value() + g.pick("", "", "", " ", "\t")}
	if g.chance(8) {
		inner := indent + g.pick("  ", "    ", "\t")
		lines = []string{indent + g.pick("s3", "dynamodb", "ssm") + " ="}
		for range 1 + g.IntN(3) {
			lines = append(lines, inner+g.pick("max_x = 20", "endpoint_url = http://localhost:1", "Mixed = Case", "a=b # c", "q = \"v\""))
			if g.chance(10) {
				lines = append(lines, g.pick("", inner+"# nested comment", "# comment"))
			}
		}
	} else if g.chance(4) {
		lines = append(lines, indent+g.pick("    --account 1", "  more", "\tx = y", "   [profile cont]"))
	}
	return lines
}

func (g *generator) filler() string {
	return g.pick("", "", "# comment", ";comment", "  # indented comment", "#region = x", "\t", "   ")
}

// key of a line, for clean files: lower case, without its value.
func (g *generator) fresh(section, line string) bool {
	at := strings.IndexAny(line, "=:")
	id := section
	if at >= 0 {
		id += "\x00" + strings.ToLower(strings.TrimSpace(line[:at]))
	}
	if g.used[id] {
		return false
	}
	g.used[id] = true
	return true
}

// file is a whole config file.
func (g *generator) file() []byte {
	var lines []string
	for range g.IntN(4) {
		lines = append(lines, g.filler())
	}
	for range g.IntN(7) {
		lines = append(lines, g.section()...)
	}
	if !g.clean && g.chance(10) {
		at := g.IntN(len(lines) + 1)
		lines = append(lines[:at:at], append([]string{g.pick("this is junk", "caf\xe9 = x", "# caf\xe9", "= value", "key = before", "x = \"", "lone\rcr = 1", "[]", "[")}, lines[at:]...)...)
	}
	text := g.joined(lines)
	if !g.clean && g.chance(3) {
		text = "\ufeff" + text
	}
	return []byte(text)
}

func (g *generator) section() []string {
	h := g.header()
	if g.clean {
		for !g.fresh(strings.TrimSpace(h), "") {
			h = fmt.Sprintf("[profile n%d]", g.IntN(1e9))
		}
	}
	lines := []string{h}
	indent := ""
	if g.chance(5) {
		indent = "  "
	}
	for range g.IntN(6) {
		p := g.property(indent)
		if !g.clean || g.fresh(h, p[0]) {
			lines = append(lines, p...)
		}
		if g.chance(20) {
			lines = append(lines, g.filler())
		}
	}
	if g.chance(60) {
		lines = append(lines, "")
	}
	return lines
}

func (g *generator) joined(lines []string) string {
	crlf, mixed := g.chance(15), g.chance(5)
	var b strings.Builder
	for i, l := range lines {
		b.WriteString(l)
		if i == len(lines)-1 && g.chance(25) {
			break
		}
		if crlf || mixed && g.chance(50) {
			b.WriteByte('\r')
		}
		b.WriteByte('\n')
	}
	return b.String()
}
