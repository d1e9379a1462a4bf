package api

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rdsx/rdsx/sim/world"
)

type rangeView struct {
	CIDR        string `xml:"cidrIp"`
	Description string `xml:"description,omitempty"`
}

type range6View struct {
	CIDR        string `xml:"cidrIpv6"`
	Description string `xml:"description,omitempty"`
}

type pairView struct {
	User        string `xml:"userId"`
	Group       string `xml:"groupId"`
	Description string `xml:"description,omitempty"`
	VPC         string `xml:"vpcId,omitempty"` // of a group in a peered VPC, as the two below
	Peering     string `xml:"vpcPeeringConnectionId,omitempty"`
	Status      string `xml:"peeringStatus,omitempty"`
}

type listRefView struct {
	ID          string `xml:"prefixListId"`
	Description string `xml:"description,omitempty"`
}

type permissionView struct {
	Protocol string           `xml:"ipProtocol"`
	From     *int             `xml:"fromPort"` // absent for all protocols
	To       *int             `xml:"toPort"`
	Groups   set[pairView]    `xml:"groups"`
	Ranges   set[rangeView]   `xml:"ipRanges"`
	Ranges6  set[range6View]  `xml:"ipv6Ranges"`
	Prefixes set[listRefView] `xml:"prefixListIds"`
}

type groupView struct {
	Owner       string              `xml:"ownerId"`
	ID          string              `xml:"groupId"`
	Name        string              `xml:"groupName"`
	Description string              `xml:"groupDescription"`
	VPC         string              `xml:"vpcId"`
	ARN         string              `xml:"securityGroupArn"`
	Ingress     set[permissionView] `xml:"ipPermissions"`
	Egress      set[permissionView] `xml:"ipPermissionsEgress"`
	Tags        set[ec2Tag]         `xml:"tagSet"`
}

func describeSecurityGroups(c *call) (any, error) {
	var all []resource[groupView]
	names := list(c.form, "GroupName")
	for _, g := range c.region().SecurityGroups {
		if len(names) > 0 && !slices.Contains(names, g.Name) {
			continue
		}
		view := groupView{
			Owner: c.place.Account, ID: g.ID, Name: g.Name, Description: g.Description, VPC: g.VPC,
			ARN:     c.fill("arn:aws:ec2:{region}:{account}:security-group/" + g.ID),
			Ingress: setOf(c.permissions(g.VPC, g.Ingress)...), Egress: setOf(c.permissions(g.VPC, g.Egress)...), Tags: setOf(tagList(g.Tags)...),
		}
		fields := map[string][]string{"group-id": {g.ID}, "group-name": {g.Name}, "description": {g.Description}, "owner-id": {c.place.Account}}
		for _, r := range g.Ingress {
			fields["ip-permission.group-id"] = append(fields["ip-permission.group-id"], r.Group)
			fields["ip-permission.cidr"] = append(fields["ip-permission.cidr"], r.CIDR)
			fields["ip-permission.from-port"] = append(fields["ip-permission.from-port"], strconv.Itoa(r.From))
			fields["ip-permission.to-port"] = append(fields["ip-permission.to-port"], strconv.Itoa(r.To))
			fields["ip-permission.protocol"] = append(fields["ip-permission.protocol"], r.Protocol)
		}
		all = append(all, resource[groupView]{id: g.ID, vpc: g.VPC, tags: g.Tags, view: view, fields: fields})
	}
	k := kind{ids: "GroupId", prefix: "sg-", code: "InvalidGroupId", noun: "security group", most: 1000, notFound: "InvalidGroup.NotFound"}
	views, next, err := choose(c, k, all, "group-id", "group-name", "description", "owner-id", "ip-permission.group-id", "ip-permission.cidr",
		"ip-permission.from-port", "ip-permission.to-port", "ip-permission.protocol")
	if err != nil {
		return nil, err
	}
	return struct {
		Set  set[groupView] `xml:"securityGroupInfo"`
		Next string         `xml:"nextToken,omitempty"`
	}{setOf(views...), next}, nil
}

// pair is how a rule of a group in vpc names another group. What it says of a peering outlives the group and the peering.
func (c *call) pair(vpc string, r world.Rule) pairView {
	v := pairView{User: c.place.Account, Group: r.Group, Description: r.Description}
	for _, a := range c.api.world.Accounts() {
		for _, region := range a.Regions {
			for _, g := range region.SecurityGroups {
				if g.ID != r.Group || g.VPC == vpc {
					continue
				}
				v.User, v.VPC = a.ID, g.VPC
				for _, p := range c.api.world.Peerings() {
					if p.Requester == vpc && p.Accepter == g.VPC || p.Accepter == vpc && p.Requester == g.VPC {
						v.Peering, v.Status = p.ID, p.Status
					}
				}
			}
		}
	}
	return v
}

