// Package iam reads policy documents and decides by them, for the subset of the language that Session Manager set-ups use.
package iam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Policy is a policy document: identity, trust or session policy. In YAML it is written as IAM's JSON is, or is a string
// that holds that JSON.
type Policy struct {
	Name       string // of an inline policy that IAM's API put, else ""
	Text       string // the document as JSON without blanks
	Statements []Statement
}

// Statement is one rule of a policy. Of Actions and NotActions one is set; Resources and NotResources may both be empty in a
// trust policy, where the resource is the role itself.
type Statement struct {
	SID          string
	Deny         bool
	Principals   []string // trust policies only: "*", ARNs, account ids, service names
	Actions      []string
	NotActions   []string
	Resources    []string
	NotResources []string
	Conditions   []Condition
}

// Parse reads a policy document. What the subset lacks (NotPrincipal, an operator unknown here) is an error, since a policy
// that is half understood decides wrongly.
func Parse(text []byte) (Policy, error) {
	var doc struct {
		Version   string
		ID        string `json:"Id"`
		Statement json.RawMessage
	}
	if err := strict(text, &doc); err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	switch doc.Version {
	case "", "2012-10-17", "2008-10-17":
	default:
		return Policy{}, fmt.Errorf("policy: Version %q is not 2012-10-17", doc.Version)
	}
	list, err := oneOrMany(doc.Statement)
	if err != nil || len(list) == 0 {
		return Policy{}, fmt.Errorf("policy: Statement is neither an object nor a list of them")
	}
	var whole bytes.Buffer
	if err := json.Compact(&whole, text); err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	p := Policy{Text: whole.String()}
	for i, raw := range list {
		st, err := parseStatement(raw)
		if err != nil {
			return Policy{}, fmt.Errorf("policy: Statement[%d]: %w", i, err)
		}
		p.Statements = append(p.Statements, st)
	}
	return p, nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Policy) UnmarshalJSON(text []byte) (err error) {
	*p, err = Parse(text)
	return err
}

// UnmarshalYAML implements yaml.Unmarshaler: a mapping in the shape of the JSON, or a string of JSON.
func (p *Policy) UnmarshalYAML(n *yaml.Node) error {
	text := []byte(n.Value)
	if n.Kind != yaml.ScalarNode {
		var v any
		if err := n.Decode(&v); err != nil {
			return err
		}
		var err error
		if text, err = json.Marshal(v); err != nil {
			return fmt.Errorf("line %d: policy: %w", n.Line, err)
		}
	}
	parsed, err := Parse(text)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	*p = parsed
	return nil
}

// IsZero says whether there is no policy at all.
func (p Policy) IsZero() bool { return len(p.Statements) == 0 }

func parseStatement(raw json.RawMessage) (Statement, error) {
	var in struct {
		Sid, Effect       string
		Principal         json.RawMessage
		Action, NotAction words
		Resource          words
		NotResource       words
		Condition         map[string]map[string]words
		NotPrincipal      json.RawMessage
	}
	if err := strict(raw, &in); err != nil {
		return Statement{}, err
	}
	st := Statement{
		SID: in.Sid, Deny: in.Effect == "Deny", Actions: in.Action, NotActions: in.NotAction,
		Resources: in.Resource, NotResources: in.NotResource,
	}
	if in.Effect != "Allow" && in.Effect != "Deny" {
		return st, fmt.Errorf("its Effect %q is neither Allow nor Deny", in.Effect)
	}
	if in.NotPrincipal != nil {
		return st, fmt.Errorf("its NotPrincipal is not supported")
	}
	if (len(in.Action) == 0) == (len(in.NotAction) == 0) {
		return st, fmt.Errorf("one of Action and NotAction is needed")
	}
	if len(in.Resource) > 0 && len(in.NotResource) > 0 {
		return st, fmt.Errorf("its Resource and NotResource exclude each other")
	}
	for _, a := range slices.Concat(st.Actions, st.NotActions) {
		if a != "*" && !strings.Contains(a, ":") {
			return st, fmt.Errorf("action %q has no service", a)
		}
	}
	var err error
	if st.Principals, err = parsePrincipal(in.Principal); err != nil {
		return st, err
	}
	st.Conditions, err = parseConditions(in.Condition)
	return st, err
}

// parsePrincipal flattens the three spellings: "*", {"AWS": …}, {"Service": …}.
func parsePrincipal(raw json.RawMessage) ([]string, error) {
	if raw == nil {
		return nil, nil
	}
	if string(bytes.TrimSpace(raw)) == `"*"` {
		return []string{"*"}, nil
	}
	var kinds map[string]words
	if err := json.Unmarshal(raw, &kinds); err != nil {
		return nil, fmt.Errorf("its Principal is neither \"*\" nor an object: %w", err)
	}
	var all []string
	for kind, names := range kinds {
		switch kind {
		case "AWS", "Service", "Federated":
			all = append(all, names...)
		default:
			return nil, fmt.Errorf("its Principal is of kind %q", kind)
		}
	}
	slices.Sort(all)
	return all, nil
}

// words is a JSON string or a list of strings, numbers and booleans, as policies allow wherever they allow a string.
type words []string

func (w *words) UnmarshalJSON(text []byte) error {
	list, err := oneOrMany(text)
	if err != nil {
		return err
	}
	for _, raw := range list {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			return err
		}
		switch v := v.(type) {
		case string, bool, json.Number:
			*w = append(*w, fmt.Sprint(v))
		default:
			return fmt.Errorf("%s is not a string", raw)
		}
	}
	return nil
}

func oneOrMany(raw json.RawMessage) ([]json.RawMessage, error) {
	trimmed := bytes.TrimSpace(raw)
	if len(trimmed) == 0 {
		return nil, nil
	}
	if trimmed[0] != '[' {
		return []json.RawMessage{json.RawMessage(trimmed)}, nil
	}
	var list []json.RawMessage
	err := json.Unmarshal(trimmed, &list)
	return list, err
}

func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("text after the document")
	}
	return nil
}
