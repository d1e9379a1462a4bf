package profiles

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // something does not work, for one reader at least
	Warning Severity = "warning" // readers differ, or something works otherwise than it looks
	Note    Severity = "note"    // worth knowing
)

// Finding is one thing that Check has to say. CLI and SDK are what either reader does with it, in words that follow "the AWS
// CLI" and "the SDKs". No field holds a secret.
type Finding struct {
	File     string   `json:"file"`
	Line     int      `json:"line"` // from 1
	Severity Severity `json:"severity"`
	Rule     string   `json:"rule"` // a stable name
	Profile  string   `json:"profile,omitempty"`
	Key      string   `json:"key,omitempty"`
	Text     string   `json:"text"`
	CLI      string   `json:"cli,omitempty"`
	SDK      string   `json:"sdk,omitempty"`
}

// id tells a finding of a plan from one that was there before: lines move, rules and names do not.
func (f Finding) id() string { return f.Rule + "\x00" + f.Profile + "\x00" + f.Key }

// Check says what both readers would make of the files, config first, by line.
func (f *File) Check() []Finding {
	var out []Finding
	config := source{path: f.files.Config, data: f.data, cli: readCLI(f.data), sdk: readSDK(f.data)}
	credentials := source{path: f.files.Credentials, data: f.credentials, cli: readCLI(f.credentials), sdk: readSDK(f.credentials), credentials: true}
	for i, s := range []source{config, credentials} {
		out = append(out, s.faults()...)
		out = append(out, s.headers()...)
		out = append(out, s.values()...)
		if f.wide[i] && s.holdsSecrets() {
			out = append(out, Finding{
				File: s.path, Line: 1, Severity: Warning, Rule: "open-mode",
				Text: "the file holds secret keys and other users of this machine can read it: chmod 600",
			})
		}
	}
	out = append(out, meanings{f.view(), config.path, credentials.path}.check()...)
	slices.SortStableFunc(out, func(a, b Finding) int {
		if a.File != b.File {
			return cmp.Compare(fileOrder(a.File, config.path), fileOrder(b.File, config.path))
		}
		return a.Line - b.Line
	})
	return out
}

// fileOrder sorts the config file before the credentials file.
func fileOrder(file, config string) int {
	if file == config {
		return 0
	}
	return 1
}

// fatal are the findings that forbid an edit of the config file: the AWS CLI cannot read it, or lines are not what they seem.
func (f *File) fatal() []Finding {
	s := source{path: f.files.Config, data: f.data, cli: readCLI(f.data)}
	return s.faults()
}

// source is one file under check.
type source struct {
	path        string
	data        []byte
	cli, sdk    reading
	credentials bool
}

func (s source) finding(line int, severity Severity, rule, text string) Finding {
	return Finding{File: s.path, Line: line + 1, Severity: severity, Rule: rule, Text: text}
}

// faults are what makes the AWS CLI refuse the whole file, and a lone CR, at which only the CLI ends a line.
func (s source) faults() []Finding {
	var out []Finding
	for _, fault := range s.cli.faults {
		f := s.finding(fault.line, Error, "unreadable", fault.text)
		f.CLI, f.SDK = "cannot read the file at all, every command fails", fault.sdk
		out = append(out, f)
	}
	for n, l := range splitLines(s.data) {
		if bytes.IndexByte(s.data[l.start:l.end], '\r') >= 0 {
			f := s.finding(n, Error, "lone-cr", "a carriage return that no line feed follows")
			f.CLI, f.SDK = "ends the line there", "take it as part of the line"
			out = append(out, f)
		}
	}
	return out
}

func (s source) holdsSecrets() bool {
	for _, sec := range s.sdk.sections {
		for _, e := range sec.keys {
			if isSecret(e.key) {
				return true
			}
		}
	}
	return false
}

// headers says which headers do not mean the same to both readers.
func (s source) headers() []Finding {
	cli, sdk := map[int]string{}, map[int]string{}
	last := 0
	for _, sec := range s.cli.sections {
		for _, n := range sec.headers {
			cli[n] = sec.name
			last = max(last, n)
		}
	}
	for _, sec := range s.sdk.sections {
		for _, n := range sec.headers {
			sdk[n] = sec.name
			last = max(last, n)
		}
	}
	var out []Finding
	first := map[string]int{} // the line of a kind and name, for the CLI
	for n := 0; n <= last; n++ {
		c, inCLI := cli[n]
		g, inSDK := sdk[n]
		if marked := n == 0 && bytes.HasPrefix(s.data, []byte(bom)); (inCLI || inSDK) && !marked {
			out = append(out, s.header(n, c, inCLI, g, inSDK)...)
		}
		kind, name := cliName(c, s.credentials)
		if !inCLI || kind == "" {
			continue
		}
		if before, ok := first[kind+" "+name]; ok && cli[before] != c {
			out = append(out, s.again(n, before, kind, name))
		} else if !ok {
			first[kind+" "+name] = n
		}
	}
	return out
}

// again is a section that is spelled in two ways, so that not even the AWS CLI minds.
func (s source) again(n, before int, kind, name string) Finding {
	f := s.finding(n, Warning, "same-name", fmt.Sprintf("%s %s again; it is on line %d already, spelled differently", kind, name, before+1))
	f.CLI, f.SDK = "uses the later one alone", "merge the two, or know one of them by another name"
	if name == defaultProfile {
		f.SDK = "use [profile default] alone"
	}
	f.Profile = name
	return f
}

func (s source) header(n int, c string, inCLI bool, g string, inSDK bool) []Finding {
	cliKind, cliID := cliName(c, s.credentials)
	sdkKind, sdkID := sdkName(g, s.credentials)
	f := s.finding(n, Error, "header", "")
	switch {
	case !inCLI:
		f.Rule, f.Text = "indented-header", "an indented header after a value"
		f.CLI, f.SDK = "takes it, and what is indented below, for part of the value above", "read "+named(sdkKind, sdkID)
	case !inSDK:
		f.Text = "something follows the header"
		f.CLI, f.SDK = "reads "+named(cliKind, cliID), "do not see a header: the keys below go to the section above"
	case c == cliDefaults:
		f.Severity, f.Rule, f.Text = Warning, "default-section", "a section [DEFAULT] in capitals"
		f.CLI, f.SDK = "adds its keys to every other section", "read "+named(sdkKind, sdkID)
	case cliKind == sdkKind && cliID == sdkID:
		if cliKind != "" || cliOnly(c) {
			return nil
		}
		f.Severity, f.Rule, f.Text = Warning, "no-prefix", fmt.Sprintf("[%s] is no profile: write [profile %s]", c, strings.TrimSpace(c))
		f.CLI, f.SDK = "ignores it", "ignore it"
	case s.credentials && sdkKind == "":
		f.Rule, f.Text = "prefix", "in the credentials file a profile has no prefix: write ["+strings.TrimPrefix(g, kindProfile+" ")+"]"
		f.CLI, f.SDK = "reads "+named(cliKind, cliID), "ignore it"
	default:
		f.Rule, f.Text = "name", fmt.Sprintf("the name in [%s] is not read alike", c)
		f.CLI, f.SDK = "reads "+named(cliKind, cliID), "read "+named(sdkKind, sdkID)
	}
	f.Profile = cmp.Or(cliID, sdkID)
	return []Finding{f}
}

func named(kind, name string) string {
	if kind == "" {
		return "no profile"
	}
	return fmt.Sprintf("%s %q", kind, name)
}

// cliOnly are the sections that only the AWS CLI knows.
func cliOnly(header string) bool { return header == "plugins" || header == "preview" }
