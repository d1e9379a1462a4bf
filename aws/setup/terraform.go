package setup

import (
	"strings"
)

// hclString quotes a string for Terraform. {account} and its like become references, the variables of IAM are kept from it.
func hclString(s string) string {
	s = strings.NewReplacer("${", "$${", "%{", "%%{").Replace(quoteJSON(s))
	return strings.NewReplacer(
		"{partition}", "${data.aws_partition.this.partition}",
		"{region}", "${data.aws_region.this.id}",
		"{account}", "${data.aws_caller_identity.this.account_id}",
	).Replace(s)
}

// blocks builds a file of blocks.
type blocks struct {
	strings.Builder
	used map[string]bool
}

func (h *blocks) block(kind string, labels []string, body ...any) {
	if h.Len() > 0 {
		h.WriteString("\n")
	}
	h.WriteString(kind)
	for _, l := range labels {
		h.WriteString(" " + quoteJSON(l))
	}
	h.WriteString(" {\n")
	h.body(body, "  ")
	h.WriteString("}\n")
}

// nested is a block inside a block.
type nested struct {
	kind string
	body []any
}

// body writes runs of fields, and nested blocks with an empty line before them.
func (h *blocks) body(body []any, indent string) {
	for i, part := range body {
		switch part := part.(type) {
		case object:
			h.WriteString(hclFields(part, hclString, indent))
		case nested:
			if i > 0 {
				h.WriteString("\n")
			}
			h.WriteString(indent + part.kind + " {\n")
			h.body(part.body, indent+"  ")
			h.WriteString(indent + "}\n")
		}
	}
}

func (h *blocks) resource(kind, name string, body ...any) {
	for h.used[kind+name] { // two names may differ in a hyphen only
		name += "_"
	}
	h.used[kind+name] = true
	h.block("resource", []string{kind, name}, body...)
}

// jsonEncoded is a tree that the resource wants as JSON.
func jsonEncoded(tree object) raw {
	return raw("jsonencode(" + hclText(tree, hclString, "  ") + ")")
}

// terraform renders the plan as a module of one file, formatted as terraform fmt does it.
func (p plan) terraform() string {
	h := &blocks{used: map[string]bool{}}
	h.block("terraform", nil, object{{"required_version", ">= 1.5"}}, nested{"required_providers", []any{
		object{{"aws", object{{"source", "hashicorp/aws"}, {"version", ">= 5.0"}}}},
	}})
	for _, d := range []string{"aws_partition", "aws_region", "aws_caller_identity"} {
		h.WriteString("\ndata \"" + d + "\" \"this\" {}\n")
	}
	if r := p.instanceRole; r != nil {
		p.tfRole(h, "instance", r)
		h.resource("aws_iam_instance_profile", "bastion", object{{"name", p.InstanceRole()}, {"role", raw("aws_iam_role.instance.name")}})
	}
	if r := p.operator; r != nil {
		p.tfRole(h, "operator", r)
	}
	for _, u := range p.users {
		h.resource("aws_iam_user_policy", snake(u.user), object{{"name", u.name}, {"user", u.user}, {"policy", jsonEncoded(u.policy.tree())}})
	}
	if p.group != nil {
		p.tfBastion(h)
	}
	if p.operator != nil {
		h.block("output", []string{"operator_role_arn"}, object{{"value", raw("aws_iam_role.operator.arn")}})
	}
	if p.group != nil {
		h.block("output", []string{"instance_id"}, object{{"value", raw("aws_instance.bastion.id")}})
	}
	return h.String()
}

