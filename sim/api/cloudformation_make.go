package api

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rdsx/rdsx/sim/world"
)

// apply removes and makes what the change set says. A failure takes back what was made.
func (s *stack) apply(c *call, set *changeSet) {
	verb := "CREATE"
	if s.status != "REVIEW_IN_PROGRESS" {
		verb = "UPDATE"
	}
	if err := s.remove(func(r stackResource) bool { _, kept := set.template.Resources[r.id]; return !kept }); err != nil {
		s.status, s.reason = verb+"_FAILED", err.Error()
		return
	}
	before := len(s.resources)
	old := s.template
	s.template, s.set = set.template, nil
	for _, id := range set.template.order() {
		if s.find(id) != nil {
			continue
		}
		r, err := s.make(c, id, set.template.Resources[id])
		if err == nil {
			s.resources = append(s.resources, r)
			s.event(c, id, r.kind, "CREATE_COMPLETE", "")
			continue
		}
		s.event(c, id, set.template.Resources[id].Type, "CREATE_FAILED", err.Error())
		s.status, s.reason = "ROLLBACK_COMPLETE", id+": "+err.Error()
		if verb == "UPDATE" {
			s.status = "UPDATE_ROLLBACK_COMPLETE"
		}
		for i := len(s.resources) - 1; i >= before; i-- {
			_ = s.resources[i].takeAway() // what cannot be taken back stays, as with the real one
		}
		s.resources, s.template = s.resources[:before], old
		return
	}
	s.status, s.reason = verb+"_COMPLETE", ""
}

func (s *stack) event(c *call, id, kind, status, reason string) {
	s.events = append(s.events, stackEvent{s.name, s.id, id, kind, status, reason, isoTime(c.api.now())})
}

func (s *stack) find(id string) *stackResource {
	for i := range s.resources {
		if s.resources[i].id == id {
			return &s.resources[i]
		}
	}
	return nil
}

func (r stackResource) takeAway() error {
	for _, undo := range slices.Backward(r.undo) {
		if err := undo(); err != nil {
			return fmt.Errorf("%s: %w", r.id, err)
		}
	}
	return nil
}

// remove takes resources away, the last made first.
func (s *stack) remove(which func(stackResource) bool) error {
	for i := len(s.resources) - 1; i >= 0; i-- {
		if !which(s.resources[i]) {
			continue
		}
		if err := s.resources[i].takeAway(); err != nil {
			return err
		}
		s.resources = slices.Delete(s.resources, i, i+1)
	}
	return nil
}

// order puts a resource behind those that it refers to; names decide between equals.
func (t template) order() []string {
	var order []string
	var visit func(id string, above []string)
	visit = func(id string, above []string) {
		if slices.Contains(order, id) || slices.Contains(above, id) {
			return
		}
		for _, to := range targets(t.Resources[id].Properties) {
			if _, ok := t.Resources[to]; ok {
				visit(to, append(above, id))
			}
		}
		order = append(order, id)
	}
	var ids []string
	for id := range t.Resources {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		visit(id, nil)
	}
	return order
}

// targets are the logical ids that a value refers to.
func targets(v any) []string {
	var all []string
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if name, ok := value.(string); ok && key == "Ref" {
				all = append(all, name)
			} else if pair, ok := value.([]any); ok && key == "Fn::GetAtt" && len(pair) == 2 {
				all = append(all, fmt.Sprint(pair[0]))
			} else {
				all = append(all, targets(value)...)
			}
		}
	case []any:
		for _, item := range v {
			all = append(all, targets(item)...)
		}
	}
	slices.Sort(all)
	return all
}

var subPattern = regexp.MustCompile(`\$\{(!?)([A-Za-z0-9:.]+)\}`)

// resolve replaces Ref, Fn::GetAtt and Fn::Sub in a value.
func (s *stack) resolve(v any, at world.Place) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		if name, ok := v["Ref"].(string); ok && len(v) == 1 {
			return s.value(name, "", at)
		}
		if pair, ok := v["Fn::GetAtt"].([]any); ok && len(v) == 1 && len(pair) == 2 {
			return s.value(fmt.Sprint(pair[0]), fmt.Sprint(pair[1]), at)
		}
		if text, ok := v["Fn::Sub"].(string); ok && len(v) == 1 {
			return s.substitute(text, at)
		}
		out := make(map[string]any, len(v))
		for key, value := range v {
			resolved, err := s.resolve(value, at)
			if err != nil {
				return nil, err
			}
			out[key] = resolved
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			resolved, err := s.resolve(item, at)
			if err != nil {
				return nil, err
			}
			out[i] = resolved
		}
		return out, nil
	}
	return v, nil
}

