package api

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rdsx/rdsx/sim/world"
)

const cloudFormationVersion = "2010-05-15"

func cloudFormationService() *service {
	return &service{name: "cloudformation", wire: queryWire{xmlns: "http://cloudformation.amazonaws.com/doc/" + cloudFormationVersion + "/"}, operations: map[string]operation{
		"CreateChangeSet":     {"", onStack(createChangeSet)},
		"DescribeChangeSet":   {"", onStack(describeChangeSet)},
		"ListChangeSets":      {"", onStack(listChangeSets)},
		"ExecuteChangeSet":    {"", onStack(executeChangeSet)},
		"DeleteChangeSet":     {"", onStack(deleteChangeSet)},
		"DescribeStacks":      {"", onStack(describeStacks)},
		"DescribeStackEvents": {"", onStack(describeStackEvents)},
		"DeleteStack":         {"", onStack(deleteStack)},
	}}
}

// stacks are those of the whole world, by place and name. One operation runs at a time.
type stacks struct {
	mu  sync.Mutex
	all map[string]*stack
}

type stack struct {
	name, id, status, reason string
	made                     time.Time
	resources                []stackResource // in the order in which they were made
	template                 template
	set                      *changeSet
	events                   []stackEvent // newest last
}

type changeSet struct {
	name, id, status, reason string
	template                 template
	changes                  []resourceChange
}

// template is the part of a template that is simulated, in JSON.
type template struct {
	Parameters map[string]struct{ Type, Default string }
	Resources  map[string]templateResource
	Outputs    map[string]struct{ Value any }
}

type templateResource struct {
	Type       string
	Properties map[string]any
}

// stackResource is a resource that a stack has made, with what takes it away again.
type stackResource struct {
	id, kind, physical string
	attributes         map[string]string
	undo               []func() error // last first
}

type resourceChange struct {
	Action       string
	LogicalID    string `xml:"LogicalResourceId"`
	ResourceType string
	Replacement  string `xml:",omitempty"`
}

type stackEvent struct {
	StackName, StackID string
	LogicalID          string `xml:"LogicalResourceId"`
	ResourceType       string
	Status             string `xml:"ResourceStatus"`
	Reason             string `xml:"ResourceStatusReason,omitempty"`
	Timestamp          string
}

// onStack runs an operation on the stack that StackName names, by name or id; nil when there is none. The caller is asked
// about first.
func onStack(run func(c *call, s *stack) (any, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		name := c.form.Get("StackName")
		if parts := strings.Split(name, "/"); strings.HasPrefix(name, "arn:") && len(parts) == 3 {
			name = parts[1]
		}
		if err := c.permit("cloudformation:"+c.name, c.fill("arn:aws:cloudformation:{region}:{account}:stack/"+name+"/*"), nil); err != nil {
			return nil, err
		}
		all := &c.api.stacks
		all.mu.Lock()
		defer all.mu.Unlock()
		if all.all == nil {
			all.all = map[string]*stack{}
		}
		s := all.all[c.stackKey(name)]
		if s == nil && c.name != "CreateChangeSet" && c.name != "DeleteStack" {
			return nil, failf("ValidationError", "Stack with id %s does not exist", name)
		}
		return run(c, s)
	}
}

func (c *call) stackKey(name string) string {
	return c.place.Account + "/" + c.place.Region + "/" + name
}

func createChangeSet(c *call, s *stack) (any, error) {
	name := c.form.Get("StackName")
	kind := c.form.Get("ChangeSetType")
	switch exists := s != nil && s.status != "REVIEW_IN_PROGRESS"; {
	case kind == "CREATE" && exists:
		return nil, failf("ValidationError", "Stack [%s] already exists and cannot be created again with the changeSet [%s].", name, c.form.Get("ChangeSetName"))
	case kind != "CREATE" && !exists:
		return nil, failf("ValidationError", "Stack [%s] does not exist", name)
	}
	var t template
	if err := json.Unmarshal([]byte(c.form.Get("TemplateBody")), &t); err != nil || len(t.Resources) == 0 {
		return nil, failf("ValidationError", "Template format error: the simulated CloudFormation reads JSON with Resources")
	}
	if named(t) && !slices.Contains(list(c.form, "Capabilities.member"), "CAPABILITY_NAMED_IAM") {
		return nil, failf("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]")
	}
	if s == nil {
		s = &stack{name: name, id: c.fill("arn:aws:cloudformation:{region}:{account}:stack/" + name + "/" + newUUID()), status: "REVIEW_IN_PROGRESS", made: c.api.now()}
		c.api.stacks.all[c.stackKey(name)] = s
	}
	s.set = &changeSet{name: c.form.Get("ChangeSetName"), template: t, status: "CREATE_COMPLETE"}
	s.set.id = c.fill("arn:aws:cloudformation:{region}:{account}:changeSet/" + s.set.name + "/" + newUUID())
	s.set.work(s)
	return struct {
		ID      string `xml:"Id"`
		StackID string `xml:"StackId"`
	}{s.set.id, s.id}, nil
}

func named(t template) bool {
	for _, r := range t.Resources {
		if r.Properties["RoleName"] != nil || r.Properties["InstanceProfileName"] != nil {
			return true
		}
	}
	return false
}

