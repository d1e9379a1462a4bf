package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rdsx/rdsx/sim/world"
)

// addRepairs adds what the doctor asks beyond the needs of a tunnel, and the edits that it prints.
func addRepairs(services map[string]*service) {
	maps.Copy(services["ec2"].operations, map[string]operation{
		"DescribeVpcEndpoints":        {"*", describeVPCEndpoints},
		"CreateVpcEndpoint":           {"", createVPCEndpoint},
		"ModifyVpcEndpoint":           {"", modifyVPCEndpoint},
		"StartInstances":              {"", onInstances(startInstance)},
		"RebootInstances":             {"", onInstances(rebootInstance)},
		"AssociateIamInstanceProfile": {"", associateProfile},
	})
	maps.Copy(services["ssm"].operations, map[string]operation{
		"ListAssociations":      jsonOp(anySSM, listAssociations),
		"StartAssociationsOnce": jsonOp("", startAssociations),
		"GetServiceSetting":     jsonOp("", getSetting),
		"ResetServiceSetting":   jsonOp("", resetSetting),
		"SendCommand":           jsonOp("", sendCommand),
		"UpdateDocument":        jsonOp("", updateDocument),
	})
	services["rds"].operations["StartDBInstance"] = operation{"", startDBInstance}
}

type groupName struct {
	ID   string `xml:"groupId"`
	Name string `xml:"groupName"`
}

type vpcEndpointView struct {
	ID         string         `xml:"vpcEndpointId"`
	Type       string         `xml:"vpcEndpointType"`
	VPC        string         `xml:"vpcId"`
	Service    string         `xml:"serviceName"`
	State      string         `xml:"state"`
	Subnets    set[string]    `xml:"subnetIdSet"`
	Groups     set[groupName] `xml:"groupSet"`
	PrivateDNS bool           `xml:"privateDnsEnabled"`
	Owner      string         `xml:"ownerId"`
}

func viewEndpoint(owner string, e world.VPCEndpoint) vpcEndpointView {
	v := vpcEndpointView{ID: e.ID, Type: "Interface", VPC: e.VPC, Service: e.Service, State: e.State, Subnets: setOf(e.Subnets...), PrivateDNS: !e.NoPrivateDNS, Owner: owner}
	for _, g := range e.Groups {
		v.Groups.Items = append(v.Groups.Items, groupName{ID: g})
	}
	return v
}

func describeVPCEndpoints(c *call) (any, error) {
	var all []resource[vpcEndpointView]
	for _, e := range c.region().VPCEndpoints {
		all = append(all, resource[vpcEndpointView]{id: e.ID, vpc: e.VPC, view: viewEndpoint(c.place.Account, e), fields: map[string][]string{
			"service-name": {e.Service}, "vpc-endpoint-state": {e.State}, "vpc-endpoint-type": {"Interface"},
		}})
	}
	k := kind{ids: "VpcEndpointId", prefix: "vpce-", code: "InvalidVpcEndpointId", noun: "vpc endpoint ID", most: 1000}
	views, next, err := choose(c, k, all, "service-name", "vpc-endpoint-state", "vpc-endpoint-type")
	if err != nil {
		return nil, err
	}
	return struct {
		Set  set[vpcEndpointView] `xml:"vpcEndpointSet"`
		Next string               `xml:"nextToken,omitempty"`
	}{setOf(views...), next}, nil
}

func createVPCEndpoint(c *call) (any, error) {
	if err := c.permit("ec2:CreateVpcEndpoint", c.fill("arn:aws:ec2:{region}:{account}:vpc-endpoint/*"), nil); err != nil {
		return nil, err
	}
	e := world.VPCEndpoint{
		ID: made("vpce-", newUUID()), VPC: c.form.Get("VpcId"), Service: c.form.Get("ServiceName"), State: "available",
		Subnets: list(c.form, "SubnetId"), Groups: list(c.form, "SecurityGroupId"), NoPrivateDNS: c.form.Get("PrivateDnsEnabled") != "true",
	}
	err := c.updateRegion(func(r *world.Region) error {
		r.VPCEndpoints = append(r.VPCEndpoints, e)
		return nil
	})
	if err != nil {
		return nil, failf("InvalidParameter", "%v", err)
	}
	return struct {
		Endpoint vpcEndpointView `xml:"vpcEndpoint"`
	}{viewEndpoint(c.place.Account, e)}, nil
}