// permissions gathers rules of the same protocol and ports into one, as EC2 does.
func (c *call) permissions(vpc string, rules []world.Rule) []permissionView {
	var all []permissionView
	at := map[string]int{}
	for _, r := range rules {
		key := r.Protocol + " " + strconv.Itoa(r.From) + " " + strconv.Itoa(r.To)
		i, ok := at[key]
		if !ok {
			i, at[key] = len(all), len(all)
			p := permissionView{Protocol: r.Protocol}
			if r.Protocol != "-1" {
				p.From, p.To = &r.From, &r.To
			}
			all = append(all, p)
		}
		switch p := &all[i]; {
		case r.Group != "":
			p.Groups.Items = append(p.Groups.Items, c.pair(vpc, r))
		case r.PrefixList != "":
			p.Prefixes.Items = append(p.Prefixes.Items, listRefView{r.PrefixList, r.Description})
		case strings.Contains(r.CIDR, ":"):
			p.Ranges6.Items = append(p.Ranges6.Items, range6View{r.CIDR, r.Description})
		default:
			p.Ranges.Items = append(p.Ranges.Items, rangeView{r.CIDR, r.Description})
		}
	}
	return all
}

type entryView struct {
	Number   int    `xml:"ruleNumber"`
	Protocol string `xml:"protocol"` // a number: -1, 6, 17, 1
	Action   string `xml:"ruleAction"`
	Egress   bool   `xml:"egress"`
	CIDR     string `xml:"cidrBlock,omitempty"`
	CIDR6    string `xml:"ipv6CidrBlock,omitempty"`
	Ports    *struct {
		From int `xml:"from"`
		To   int `xml:"to"`
	} `xml:"portRange"`
}

type aclAssociationView struct {
	ID     string `xml:"networkAclAssociationId"`
	ACL    string `xml:"networkAclId"`
	Subnet string `xml:"subnetId"`
}

type aclView struct {
	ID           string                  `xml:"networkAclId"`
	VPC          string                  `xml:"vpcId"`
	Owner        string                  `xml:"ownerId"`
	Default      bool                    `xml:"default"`
	Entries      set[entryView]          `xml:"entrySet"`
	Associations set[aclAssociationView] `xml:"associationSet"`
	Tags         set[ec2Tag]             `xml:"tagSet"`
}

func describeNetworkAcls(c *call) (any, error) {
	r := c.visible()
	var all []resource[aclView]
	for _, a := range r.NetworkACLs {
		view := aclView{ID: a.ID, VPC: a.VPC, Owner: c.ownerOf(a.VPC), Default: a.Default, Entries: setOf(entries(a)...), Tags: setOf(tagList(a.Tags)...)}
		subnets := aclSubnets(r, a)
		for _, s := range subnets {
			view.Associations.Items = append(view.Associations.Items, aclAssociationView{made("aclassoc-", a.ID+s), a.ID, s})
		}
		all = append(all, resource[aclView]{id: a.ID, vpc: a.VPC, tags: a.Tags, view: view, fields: map[string][]string{
			"network-acl-id": {a.ID}, "association.subnet-id": subnets, "default": {strconv.FormatBool(a.Default)}, "owner-id": {c.place.Account},
		}})
	}
	k := kind{ids: "NetworkAclId", prefix: "acl-", code: "InvalidNetworkAclID", noun: "networkAcl ID", most: 1000}
	views, next, err := choose(c, k, all, "network-acl-id", "association.subnet-id", "default", "owner-id")
	if err != nil {
		return nil, err
	}
	return struct {
		Set  set[aclView] `xml:"networkAclSet"`
		Next string       `xml:"nextToken,omitempty"`
	}{setOf(views...), next}, nil
}

// aclSubnets are those that an ACL names, and for the default one all that no other names.
func aclSubnets(r world.Region, a world.NetworkACL) []string {
	all := slices.Clone(a.Subnets)
	if !a.Default {
		return all
	}
	for _, s := range r.Subnets {
		named := slices.ContainsFunc(r.NetworkACLs, func(x world.NetworkACL) bool { return slices.Contains(x.Subnets, s.ID) })
		if s.VPC == a.VPC && !named {
			all = append(all, s.ID)
		}
	}
	return all
}

// entries are an ACL's rules with the denials that close each direction.
func entries(a world.NetworkACL) []entryView {
	rules := append(slices.Clone(a.Entries),
		world.ACLEntry{Number: 32767, Deny: true, CIDR: "0.0.0.0/0"}, world.ACLEntry{Number: 32767, Deny: true, Egress: true, CIDR: "0.0.0.0/0"})
	var all []entryView
	for _, e := range rules {
		v := entryView{Number: e.Number, Egress: e.Egress, CIDR: e.CIDR, Action: "allow", Protocol: "-1"}
		if strings.Contains(e.CIDR, ":") {
			v.CIDR, v.CIDR6 = "", e.CIDR
		}
		if e.Deny {
			v.Action = "deny"
		}
		if number, ok := map[string]string{"tcp": "6", "udp": "17", "icmp": "1"}[e.Protocol]; ok {
			v.Protocol = number
		}
		if v.Protocol == "6" || v.Protocol == "17" {
			from, to := e.From, e.To
			if from == 0 && to == 0 {
				to = 65535
			}
			v.Ports = &struct {
				From int `xml:"from"`
				To   int `xml:"to"`
			}{from, to}
		}
		all = append(all, v)
	}
	return all
}
