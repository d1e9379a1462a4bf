package setup

import (
	"fmt"
	"strings"
	"unicode"
)

// sub is a string for CloudFormation: {account} and its like become pseudo parameters, and the variables of IAM are kept from it.
func sub(s string) any {
	filled := strings.NewReplacer("${", "${!", "{partition}", "${AWS::Partition}", "{region}", "${AWS::Region}", "{account}", "${AWS::AccountId}").Replace(s)
	if filled == strings.ReplaceAll(s, "${", "${!") {
		return s
	}
	return object{{"Fn::Sub", filled}}
}

func ref(name string) object { return object{{"Ref", name}} }

func getAtt(name, attribute string) object {
	return object{{"Fn::GetAtt", list{name, attribute}}}
}

// cloudFormation renders the plan as a template in JSON. Every name is fixed, so that a teardown can tell what it made: the
// stack needs CAPABILITY_NAMED_IAM.
func (p plan) cloudFormation() string {
	t := object{
		{"AWSTemplateFormatVersion", "2010-09-09"},
		{"Description", fmt.Sprintf("rdsx, %s shape (%s): what opening private databases through Session Manager needs", p.Shape, p.Part)},
	}
	if p.group != nil {
		t = append(t, field{"Parameters", object{{"ImageId", object{
			{"Type", "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"},
			{"Description", "The newest Amazon Linux 2023, whose standard image has the agent"},
			{"Default", p.image()},
		}}}})
	}
	var resources, outputs object
	used := map[string]bool{}
	add := func(id, kind string, properties object) {
		for used[id] { // two names may differ in a hyphen only
			id += "X"
		}
		used[id] = true
		resources = append(resources, field{id, object{{"Type", kind}, {"Properties", properties}}})
	}
	if r := p.instanceRole; r != nil {
		add("InstanceRole", "AWS::IAM::Role", p.cfnRole(r))
		add("InstanceProfile", "AWS::IAM::InstanceProfile", object{{"InstanceProfileName", p.InstanceRole()}, {"Roles", list{ref("InstanceRole")}}})
	}
	if r := p.operator; r != nil {
		add("OperatorRole", "AWS::IAM::Role", p.cfnRole(r))
		outputs = append(outputs, field{"OperatorRoleArn", object{{"Value", getAtt("OperatorRole", "Arn")}}})
	}
	for _, u := range p.users {
		add("UserPolicy"+logical(u.user), "AWS::IAM::UserPolicy", object{
			{"UserName", u.user}, {"PolicyName", u.name}, {"PolicyDocument", u.policy.tree()},
		})
	}
	if p.group != nil {
		p.cfnBastion(add)
		outputs = append(outputs, field{"InstanceId", object{{"Value", ref("Bastion")}}})
	}
	t = append(t, field{"Resources", resources})
	if outputs != nil {
		t = append(t, field{"Outputs", outputs})
	}
	return jsonText(t, sub) + "\n"
}

func (p plan) cfnRole(r *role) object {
	o := object{
		{"RoleName", r.name},
		{"Description", "rdsx: " + r.why},
		{"AssumeRolePolicyDocument", r.trust.tree()},
	}
	if r.maxSeconds > 0 {
		o = append(o, field{"MaxSessionDuration", r.maxSeconds})
	}
	if len(r.managed) > 0 {
		o = append(o, field{"ManagedPolicyArns", words(managedARNs(r.managed))})
	}
	if r.policy != nil {
		o = append(o, field{"Policies", list{object{{"PolicyName", r.inline}, {"PolicyDocument", r.policy.tree()}}}})
	}
	return append(o, field{"Tags", p.cfnTags("", "")})
}

func managedARNs(names []string) []string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = "arn:{partition}:iam::aws:policy/" + n
	}
	return all
}

// cfnTags mark what rdsx made; the instance also gets its name and the tag that the operators' policy asks for.
func (p plan) cfnTags(name, tag string) list {
	all := list{}
	for _, t := range p.tags(name, tag) {
		all = append(all, object{{"Key", t.name}, {"Value", t.value}})
	}
	return all
}

func (p plan) tags(name, tag string) []field {
	all := []field{{"rdsx:setup", p.Name}}
	if name != "" {
		all = append(all, field{"Name", name})
	}
	if tag != "" {
		all = append(all, field{"rdsx", tag})
	}
	return all
}

func (p plan) cfnBastion(add func(id, kind string, properties object)) {
	egress := list{}
	for _, r := range p.group.egress {
		egress = append(egress, cfnRule(r, r.peer, "DestinationSecurityGroupId"))
	}
	add("BastionGroup", "AWS::EC2::SecurityGroup", object{
		{"GroupName", p.group.name},
		{"GroupDescription", "rdsx: no way in, and out to Systems Manager and the databases only"},
		{"VpcId", p.VPC},
		{"SecurityGroupEgress", egress},
		{"Tags", p.cfnTags(p.group.name, "")},
	})
	for _, r := range p.group.peers {
		properties := object{{"GroupId", r.into}}
		properties = append(properties, cfnRule(r, getAtt("BastionGroup", "GroupId"), "SourceSecurityGroupId")...)
		add("From"+logical(r.id), "AWS::EC2::SecurityGroupIngress", properties)
	}
	var profile any = p.InstanceRole()
	if p.profile {
		profile = ref("InstanceProfile")
	}
	instance := object{
		{"ImageId", ref("ImageId")},
		{"InstanceType", p.Type},
		{"IamInstanceProfile", profile},
		{"SubnetId", p.Subnet},
		{"SecurityGroupIds", list{getAtt("BastionGroup", "GroupId")}},
		{"Tags", p.cfnTags(p.Bastion(), p.Tag)},
	}
	if p.Shape == Recommended {
		instance = append(instance, field{"MetadataOptions", object{{"HttpTokens", "required"}, {"HttpPutResponseHopLimit", 1}}})
	}
	add("Bastion", "AWS::EC2::Instance", instance)
	for _, d := range p.documents {
		add("Document"+logical(d.name), "AWS::SSM::Document", object{
			{"Name", d.name},
			{"DocumentType", "Session"},
			{"DocumentFormat", "JSON"},
			{"UpdateMethod", "NewVersion"},
			{"Content", d.tree},
			{"Tags", p.cfnTags("", "")},
		})
	}
	for _, a := range p.associations {
		properties := object{
			{"AssociationName", a.name},
			{"Name", a.document},
			{"ScheduleExpression", a.schedule},
			{"Targets", list{object{{"Key", "InstanceIds"}, {"Values", list{ref("Bastion")}}}}},
		}
		if a.parameters != nil {
			properties = append(properties, field{"Parameters", object(a.parameters)})
		}
		add("Host"+logical(a.document), "AWS::SSM::Association", properties)
	}
}

// cfnRule is a rule of a group; peer stands under key unless the rule names an address range.
func cfnRule(r rule, peer any, key string) object {
	o := object{{"IpProtocol", "tcp"}, {"FromPort", r.port}, {"ToPort", r.port}}
	if r.cidr != "" {
		o = append(o, field{"CidrIp", r.cidr})
	} else {
		o = append(o, field{key, peer})
	}
	return append(o, field{"Description", r.text})
}

// logical makes a logical id of a name: letters and digits, each word with a capital.
func logical(name string) string {
	var b strings.Builder
	up := true
	for _, r := range name {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			up = true
			continue
		}
		if up {
			r = unicode.ToUpper(r)
		}
		b.WriteRune(r)
		up = false
	}
	return b.String()
}