type returned struct {
	Return bool `xml:"return"`
}

func modifyVPCEndpoint(c *call) (any, error) {
	id := c.form.Get("VpcEndpointId")
	if err := c.permit("ec2:ModifyVpcEndpoint", c.fill("arn:aws:ec2:{region}:{account}:vpc-endpoint/"+id), nil); err != nil {
		return nil, err
	}
	return returned{true}, c.updateRegion(func(r *world.Region) error {
		for i := range r.VPCEndpoints {
			if r.VPCEndpoints[i].ID == id {
				r.VPCEndpoints[i].NoPrivateDNS = c.form.Get("PrivateDnsEnabled") != "true"
				return nil
			}
		}
		return failf("InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '%s' does not exist", id)
	})
}

// onInstances makes an operation of something that is done to each of InstanceId.N.
func onInstances(do func(*call, *world.Instance)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		for _, id := range list(c.form, "InstanceId") {
			if err := c.permit("ec2:"+c.name, c.targetARN(id), nil); err != nil {
				return nil, err
			}
			if _, ok := c.instance(id); !ok {
				return nil, failf("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
			}
			if err := c.api.world.UpdateInstance(id, func(i *world.Instance) { do(c, i) }); err != nil {
				return nil, err
			}
		}
		return returned{true}, nil
	}
}

func startInstance(c *call, i *world.Instance) {
	i.State = "running"
	rebootInstance(c, i)
}

// rebootInstance starts the agent anew: it comes online when its role and its groups let it.
func rebootInstance(c *call, i *world.Instance) {
	if !c.api.world.Serves(c.place, i.Profile, i.Groups) {
		return
	}
	i.PingStatus, i.LastPing = "Online", time.Second
	if i.AgentVersion == "" {
		i.AgentVersion = latestAgent
	}
}

func associateProfile(c *call) (any, error) {
	id, name := c.form.Get("InstanceId"), c.form.Get("IamInstanceProfile.Name")
	if err := c.permit("ec2:AssociateIamInstanceProfile", c.targetARN(id), nil); err != nil {
		return nil, err
	}
	a, _ := c.api.world.Account(c.place.Account)
	if _, ok := a.Profile(name); !ok {
		return nil, failf("InvalidParameterValue", "Value (%s) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name", name)
	}
	return returned{true}, c.api.world.UpdateInstance(id, func(i *world.Instance) { i.Profile = name })
}

func startDBInstance(c *call) (any, error) {
	id := c.form.Get("DBInstanceIdentifier")
	if err := c.permit("rds:StartDBInstance", c.fill("arn:aws:rds:{region}:{account}:db:"+id), nil); err != nil {
		return nil, err
	}
	return struct{}{}, c.updateRegion(func(r *world.Region) error {
		for i := range r.DBInstances {
			if d := &r.DBInstances[i]; d.ID == id {
				if d.Status != "stopped" {
					return &Error{"InvalidDBInstanceState", "Instance " + id + " is not in stopped state.", http.StatusBadRequest}
				}
				d.Status = "available"
				return nil
			}
		}
		return &Error{"DBInstanceNotFound", "DBInstance " + id + " not found.", http.StatusNotFound}
	})
}

func listAssociations(c *call, in struct{ NextToken string }) (any, error) {
	type overview struct{ Status, DetailedStatus string }
	type association struct {
		AssociationID      string `json:"AssociationId"`
		AssociationName    string
		Name               string
		ScheduleExpression string `json:",omitempty"`
		Overview           overview
	}
	all := []association{}
	for _, a := range c.region().Associations {
		all = append(all, association{a.ID, a.Name, a.Document, a.Schedule, overview{a.Status, a.Status}})
	}
	part, next, ok := page(all, c.name, in.NextToken, 50)
	if !ok {
		return nil, failf("InvalidNextToken", "The specified token is not valid.")
	}
	return struct {
		Associations []association
		NextToken    string `json:",omitempty"`
	}{part, next}, nil
}