func (s *stack) substitute(text string, at world.Place) (string, error) {
	var failed error
	out := subPattern.ReplaceAllStringFunc(text, func(m string) string {
		parts := subPattern.FindStringSubmatch(m)
		if parts[1] == "!" {
			return "${" + parts[2] + "}"
		}
		name, attribute, _ := strings.Cut(parts[2], ".")
		value, err := s.value(name, attribute, at)
		if err != nil {
			failed = err
		}
		return fmt.Sprint(value)
	})
	return out, failed
}

// value is what a name stands for: a pseudo parameter, a parameter's default, or a resource.
func (s *stack) value(name, attribute string, at world.Place) (any, error) {
	switch name {
	case "AWS::Partition":
		return "aws", nil
	case "AWS::Region":
		return at.Region, nil
	case "AWS::AccountId":
		return at.Account, nil
	}
	if p, ok := s.template.Parameters[name]; ok && attribute == "" {
		return p.Default, nil
	}
	r := s.find(name)
	if r == nil {
		return nil, fmt.Errorf("template validation error: %s is not there", name)
	}
	if attribute == "" {
		return r.physical, nil
	}
	value, ok := r.attributes[attribute]
	if !ok {
		return nil, fmt.Errorf("template validation error: %s has no attribute %s", name, attribute)
	}
	return value, nil
}

// properties are those of one resource, resolved.
type properties map[string]any

func (p properties) text(key string) string {
	if p[key] == nil {
		return ""
	}
	if n, ok := p[key].(float64); ok {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return fmt.Sprint(p[key])
}

func (p properties) json(key string) string {
	b, _ := json.Marshal(p[key]) // came out of JSON
	return string(b)
}

func (p properties) list(key string) []properties {
	var all []properties
	items, _ := p[key].([]any)
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			all = append(all, m)
		} else {
			all = append(all, properties{"": item})
		}
	}
	return all
}

// form makes a form of pairs; empty values are left out.
func form(pairs ...string) url.Values {
	f := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			f.Set(pairs[i], pairs[i+1])
		}
	}
	return f
}

// maker makes one resource out of calls of the services.
type maker struct {
	c *call
	p properties
	r stackResource
}

// do runs an operation and remembers the one that takes it back, when there is one.
func (m *maker) do(service, op string, with url.Values, undo string, undoWith url.Values) (any, error) {
	out, err := m.c.again(service, op, with)
	if err == nil && undo != "" {
		c := m.c
		m.r.undo = append(m.r.undo, func() error { _, err := c.again(service, undo, undoWith); return err })
	}
	return out, err
}

func (s *stack) make(c *call, id string, t templateResource) (stackResource, error) {
	resolved, err := s.resolve(t.Properties, c.place)
	if err != nil {
		return stackResource{}, err
	}
	fields, _ := resolved.(map[string]any)
	m := &maker{c: c, p: fields, r: stackResource{id: id, kind: t.Type, attributes: map[string]string{}}}
	makers := map[string]func(*maker) error{
		"AWS::IAM::Role": (*maker).role, "AWS::IAM::InstanceProfile": (*maker).profile, "AWS::IAM::UserPolicy": (*maker).userPolicy,
		"AWS::EC2::SecurityGroup": (*maker).group, "AWS::EC2::SecurityGroupIngress": (*maker).ingress, "AWS::EC2::Instance": (*maker).instance,
		"AWS::SSM::Document": (*maker).document, "AWS::SSM::Association": (*maker).association,
	}
	run, ok := makers[t.Type]
	if !ok {
		return m.r, fmt.Errorf("the simulated CloudFormation makes no %s", t.Type)
	}
	if err := run(m); err != nil {
		_ = m.r.takeAway() // the first failure is the one to tell
		return m.r, err
	}
	return m.r, nil
}