// work finds the changes, or why there is no change set.
func (set *changeSet) work(s *stack) {
	text := func(v any) string {
		b, _ := json.Marshal(v) // came out of JSON
		return string(b)
	}
	for id, r := range set.template.Resources {
		old, ok := s.template.Resources[id]
		switch {
		case !ok:
			set.changes = append(set.changes, resourceChange{Action: "Add", LogicalID: id, ResourceType: r.Type})
		case text(old) != text(r):
			set.status, set.reason = "FAILED", "The simulated CloudFormation adds and removes resources; it does not modify "+id
		}
	}
	for id, r := range s.template.Resources {
		if _, ok := set.template.Resources[id]; !ok {
			set.changes = append(set.changes, resourceChange{Action: "Remove", LogicalID: id, ResourceType: r.Type})
		}
	}
	slices.SortFunc(set.changes, func(a, b resourceChange) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	if len(set.changes) == 0 && set.status != "FAILED" {
		set.status, set.reason = "FAILED", "The submitted information didn't contain changes. Submit different information to create a change set."
	}
}

// chosen is the change set that the form names.
func (s *stack) chosen(c *call) (*changeSet, error) {
	name := c.form.Get("ChangeSetName")
	if s.set == nil || s.set.name != name && s.set.id != name {
		return nil, &Error{"ChangeSetNotFound", "ChangeSet [" + name + "] does not exist", 404}
	}
	return s.set, nil
}

func describeChangeSet(c *call, s *stack) (any, error) {
	set, err := s.chosen(c)
	if err != nil {
		return nil, err
	}
	type change struct {
		Type           string
		ResourceChange resourceChange
	}
	out := struct {
		ChangeSetName   string
		ChangeSetID     string `xml:"ChangeSetId"`
		StackName       string
		StackID         string `xml:"StackId"`
		Status          string
		StatusReason    string `xml:",omitempty"`
		ExecutionStatus string
		Changes         memberList[change]
	}{ChangeSetName: set.name, ChangeSetID: set.id, StackName: s.name, StackID: s.id, Status: set.status, StatusReason: set.reason, ExecutionStatus: "AVAILABLE"}
	if set.status == "FAILED" {
		out.ExecutionStatus = "UNAVAILABLE"
	}
	for _, r := range set.changes {
		out.Changes.Items = append(out.Changes.Items, change{"Resource", r})
	}
	return out, nil
}

func listChangeSets(_ *call, s *stack) (any, error) {
	type summary struct {
		ChangeSetName string
		ChangeSetID   string `xml:"ChangeSetId"`
		StackName     string
		Status        string
	}
	var out struct{ Summaries memberList[summary] }
	if s.set != nil {
		out.Summaries.Items = append(out.Summaries.Items, summary{s.set.name, s.set.id, s.name, s.set.status})
	}
	return out, nil
}

func executeChangeSet(c *call, s *stack) (any, error) {
	set, err := s.chosen(c)
	if err != nil {
		return nil, err
	}
	if set.status != "CREATE_COMPLETE" {
		return nil, failf("InvalidChangeSetStatus", "ChangeSet [%s] cannot be executed in its current status of [%s]", set.id, set.status)
	}
	s.apply(c, set)
	return nothing{}, nil
}

func deleteChangeSet(c *call, s *stack) (any, error) {
	if _, err := s.chosen(c); err != nil {
		return nil, err
	}
	s.set = nil
	return nothing{}, nil
}

func describeStacks(_ *call, s *stack) (any, error) {
	type output struct{ OutputKey, OutputValue string }
	type view struct {
		StackName         string
		StackID           string `xml:"StackId"`
		CreationTime      string
		StackStatus       string
		StackStatusReason string `xml:",omitempty"`
		Outputs           memberList[output]
	}
	v := view{StackName: s.name, StackID: s.id, CreationTime: isoTime(s.made), StackStatus: s.status, StackStatusReason: s.reason}
	for name, o := range s.template.Outputs {
		value, err := s.resolve(o.Value, world.Place{})
		if err == nil {
			v.Outputs.Items = append(v.Outputs.Items, output{name, fmt.Sprint(value)})
		}
	}
	slices.SortFunc(v.Outputs.Items, func(a, b output) int { return strings.Compare(a.OutputKey, b.OutputKey) })
	return struct{ Stacks memberList[view] }{memberList[view]{[]view{v}}}, nil
}

func describeStackEvents(_ *call, s *stack) (any, error) {
	events := slices.Clone(s.events)
	slices.Reverse(events)
	return struct{ StackEvents memberList[stackEvent] }{memberList[stackEvent]{events}}, nil
}

func deleteStack(c *call, s *stack) (any, error) {
	if s == nil {
		return nothing{}, nil
	}
	if err := s.remove(func(stackResource) bool { return true }); err != nil {
		s.status, s.reason = "DELETE_FAILED", err.Error()
		return nothing{}, nil
	}
	delete(c.api.stacks.all, c.stackKey(s.name))
	return nothing{}, nil
}

// again runs another operation as this caller, who must be allowed it as well.
func (c *call) again(service, op string, form url.Values) (any, error) {
	sub := *c
	sub.svc, sub.name, sub.form, sub.body = c.api.services[service], op, form, nil
	if text := form.Get("body"); text != "" {
		sub.body = []byte(text)
	}
	out, err := sub.svc.operations[op].run(&sub)
	if err != nil {
		return nil, fmt.Errorf("%s", sub.svc.errorOf(err).Message)
	}
	return out, nil
}