// startAssociations runs them again, and this time they succeed.
func startAssociations(c *call, in struct {
	AssociationIDs []string `json:"AssociationIds"`
},
) (any, error) {
	for _, id := range in.AssociationIDs {
		if err := c.permit("ssm:StartAssociationsOnce", c.fill("arn:aws:ssm:{region}:{account}:association/"+id), nil); err != nil {
			return nil, err
		}
	}
	return struct{}{}, c.updateRegion(func(r *world.Region) error {
		for i := range r.Associations {
			if slices.Contains(in.AssociationIDs, r.Associations[i].ID) {
				r.Associations[i].Status = "Success"
			}
		}
		return nil
	})
}

const hostSetting = "/ssm/managed-instance/default-ec2-instance-management-role"

type settingInput struct {
	SettingID string `json:"SettingId"`
}

func (c *call) setting(in settingInput) (any, error) {
	if in.SettingID != hostSetting {
		return nil, failf("ServiceSettingNotFound", "ServiceSetting not found for %s", in.SettingID)
	}
	value, status := c.region().HostRole, "Customized" //nolint:misspell // the API spells it so
	if value == "" {
		value, status = "$None", "Default"
	}
	return map[string]any{"ServiceSetting": map[string]any{
		"SettingId": in.SettingID, "SettingValue": value, "Status": status, "ARN": c.settingARN(in),
	}}, nil
}

func (c *call) settingARN(in settingInput) string {
	return c.fill("arn:aws:ssm:{region}:{account}:servicesetting" + in.SettingID)
}

func getSetting(c *call, in settingInput) (any, error) {
	if err := c.permit("ssm:GetServiceSetting", c.settingARN(in), nil); err != nil {
		return nil, err
	}
	return c.setting(in)
}

func resetSetting(c *call, in settingInput) (any, error) {
	if err := c.permit("ssm:ResetServiceSetting", c.settingARN(in), nil); err != nil {
		return nil, err
	}
	if err := c.updateRegion(func(r *world.Region) error { r.HostRole = ""; return nil }); err != nil {
		return nil, err
	}
	return c.setting(in)
}

// sendCommand knows the one document that the doctor names: it updates the agent of instances that are online.
func sendCommand(c *call, in struct {
	DocumentName string
	InstanceIDs  []string `json:"InstanceIds"`
},
) (any, error) {
	if in.DocumentName != "AWS-UpdateSSMAgent" {
		return nil, failf("InvalidDocument", "The simulated Systems Manager runs AWS-UpdateSSMAgent and no other command")
	}
	for _, id := range in.InstanceIDs {
		if err := c.permit("ssm:SendCommand", c.targetARN(id), nil); err != nil {
			return nil, err
		}
		i, ok := c.instance(id)
		if !ok || !connected(i) {
			return nil, failf("InvalidInstanceId", "Instances [[%s]] not in a valid state for account %s", id, c.place.Account)
		}
		if err := c.api.world.UpdateInstance(id, func(i *world.Instance) { i.AgentVersion = latestAgent }); err != nil {
			return nil, err
		}
	}
	return map[string]any{"Command": map[string]any{"CommandId": newUUID(), "DocumentName": in.DocumentName, "InstanceIds": in.InstanceIDs, "Status": "Pending"}}, nil
}

// updateDocument changes the one document that every region has: the session preferences.
func updateDocument(c *call, in struct{ Name, Content string }) (any, error) {
	if err := c.permit("ssm:UpdateDocument", c.documentARN(in.Name), nil); err != nil {
		return nil, err
	}
	if in.Name != world.PreferencesDocument {
		return nil, failf("InvalidDocument", "The simulated Systems Manager updates %s and no other document", world.PreferencesDocument)
	}
	var content struct {
		Inputs map[string]any `json:"inputs"`
	}
	if err := json.Unmarshal([]byte(in.Content), &content); err != nil {
		return nil, failf("InvalidDocumentContent", "%v", err)
	}
	limit := func(name string) time.Duration {
		s, _ := content.Inputs[name].(string)
		n, _ := strconv.Atoi(strings.TrimSpace(s)) // "" is not set
		return time.Duration(n) * time.Minute
	}
	err := c.updateRegion(func(r *world.Region) error {
		r.Preferences = world.Preferences{Idle: limit("idleSessionTimeout"), Max: limit("maxSessionDuration")}
		return nil
	})
	if err != nil {
		return nil, failf("InvalidDocumentContent", "%v", err)
	}
	return map[string]any{"DocumentDescription": map[string]any{"Name": in.Name, "Status": "Active"}}, nil
}
