package setup

import (
	"fmt"
	"strings"
)

// Format is a kind of text.
type Format string

// The formats.
const (
	Terraform      Format = "terraform"
	CloudFormation Format = "cloudformation"
	CLI            Format = "cli"
	JSON           Format = "json"
)

// Text is a rendered set-up.
type Text struct {
	Name       string // a file's name for it
	Body       string
	Executable bool
	Notes      []string // what the reader should know, a sentence or two each
	Next       []string // commands to type once it is in place
}

// Render completes the options and writes them in a format. Errors are usage errors.
func Render(o Options, f Format) (Text, error) {
	o, err := o.Complete()
	if err != nil {
		return Text{}, err
	}
	if (f == CLI || f == JSON) && (o.Account == "" || o.Region == "") {
		return Text{}, usage(fmt.Sprintf("%s holds whole ARNs: --account and --region are needed, or credentials that tell them", f))
	}
	p := newPlan(o)
	t := Text{Notes: p.notes, Next: p.next()}
	switch f {
	case Terraform:
		t.Name, t.Body = o.Name+".tf", p.terraform()
	case CloudFormation:
		t.Name, t.Body = o.Name+".template.json", p.cloudFormation()
	case CLI:
		t.Name, t.Body, t.Executable = o.Name+"-setup.sh", p.script(), true
	case JSON:
		t.Name, t.Body = o.Name+".json", p.json()
	default:
		return Text{}, usage(fmt.Sprintf("--format %q is none of terraform, cloudformation, cli, json", f))
	}
	return t, nil
}

// next are the commands that lead from a finished set-up to an open tunnel.
func (p plan) next() []string {
	var all []string
	if p.Part != PartBastion {
		arn := p.place().fill(roleARN(p.OperatorRole()))
		if p.Account == "" {
			arn = "arn:aws:iam::ACCOUNT:role/" + p.OperatorRole()
		}
		add := "rdsx profiles add " + p.Name + " --role-arn " + arn + " --source-profile " + sourceOf(p.Source)
		if p.Region != "" {
			add += " --region " + p.Region
		}
		if p.Shape == Recommended && p.MFA {
			add += " --mfa-serial ARN-OF-YOUR-DEVICE"
		}
		all = append(all, add)
	}
	if p.Part != PartIAM {
		for _, d := range p.Databases {
			line := "rdsx connect " + d.Name + " --profile " + p.Name
			if name := p.DocumentName(d); name != "" {
				line += " --document " + name
			}
			all = append(all, line)
		}
	}
	return all
}

// sourceOf is a profile's name as a shell takes it.
func sourceOf(profile string) string {
	switch {
	case profile == "":
		return "default"
	case strings.ContainsFunc(profile, func(r rune) bool { return r <= ' ' || strings.ContainsRune("'\"\\$`&|;<>()*?[]#~!{}", r) }):
		return "'" + strings.ReplaceAll(profile, "'", `'\''`) + "'"
	}
	return profile
}

// made names what a set-up makes, kind and name.
func (p plan) made() []string {
	var all []string
	add := func(kind, name string) { all = append(all, kind+" "+name) }
	for _, r := range []*role{p.instanceRole, p.operator} {
		if r != nil {
			add("role", r.name)
		}
	}
	if p.profile {
		add("instance profile", p.InstanceRole())
	}
	for _, u := range p.users {
		add("policy", u.name+" of the user "+u.user)
	}
	if p.group != nil {
		add("security group", p.group.name)
		add("instance", p.Bastion())
	}
	for _, d := range p.documents {
		add("document", d.name)
	}
	for _, a := range p.associations {
		add("association", a.name)
	}
	return all
}

// json is the plan's documents for a tool of one's own.
func (p plan) json() string {
	var o object
	o = append(o, field{"shape", string(p.Shape)}, field{"account", p.Account}, field{"region", p.Region})
	asJSON := func(r *role) object {
		t := object{{"name", r.name}, {"trust", r.trust.tree()}, {"managed_policies", words(managedARNs(r.managed))}}
		if r.policy != nil {
			t = append(t, field{"policy_name", r.inline}, field{"policy", r.policy.tree()})
		}
		return t
	}
	if p.instanceRole != nil {
		o = append(o, field{"instance_role", asJSON(p.instanceRole)}, field{"instance_profile", p.InstanceRole()})
	}
	if p.operator != nil {
		o = append(o, field{"operator_role", asJSON(p.operator)})
	}
	users := list{}
	for _, u := range p.users {
		users = append(users, object{{"user", u.user}, {"policy_name", u.name}, {"policy", u.policy.tree()}})
	}
	if len(users) > 0 {
		o = append(o, field{"user_policies", users})
	}
	if p.group != nil {
		o = append(o, p.jsonBastion()...)
	}
	return jsonText(o, func(s string) any { return p.place().fill(s) }) + "\n"
}

func (p plan) jsonBastion() object {
	rules := func(all []rule) list {
		out := list{}
		for _, r := range all {
			t := object{{"port", r.port}}
			for _, f := range []struct{ name, value string }{{"group", r.into}, {"cidr", r.cidr}, {"to_group", r.peer}} {
				if f.value != "" {
					t = append(t, field{f.name, f.value})
				}
			}
			out = append(out, t)
		}
		return out
	}
	documents := list{}
	for _, d := range p.documents {
		documents = append(documents, object{{"name", d.name}, {"content", d.tree}})
	}
	associations := list{}
	for _, a := range p.associations {
		associations = append(associations, object{{"name", a.name}, {"document", a.document}, {"schedule", a.schedule}})
	}
	return object{
		{"security_group", object{{"name", p.group.name}, {"vpc", p.VPC}, {"egress", rules(p.group.egress)}, {"ingress_of_databases", rules(p.group.peers)}}},
		{"instance", object{{"name", p.Bastion()}, {"type", p.Type}, {"subnet", p.Subnet}, {"image", p.image()}, {"tag", "rdsx=" + p.Tag}}},
		{"documents", documents},
		{"associations", associations},
	}
}
