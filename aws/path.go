package aws

import (
	"slices"
	"strings"
)

// Answer is one of three: a rule that cannot be read is no reason to say no.
type Answer string

// The answers. The empty Answer means that nobody has looked.
const (
	Yes     Answer = "yes"
	No      Answer = "no"
	Unknown Answer = "unknown"
)

// Verdict says whether an instance can reach an endpoint, and what of the network decides it.
type Verdict struct {
	Answer Answer   `json:"answer"`
	Layers []Layer  `json:"layers"`          // in the order of a packet's way
	Notes  []string `json:"notes,omitempty"` // what holds now and may not hold later, such as after a failover
}

// Layer is one obstacle on the way and how it is met.
type Layer struct {
	Name   string `json:"layer"` // state, address, dns, route, return route, egress, ingress, acl, return acl
	Answer Answer `json:"answer"`
	Rule   string `json:"rule,omitempty"` // the ids of what decided, such as "rtb-… 10.0.0.0/16 → local"; "" when there is none
	Why    string `json:"why"`            // one sentence without a full stop
	Fix    *Fix   `json:"fix,omitempty"`  // of a No: the edit that opens the layer; nil when there is none to print
}

// Fix is an edit that takes one obstacle away, in the forms in which people make it.
type Fix struct {
	Text      string `json:"text"`                // what is done, in words
	Command   string `json:"command,omitempty"`   // the aws command line, for a POSIX shell
	Account   string `json:"account,omitempty"`   // id of the account to make it in, where it may be another than the target's
	Terraform string `json:"terraform,omitempty"` // the same as a resource block
	Console   string `json:"console,omitempty"`   // where it is done in the console
}

// First is the first layer of the answer that decides: of a No the failing one, of an Unknown the one in doubt. A Yes has none.
func (v Verdict) First() (Layer, bool) {
	for _, l := range v.Layers {
		if l.Answer == v.Answer && v.Answer != Yes {
			return l, true
		}
	}
	return Layer{}, false
}

// Why is the deciding layer in one line, "" for a Yes.
func (v Verdict) Why() string {
	l, ok := v.First()
	if !ok {
		return ""
	}
	return l.Name + ": " + l.Why
}

// Fix is the edit that opens the first failing layer, nil when nothing fails or nothing can be printed for it.
func (v Verdict) Fix() *Fix {
	if l, ok := v.First(); ok && l.Answer == No {
		return l.Fix
	}
	return nil
}

// For is the verdict with commands that act as the profile of a: typed in a shell with another one they would act on another
// account. Edits of other accounts stay as they are. v is not changed.
func (v Verdict) For(a Account) Verdict {
	cloned := false
	for i, l := range v.Layers {
		if l.Fix == nil || l.Fix.Account != "" && l.Fix.Account != a.ID {
			continue
		}
		fix := *l.Fix
		if fix.Command = a.Typed(fix.Command); fix.Command == l.Fix.Command {
			continue
		}
		if !cloned {
			v.Layers, cloned = slices.Clone(v.Layers), true
		}
		v.Layers[i].Fix = &fix
	}
	return v
}

// Typed is an aws or rdsx command line for the account: with --profile where a profile other than the default one leads to it,
// and the line names none.
func (a Account) Typed(command string) string {
	tool, _, _ := strings.Cut(command, " ")
	if a.Profile == "" || a.Profile == "default" || tool != "aws" && tool != "rdsx" || strings.Contains(command, " --profile ") {
		return command
	}
	name := a.Profile
	if strings.ContainsFunc(name, func(r rune) bool {
		return !strings.ContainsRune("@%_+=:,./-", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		name = "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
	}
	return command + " --profile " + name
}
