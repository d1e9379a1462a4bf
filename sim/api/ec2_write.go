package api

import (
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rdsx/rdsx/sim/world"
)

// ec2Writes are the calls that a set-up and its teardown make.
func ec2Writes() map[string]operation {
	return map[string]operation{
		"CreateSecurityGroup":           {"", createGroup},
		"DeleteSecurityGroup":           {"", deleteGroup},
		"AuthorizeSecurityGroupIngress": {"", authorize(true)},
		"AuthorizeSecurityGroupEgress":  {"", authorize(false)},
		"RevokeSecurityGroupIngress":    {"", revoke(true)},
		"RevokeSecurityGroupEgress":     {"", revoke(false)},
		"RunInstances":                  {"", runInstances},
		"TerminateInstances":            {"", terminateInstances},
	}
}

// updateRegion changes what the caller's account has in the region of the call. errUnchanged is no error.
func (c *call) updateRegion(change func(*world.Region) error) error {
	var failed error
	err := c.api.world.Update(c.place, func(r *world.Region) {
		failed = change(r)
	})
	if failed != nil {
		return failed
	}
	return err
}

// tagsGiven reads the TagSpecifications of a kind of resource.
func tagsGiven(form url.Values, kind string) map[string]string {
	tags := map[string]string{}
	for i := 1; ; i++ {
		at := "TagSpecification." + strconv.Itoa(i)
		if !form.Has(at + ".ResourceType") {
			return tags
		}
		if form.Get(at+".ResourceType") != kind {
			continue
		}
		for j := 1; form.Has(at + ".Tag." + strconv.Itoa(j) + ".Key"); j++ {
			tag := at + ".Tag." + strconv.Itoa(j)
			tags[form.Get(tag+".Key")] = form.Get(tag + ".Value")
		}
	}
}

func createGroup(c *call) (any, error) {
	if err := c.permit("ec2:CreateSecurityGroup", c.fill("arn:aws:ec2:{region}:{account}:security-group/*"), nil); err != nil {
		return nil, err
	}
	return c.newGroup(c.form.Get("GroupName"), c.form.Get("GroupDescription"), c.form.Get("VpcId"), tagsGiven(c.form, "security-group"))
}

type createdGroup struct {
	Return bool   `xml:"return"`
	ID     string `xml:"groupId"`
}