func (p plan) tfRole(h *blocks, name string, r *role) {
	body := object{{"name", r.name}, {"description", "rdsx: " + r.why}}
	if r.maxSeconds > 0 {
		body = append(body, field{"max_session_duration", r.maxSeconds})
	}
	body = append(body, field{"assume_role_policy", jsonEncoded(r.trust.tree())}, field{"tags", object(p.tags("", ""))})
	h.resource("aws_iam_role", name, body)
	for i, arn := range managedARNs(r.managed) {
		h.resource("aws_iam_role_policy_attachment", name+"_"+snake(r.managed[i]), object{{"role", raw("aws_iam_role." + name + ".name")}, {"policy_arn", arn}})
	}
	if r.policy != nil {
		h.resource("aws_iam_role_policy", name, object{{"name", r.inline}, {"role", raw("aws_iam_role." + name + ".id")}, {"policy", jsonEncoded(r.policy.tree())}})
	}
}

func (p plan) tfBastion(h *blocks) {
	h.block("data", []string{"aws_ssm_parameter", "image"}, object{{"name", p.image()}})
	h.resource("aws_security_group", "bastion", object{
		{"name", p.group.name},
		{"description", "rdsx: no way in, and out to Systems Manager and the databases only"},
		{"vpc_id", p.VPC},
		{"tags", object(p.tags(p.group.name, ""))},
	})
	const bastion = raw("aws_security_group.bastion.id")
	for _, r := range p.group.egress {
		h.resource("aws_vpc_security_group_egress_rule", snake(r.id), tfRule(r, bastion, r.peer))
	}
	for _, r := range p.group.peers {
		h.resource("aws_vpc_security_group_ingress_rule", snake(r.id), tfRule(r, r.into, bastion))
	}
	var profile any = p.InstanceRole()
	if p.profile {
		profile = raw("aws_iam_instance_profile.bastion.name")
	}
	body := []any{object{
		{"ami", raw("data.aws_ssm_parameter.image.value")},
		{"instance_type", p.Type},
		{"subnet_id", p.Subnet},
		{"vpc_security_group_ids", list{bastion}},
		{"iam_instance_profile", profile},
		{"tags", object(p.tags(p.Bastion(), p.Tag))},
	}}
	if p.Shape == Recommended {
		body = append(body, nested{"metadata_options", []any{object{{"http_tokens", "required"}, {"http_put_response_hop_limit", 1}}}})
	}
	// A new image is no reason to end the tunnels that the old instance carries.
	body = append(body, nested{"lifecycle", []any{object{{"ignore_changes", list{raw("ami")}}}}})
	h.resource("aws_instance", "bastion", body...)
	for _, d := range p.documents {
		h.resource("aws_ssm_document", snake(d.name), object{
			{"name", d.name}, {"document_type", "Session"}, {"document_format", "JSON"}, {"content", jsonEncoded(d.tree)}, {"tags", object(p.tags("", ""))},
		})
	}
	for _, a := range p.associations {
		fields := object{{"association_name", a.name}, {"name", a.document}, {"schedule_expression", a.schedule}}
		if a.parameters != nil {
			fields = append(fields, field{"parameters", tfParameters(a.parameters)})
		}
		h.resource("aws_ssm_association", snake(a.document), fields, nested{"targets", []any{
			object{{"key", "InstanceIds"}, {"values", list{raw("aws_instance.bastion.id")}}},
		}})
	}
}

// tfParameters: the provider wants one string for each.
func tfParameters(fields []field) object {
	var o object
	for _, f := range fields {
		o = append(o, field{f.name, f.value.(list)[0]})
	}
	return o
}

// tfRule is a rule of the group into, towards or from peer unless it names an address range.
func tfRule(r rule, into, peer any) object {
	o := object{{"security_group_id", into}, {"description", r.text}, {"ip_protocol", "tcp"}, {"from_port", r.port}, {"to_port", r.port}}
	if r.cidr != "" {
		return append(o, field{"cidr_ipv4", r.cidr})
	}
	return append(o, field{"referenced_security_group_id", peer})
}

// snake makes a name of Terraform of a name.
func snake(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else {
			b.WriteRune('_')
		}
	}
	if s := b.String(); s != "" && (s[0] < '0' || s[0] > '9') {
		return s
	}
	return "_" + b.String()
}
