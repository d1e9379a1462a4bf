package doctor

import (
	"encoding/json"
	"fmt"
	"strings"
)

// trustPolicy is what of a role's trust policy says who may assume it.
type trustPolicy struct {
	Statement oneOrMany[trustStatement]
}

type trustStatement struct {
	Effect    string
	Principal principals
	Action    oneOrMany[string]
	Condition map[string]map[string]oneOrMany[string]
}

// oneOrMany is a value that IAM lets be written alone or in a list.
type oneOrMany[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (o *oneOrMany[T]) UnmarshalJSON(text []byte) error {
	var many []T
	if json.Unmarshal(text, &many) == nil {
		*o = many
		return nil
	}
	var one T
	if err := json.Unmarshal(text, &one); err == nil {
		*o = oneOrMany[T]{one}
		return nil
	}
	var plain any // a number or a boolean where a string is usual
	if err := json.Unmarshal(text, &plain); err != nil {
		return err
	}
	if s, ok := any(fmt.Sprint(plain)).(T); ok {
		*o = oneOrMany[T]{s}
		return nil
	}
	return fmt.Errorf("%.40s is neither one nor many", text)
}

// principals are by kind: AWS, Service, Federated; "*" stands for everybody.
type principals map[string]oneOrMany[string]

// UnmarshalJSON implements json.Unmarshaler.
func (p *principals) UnmarshalJSON(text []byte) error {
	var all string
	if json.Unmarshal(text, &all) == nil {
		*p = principals{"AWS": {all}}
		return nil
	}
	var kinds map[string]oneOrMany[string]
	if err := json.Unmarshal(text, &kinds); err != nil {
		return err
	}
	*p = kinds
	return nil
}

func parseTrust(document string) (trustPolicy, error) {
	var p trustPolicy
	if err := json.Unmarshal([]byte(document), &p); err != nil {
		return p, fmt.Errorf("read the trust policy: %w", err)
	}
	return p, nil
}

// lets finds the statement that names whoever arn is, their account or everybody. Who has assumed a role is named by the role.
func (p trustPolicy) lets(arn, id string) (trustStatement, bool) {
	role := arn
	if resource, ok := strings.CutPrefix(arn[strings.LastIndexByte(arn, ':')+1:], "assumed-role/"); ok {
		name, _, _ := strings.Cut(resource, "/")
		role = ":role/" + name
	}
	for _, s := range p.Statement {
		if s.Effect != "Allow" || !s.assumes() {
			continue
		}
		for _, named := range s.Principal["AWS"] {
			byRole := role != arn && strings.HasSuffix(named, role[5:]) && strings.Contains(named, id+":role/")
			if named == "*" || named == id || named == arn || strings.HasSuffix(named, "::"+id+":root") || byRole {
				return s, true
			}
		}
	}
	return trustStatement{}, false
}

// service says whether a service may assume the role.
func (p trustPolicy) service(name string) bool {
	for _, s := range p.Statement {
		for _, named := range s.Principal["Service"] {
			if s.Effect == "Allow" && s.assumes() && strings.HasPrefix(named, name) {
				return true
			}
		}
	}
	return false
}

func (s trustStatement) assumes() bool {
	for _, a := range s.Action {
		if strings.EqualFold(a, "sts:AssumeRole") || a == "sts:*" || a == "*" {
			return true
		}
	}
	return false
}

// wants is the first value that a condition of the statement asks of a key, "" for none.
func (s trustStatement) wants(key string) string {
	for operator, keys := range s.Condition {
		if strings.Contains(operator, "Not") || operator == "Null" {
			continue
		}
		for k, values := range keys {
			if strings.EqualFold(k, key) && len(values) > 0 {
				return values[0]
			}
		}
	}
	return ""
}
