package setup

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// The texts are trees of these: object, list, string, int, bool, and raw for what a format writes as it is.
type (
	field struct {
		name  string
		value any
	}
	object []field
	list   []any
	raw    string // an expression of Terraform
)

func words(all []string) list {
	out := make(list, len(all))
	for i, w := range all {
		out[i] = w
	}
	return out
}

// jsonText renders a tree as JSON, two blanks a level, names in the order of the tree. say turns a string into what stands for
// it, which CloudFormation makes an object where it holds {account} and the like.
func jsonText(v any, say func(string) any) string {
	var b strings.Builder
	writeJSON(&b, v, say, "")
	return b.String()
}

func writeJSON(b *strings.Builder, v any, say func(string) any, indent string) {
	switch v := v.(type) {
	case object:
		b.WriteString("{")
		for i, f := range v {
			comma(b, i, indent)
			b.WriteString(quoteJSON(f.name) + ": ")
			writeJSON(b, f.value, say, indent+"  ")
		}
		closing(b, len(v), indent, "}")
	case list:
		b.WriteString("[")
		for i, item := range v {
			comma(b, i, indent)
			writeJSON(b, item, say, indent+"  ")
		}
		closing(b, len(v), indent, "]")
	case string:
		if said, ok := say(v).(string); ok {
			b.WriteString(quoteJSON(said))
			return
		}
		writeJSON(b, say(v), func(s string) any { return s }, indent)
	case int:
		b.WriteString(strconv.Itoa(v))
	case bool:
		b.WriteString(strconv.FormatBool(v))
	}
}

func comma(b *strings.Builder, i int, indent string) {
	if i > 0 {
		b.WriteString(",")
	}
	b.WriteString("\n" + indent + "  ")
}

func closing(b *strings.Builder, n int, indent, bracket string) {
	if n > 0 {
		b.WriteString("\n" + indent)
	}
	b.WriteString(bracket)
}

// quoteJSON leaves < and > readable, as nothing here ends in a page.
func quoteJSON(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // strings always encode
	return strings.TrimSuffix(b.String(), "\n")
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// hclText renders a tree as an expression of Terraform, formatted as `terraform fmt` does: the equals signs of neighbouring
// lines are aligned, a value of several lines stands for itself.
func hclText(v any, say func(string) string, indent string) string {
	switch v := v.(type) {
	case object:
		if len(v) == 0 {
			return "{}"
		}
		return "{\n" + hclFields(v, say, indent+"  ") + indent + "}"
	case list:
		return hclList(v, say, indent)
	case string:
		return say(v)
	case raw:
		return string(v)
	case int:
		return strconv.Itoa(v)
	case bool:
		return strconv.FormatBool(v)
	}
	return "null"
}

func hclList(v list, say func(string) string, indent string) string {
	parts := make([]string, len(v))
	oneLine := true
	for i, item := range v {
		parts[i] = hclText(item, say, indent+"  ")
		oneLine = oneLine && !strings.Contains(parts[i], "\n")
	}
	if joined := "[" + strings.Join(parts, ", ") + "]"; oneLine && len(joined) <= 100 {
		return joined
	}
	return "[\n" + indent + "  " + strings.Join(parts, ",\n"+indent+"  ") + ",\n" + indent + "]"
}

// hclFields writes one field a line.
func hclFields(fields []field, say func(string) string, indent string) string {
	type line struct{ name, value string }
	var lines []line
	for _, f := range fields {
		name := f.name
		if !identifier.MatchString(name) {
			name = quoteJSON(name)
		}
		lines = append(lines, line{name, hclText(f.value, say, indent)})
	}
	var b strings.Builder
	for start := 0; start < len(lines); {
		if strings.Contains(lines[start].value, "\n") {
			b.WriteString(indent + lines[start].name + " = " + lines[start].value + "\n")
			start++
			continue
		}
		end, width := start, 0
		for end < len(lines) && !strings.Contains(lines[end].value, "\n") {
			width = max(width, len(lines[end].name))
			end++
		}
		for _, l := range lines[start:end] {
			b.WriteString(indent + l.name + strings.Repeat(" ", width-len(l.name)) + " = " + l.value + "\n")
		}
		start = end
	}
	return b.String()
}