// newGroup makes a group without ingress and with the egress that every new group has: everything.
func (c *call) newGroup(name, description, vpc string, tags map[string]string) (createdGroup, error) {
	out := createdGroup{true, made("sg-", newUUID())}
	switch {
	case name == "" || strings.HasPrefix(name, "sg-"):
		return out, failf("InvalidParameterValue", "Value (%s) for parameter groupName is invalid.", name)
	case description == "":
		return out, failf("MissingParameter", "The request must contain the parameter GroupDescription")
	}
	return out, c.updateRegion(func(r *world.Region) error {
		if !slices.ContainsFunc(r.VPCs, func(v world.VPC) bool { return v.ID == vpc }) {
			return failf("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", vpc)
		}
		if slices.ContainsFunc(r.SecurityGroups, func(g world.SecurityGroup) bool { return g.Name == name && g.VPC == vpc }) {
			return failf("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, vpc)
		}
		r.SecurityGroups = append(r.SecurityGroups, world.SecurityGroup{ID: out.ID, Name: name, Description: description, VPC: vpc, Tags: tags})
		return nil
	})
}

func deleteGroup(c *call) (any, error) {
	id := c.form.Get("GroupId")
	if err := c.permit("ec2:DeleteSecurityGroup", c.groupARN(id), nil); err != nil {
		return nil, err
	}
	return createdGroup{true, id}, c.removeGroup(id)
}

func (c *call) groupARN(id string) string {
	return c.fill("arn:aws:ec2:{region}:{account}:security-group/" + id)
}

func (c *call) removeGroup(id string) error {
	return c.updateRegion(func(r *world.Region) error {
		if _, err := groupIn(r, id); err != nil {
			return err
		}
		used := slices.ContainsFunc(r.Instances, func(i world.Instance) bool { return slices.Contains(i.Groups, id) })
		for _, g := range r.SecurityGroups {
			named := func(x world.Rule) bool { return x.Group == id }
			used = used || g.ID != id && (slices.ContainsFunc(g.Ingress, named) || slices.ContainsFunc(g.Egress, named))
		}
		if used {
			return failf("DependencyViolation", "resource %s has a dependent object", id)
		}
		r.SecurityGroups = slices.DeleteFunc(r.SecurityGroups, func(g world.SecurityGroup) bool { return g.ID == id })
		return nil
	})
}

func groupIn(r *world.Region, id string) (*world.SecurityGroup, error) {
	for i := range r.SecurityGroups {
		if r.SecurityGroups[i].ID == id {
			return &r.SecurityGroups[i], nil
		}
	}
	return nil, failf("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
}

// rules reads IpPermissions.
func (c *call) rules() ([]world.Rule, error) {
	var all []world.Rule
	for i := 1; ; i++ {
		at := "IpPermissions." + strconv.Itoa(i)
		if !c.form.Has(at + ".IpProtocol") {
			break
		}
		from, err1 := portOf(c.form.Get(at + ".FromPort"))
		to, err2 := portOf(c.form.Get(at + ".ToPort"))
		if err := errors.Join(err1, err2); err != nil {
			return nil, failf("InvalidParameterValue", "%v", err)
		}
		base := world.Rule{Protocol: c.form.Get(at + ".IpProtocol"), From: from, To: to}
		if base.Protocol == "6" {
			base.Protocol = "tcp"
		}
		if base.Protocol == "-1" {
			base.From, base.To = 0, 0
		}
		for _, list := range []struct{ name, field string }{{".IpRanges", "CidrIp"}, {".Ipv6Ranges", "CidrIpv6"}, {".Groups", "GroupId"}} {
			for j := 1; c.form.Has(at + list.name + "." + strconv.Itoa(j) + "." + list.field); j++ {
				peer := at + list.name + "." + strconv.Itoa(j)
				rule, value := base, c.form.Get(peer+"."+list.field)
				rule.Description = c.form.Get(peer + ".Description")
				if list.field == "GroupId" {
					rule.Group = value
				} else if _, err := netip.ParsePrefix(value); err != nil {
					return nil, failf("InvalidParameterValue", "CIDR block %s is malformed", value)
				} else {
					rule.CIDR = value
				}
				all = append(all, rule)
			}
		}
	}
	if len(all) == 0 {
		return nil, failf("MissingParameter", "The request must contain the parameter ipPermissions")
	}
	return all, nil
}

func portOf(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < -1 || n > 65535 {
		return 0, errors.New("invalid port " + text)
	}
	return max(n, 0), nil
}

// sameRule compares without the description, as EC2 does.
func sameRule(a, b world.Rule) bool {
	a.Description, b.Description = "", ""
	return a == b
}

func authorize(ingress bool) func(*call) (any, error) {
	return func(c *call) (any, error) {
		id := c.form.Get("GroupId")
		if err := c.permit("ec2:"+c.name, c.groupARN(id), nil); err != nil {
			return nil, err
		}
		rules, err := c.rules()
		if err != nil {
			return nil, err
		}
		return struct {
			Return bool `xml:"return"`
		}{true}, c.addRules(id, ingress, rules)
	}
}

func (c *call) addRules(id string, ingress bool, rules []world.Rule) error {
	return c.updateRegion(func(r *world.Region) error {
		g, err := groupIn(r, id)
		if err != nil {
			return err
		}
		for _, rule := range rules {
			if rule.Group != "" {
				if _, err := groupIn(r, rule.Group); err != nil {
					return err
				}
			}
			side := &g.Egress
			if ingress {
				side = &g.Ingress
			}
			if slices.ContainsFunc(*side, func(x world.Rule) bool { return sameRule(x, rule) }) {
				return failf("InvalidPermission.Duplicate", "the specified rule \"peer: %s%s\" already exists", rule.CIDR, rule.Group)
			}
			*side = append(*side, rule)
		}
		return nil
	})
}

func revoke(ingress bool) func(*call) (any, error) {
	return func(c *call) (any, error) {
		id := c.form.Get("GroupId")
		if err := c.permit("ec2:"+c.name, c.groupARN(id), nil); err != nil {
			return nil, err
		}
		rules, err := c.rules()
		if err != nil {
			return nil, err
		}
		return struct {
			Return bool `xml:"return"`
		}{true}, c.removeRules(id, ingress, rules)
	}
}

func (c *call) removeRules(id string, ingress bool, rules []world.Rule) error {
	return c.updateRegion(func(r *world.Region) error {
		g, err := groupIn(r, id)
		if err != nil {
			return err
		}
		side := &g.Egress
		if ingress {
			side = &g.Ingress
		}
		before := len(*side)
		*side = slices.DeleteFunc(*side, func(x world.Rule) bool {
			return slices.ContainsFunc(rules, func(y world.Rule) bool { return sameRule(x, y) })
		})
		if before-len(*side) != len(rules) {
			return failf("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
		g.NoEgress = g.NoEgress || !ingress && len(g.Egress) == 0
		return nil
	})
}

var instanceTypePattern = regexp.MustCompile(`^[a-z0-9-]+\.[a-z0-9]+$`)

func runInstances(c *call) (any, error) {
	i := world.Instance{
		ID: made("i-", newUUID()), Type: c.form.Get("InstanceType"), Subnet: c.form.Get("SubnetId"), Groups: list(c.form, "SecurityGroupId"),
		Profile: c.form.Get("IamInstanceProfile.Name"), Tags: tagsGiven(c.form, "instance"),
	}
	if c.form.Get("ImageId") == "" {
		return nil, failf("MissingParameter", "The request must contain the parameter ImageId")
	}
	if err := c.permit("ec2:RunInstances", c.fill("arn:aws:ec2:{region}:{account}:instance/*"), nil); err != nil {
		return nil, err
	}
	i, err := c.launch(i)
	if err != nil {
		return nil, err
	}
	return reservationView{ID: made("r-", i.ID), Owner: c.place.Account, Instances: setOf(c.instanceView(c.region(), i))}, nil
}

// launch starts an instance. Its agent registers at once when the profile and the groups let it.
func (c *call) launch(i world.Instance) (world.Instance, error) {
	if !instanceTypePattern.MatchString(i.Type) {
		return i, failf("InvalidParameterValue", "Invalid value '%s' for InstanceType.", i.Type)
	}
	if i.Profile != "" {
		a, _ := c.api.world.Account(c.place.Account)
		p, ok := a.Profile(i.Profile)
		if !ok {
			return i, failf("InvalidParameterValue", "Value (%s) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name", i.Profile)
		}
		if r, ok := a.Role(p.Role); ok {
			if err := c.permit("iam:PassRole", "arn:aws:iam::"+a.ID+":role"+r.Path+r.Name, map[string][]string{"iam:PassedToService": {"ec2.amazonaws.com"}}); err != nil {
				return i, err
			}
		}
	}
	i.Name = i.Tags["Name"]
	if c.api.world.Serves(c.place, i.Profile, i.Groups) {
		i.AgentVersion = latestAgent
	}
	i.Launched = 1 // just now; 0 would be completed to a month
	err := c.updateRegion(func(r *world.Region) error {
		if !slices.ContainsFunc(r.Subnets, func(s world.Subnet) bool { return s.ID == i.Subnet }) {
			return failf("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", i.Subnet)
		}
		for _, g := range i.Groups {
			if _, err := groupIn(r, g); err != nil {
				return err
			}
		}
		r.Instances = append(r.Instances, i)
		return nil
	})
	if err != nil {
		return i, err
	}
	i, _, _ = c.api.world.Instance(i.ID)
	return i, nil
}

func terminateInstances(c *call) (any, error) {
	type change struct {
		ID       string    `xml:"instanceId"`
		Current  stateView `xml:"currentState"`
		Previous stateView `xml:"previousState"`
	}
	var changes []change
	for _, id := range list(c.form, "InstanceId") {
		if err := c.permit("ec2:TerminateInstances", c.targetARN(id), nil); err != nil {
			return nil, err
		}
		if err := c.terminate(id); err != nil {
			return nil, err
		}
		changes = append(changes, change{id, stateView{48, "terminated"}, stateView{16, "running"}})
	}
	return struct {
		Set set[change] `xml:"instancesSet"`
	}{setOf(changes...)}, nil
}

// terminate leaves the instance as EC2 shows it for a while: terminated and in no group.
func (c *call) terminate(id string) error {
	if _, ok := c.instance(id); !ok {
		return failf("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
	}
	return c.api.world.UpdateInstance(id, func(i *world.Instance) {
		i.State, i.AgentVersion, i.PingStatus, i.Groups, i.Profile = "terminated", "", "", nil, ""
	})
}
