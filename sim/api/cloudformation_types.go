package api

import (
	"encoding/json"
	"net/url"
	"strconv"
)

func (m *maker) role() error {
	name := m.p.text("RoleName")
	created := form("RoleName", name, "AssumeRolePolicyDocument", m.p.json("AssumeRolePolicyDocument"), "MaxSessionDuration", m.p.text("MaxSessionDuration"))
	if _, err := m.do("iam", "CreateRole", created, "DeleteRole", form("RoleName", name)); err != nil {
		return err
	}
	for _, arn := range m.p.list("ManagedPolicyArns") {
		f := form("RoleName", name, "PolicyArn", arn.text(""))
		if _, err := m.do("iam", "AttachRolePolicy", f, "DetachRolePolicy", f); err != nil {
			return err
		}
	}
	for _, policy := range m.p.list("Policies") {
		f := form("RoleName", name, "PolicyName", policy.text("PolicyName"), "PolicyDocument", policy.json("PolicyDocument"))
		if _, err := m.do("iam", "PutRolePolicy", f, "DeleteRolePolicy", f); err != nil {
			return err
		}
	}
	m.r.physical, m.r.attributes["Arn"] = name, m.c.fill("arn:aws:iam::{account}:role/"+name)
	return nil
}

func (m *maker) profile() error {
	name := m.p.text("InstanceProfileName")
	f := form("InstanceProfileName", name)
	if _, err := m.do("iam", "CreateInstanceProfile", f, "DeleteInstanceProfile", f); err != nil {
		return err
	}
	for _, role := range m.p.list("Roles") {
		f := form("InstanceProfileName", name, "RoleName", role.text(""))
		if _, err := m.do("iam", "AddRoleToInstanceProfile", f, "RemoveRoleFromInstanceProfile", f); err != nil {
			return err
		}
	}
	m.r.physical, m.r.attributes["Arn"] = name, m.c.fill("arn:aws:iam::{account}:instance-profile/"+name)
	return nil
}

func (m *maker) userPolicy() error {
	f := form("UserName", m.p.text("UserName"), "PolicyName", m.p.text("PolicyName"), "PolicyDocument", m.p.json("PolicyDocument"))
	m.r.physical = m.p.text("PolicyName")
	_, err := m.do("iam", "PutUserPolicy", f, "DeleteUserPolicy", f)
	return err
}

// permissionForm is one rule as EC2's API takes it.
func permissionForm(group string, r properties) url.Values {
	const at = "IpPermissions.1."
	f := form("GroupId", group, at+"IpProtocol", r.text("IpProtocol"), at+"FromPort", r.text("FromPort"), at+"ToPort", r.text("ToPort"))
	peer := r.text("DestinationSecurityGroupId") + r.text("SourceSecurityGroupId")
	switch {
	case peer != "":
		f.Set(at+"Groups.1.GroupId", peer)
		f.Set(at+"Groups.1.Description", r.text("Description"))
	default:
		f.Set(at+"IpRanges.1.CidrIp", r.text("CidrIp"))
		f.Set(at+"IpRanges.1.Description", r.text("Description"))
	}
	return f
}

func (m *maker) group() error {
	f := form("GroupName", m.p.text("GroupName"), "GroupDescription", m.p.text("GroupDescription"), "VpcId", m.p.text("VpcId"), "TagSpecification.1.ResourceType", "security-group")
	m.tags(f)
	out, err := m.c.again("ec2", "CreateSecurityGroup", f)
	if err != nil {
		return err
	}
	id := out.(createdGroup).ID
	c := m.c
	m.r.undo = append(m.r.undo, func() error { _, err := c.again("ec2", "DeleteSecurityGroup", form("GroupId", id)); return err })
	m.r.physical, m.r.attributes["GroupId"] = id, id
	if _, given := m.p["SecurityGroupEgress"]; !given {
		return nil
	}
	everything := properties{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}
	if _, err := m.c.again("ec2", "RevokeSecurityGroupEgress", permissionForm(id, everything)); err != nil {
		return err
	}
	for _, r := range m.p.list("SecurityGroupEgress") {
		if _, err := m.c.again("ec2", "AuthorizeSecurityGroupEgress", permissionForm(id, r)); err != nil {
			return err
		}
	}
	return nil
}

// tags adds the resource's tags to the first TagSpecification.
func (m *maker) tags(f url.Values) {
	for i, t := range m.p.list("Tags") {
		at := "TagSpecification.1.Tag." + strconv.Itoa(i+1)
		f.Set(at+".Key", t.text("Key"))
		f.Set(at+".Value", t.text("Value"))
	}
}

func (m *maker) ingress() error {
	f := permissionForm(m.p.text("GroupId"), m.p)
	m.r.physical = m.r.id
	_, err := m.do("ec2", "AuthorizeSecurityGroupIngress", f, "RevokeSecurityGroupIngress", f)
	return err
}

func (m *maker) instance() error {
	f := form("ImageId", m.p.text("ImageId"), "InstanceType", m.p.text("InstanceType"), "SubnetId", m.p.text("SubnetId"),
		"IamInstanceProfile.Name", m.p.text("IamInstanceProfile"), "TagSpecification.1.ResourceType", "instance")
	for i, g := range m.p.list("SecurityGroupIds") {
		f.Set("SecurityGroupId."+strconv.Itoa(i+1), g.text(""))
	}
	m.tags(f)
	out, err := m.c.again("ec2", "RunInstances", f)
	if err != nil {
		return err
	}
	id := out.(reservationView).Instances.Items[0].ID
	c := m.c
	m.r.undo = append(m.r.undo, func() error {
		_, err := c.again("ec2", "TerminateInstances", form("InstanceId.1", id))
		return err
	})
	m.r.physical = id
	return nil
}

// body wraps the JSON that a JSON service takes.
func body(v any) url.Values {
	b, _ := json.Marshal(v) // strings and lists of them
	return url.Values{"body": {string(b)}}
}

func (m *maker) document() error {
	name := m.p.text("Name")
	in := map[string]any{"Name": name, "Content": m.p.json("Content"), "DocumentType": m.p.text("DocumentType"), "DocumentFormat": m.p.text("DocumentFormat")}
	m.r.physical = name
	_, err := m.do("ssm", "CreateDocument", body(in), "DeleteDocument", body(map[string]any{"Name": name}))
	return err
}

func (m *maker) association() error {
	in := map[string]any{
		"Name": m.p.text("Name"), "AssociationName": m.p.text("AssociationName"), "ScheduleExpression": m.p.text("ScheduleExpression"), "Targets": m.p["Targets"],
	}
	out, err := m.c.again("ssm", "CreateAssociation", body(in))
	if err != nil {
		return err
	}
	made := out.(struct{ AssociationDescription map[string]any }).AssociationDescription
	id, _ := made["AssociationId"].(string)
	c := m.c
	m.r.undo = append(m.r.undo, func() error {
		_, err := c.again("ssm", "DeleteAssociation", body(map[string]any{"AssociationId": id}))
		return err
	})
	m.r.physical = id
	return nil
}
