package account

import (
	"bufio"
	"os"
	"slices"
	"strings"
)

// sections are the profile names of the two files: canonical name to the spelling that the SDK must be asked for. They
// differ for [profile "a b"], whose quotes the SDK takes as part of the name (docs/aws.md §1.1).
type sections map[string]string

func readSections(configFile, credentialsFile string) sections {
	found := sections{}
	eachHeader(configFile, func(header string) {
		if header == "default" {
			found.add(header)
			return
		}
		kind, name, ok := strings.Cut(strings.ReplaceAll(header, "\t", " "), " ")
		if ok && kind == "profile" {
			found.add(strings.TrimSpace(name))
		}
	})
	eachHeader(credentialsFile, func(header string) {
		if !strings.HasPrefix(header, "profile ") {
			found.add(header)
		}
	})
	return found
}

func (s sections) add(raw string) {
	canonical := raw
	if n := len(raw); n > 1 && raw[0] == raw[n-1] && (raw[0] == '"' || raw[0] == '\'') {
		canonical = raw[1 : n-1]
	}
	if canonical != "" {
		s[canonical] = raw
	}
}

func (s sections) names() []string {
	names := make([]string, 0, len(s))
	for name := range s {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// loneQuote is the number of the first line whose value is a single quote character, 0 for none. The SDK (config v1.33.18)
// panics at one.
func loneQuote(path string) int {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimSpace(line)
		at := strings.IndexAny(line, "=:")
		if at < 0 || strings.IndexByte("#;[", line[0]) >= 0 {
			continue
		}
		value, _, _ := strings.Cut(strings.ReplaceAll(line[at+1:], ";", "#"), " #")
		if value = strings.TrimSpace(value); value == `"` || value == "'" {
			return n
		}
	}
	return 0
}

// eachHeader calls f with what is between the brackets of every section header of the file. A file that cannot be read
// has none: the SDK treats it as empty too.
func eachHeader(path string, f func(string)) {
	file, err := os.Open(path)
	if err != nil {
		return
	}
	defer file.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line, ok := strings.CutPrefix(lines.Text(), "[")
		if !ok {
			continue
		}
		if header, _, ok := strings.Cut(line, "]"); ok {
			f(strings.TrimSpace(header))
		}
	}
}
