package api

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/rdsx/rdsx/sim/world"
)

// block6View ties an IPv6 block to a VPC or subnet.
type block6View struct {
	ID    string `xml:"associationId"`
	CIDR  string `xml:"ipv6CidrBlock"`
	State string `xml:"ipv6CidrBlockState>state"`
}

func blocks6(prefix, id, cidr string) set[block6View] {
	if cidr == "" {
		return set[block6View]{}
	}
	return setOf(block6View{made(prefix, id+cidr), cidr, "associated"})
}

// visible is the caller's region with the route tables and ACLs of the VPCs that others share with it.
func (c *call) visible() world.Region {
	r := c.region()
	for _, v := range r.VPCs {
		if v.Owner == "" {
			continue
		}
		owner := c.api.world.Region(v.Owner, c.place.Region)
		for _, t := range owner.RouteTables {
			if t.VPC == v.ID {
				r.RouteTables = append(slices.Clip(r.RouteTables), t)
			}
		}
		for _, a := range owner.NetworkACLs {
			if a.VPC == v.ID {
				r.NetworkACLs = append(slices.Clip(r.NetworkACLs), a)
			}
		}
	}
	return r
}

// ownerOf is the account of a VPC.
func (c *call) ownerOf(vpc string) string {
	for _, v := range c.region().VPCs {
		if v.ID == vpc && v.Owner != "" {
			return v.Owner
		}
	}
	return c.place.Account
}

type vpcView struct {
	ID      string      `xml:"vpcId"`
	Owner   string      `xml:"ownerId"`
	State   string      `xml:"state"`
	CIDR    string      `xml:"cidrBlock"`
	Options string      `xml:"dhcpOptionsId"`
	Tenancy string      `xml:"instanceTenancy"`
	Default bool        `xml:"isDefault"`
	Tags    set[ec2Tag] `xml:"tagSet"`
	Blocks  set[struct {
		ID    string `xml:"associationId"`
		CIDR  string `xml:"cidrBlock"`
		State string `xml:"cidrBlockState>state"`
	}] `xml:"cidrBlockAssociationSet"`
	Blocks6 set[block6View] `xml:"ipv6CidrBlockAssociationSet"`
}

func describeVpcs(c *call) (any, error) {
	var all []resource[vpcView]
	for _, v := range c.region().VPCs {
		view := vpcView{
			ID: v.ID, Owner: c.ownerOf(v.ID), State: "available", CIDR: v.CIDR, Options: made("dopt-", c.place.Region), Tenancy: "default",
			Default: v.Default, Tags: setOf(tagList(v.Tags)...), Blocks6: blocks6("vpc-cidr-assoc-", v.ID, v.CIDR6),
		}
		if v.OwnDNS {
			view.Options = made("dopt-", v.ID)
		}
		block := struct {
			ID    string `xml:"associationId"`
			CIDR  string `xml:"cidrBlock"`
			State string `xml:"cidrBlockState>state"`
		}{made("vpc-cidr-assoc-", v.ID), v.CIDR, "associated"}
		view.Blocks.Items = append(view.Blocks.Items, block)
		all = append(all, resource[vpcView]{id: v.ID, vpc: v.ID, tags: v.Tags, view: view, fields: map[string][]string{
			"cidr": {v.CIDR}, "cidr-block-association.cidr-block": {v.CIDR}, "is-default": {strconv.FormatBool(v.Default)}, "state": {"available"}, "owner-id": {c.place.Account},
		}})
	}
	k := kind{ids: "VpcId", prefix: "vpc-", code: "InvalidVpcID", noun: "vpc ID", most: 1000}
	views, next, err := choose(c, k, all, "cidr", "cidr-block-association.cidr-block", "is-default", "isDefault", "state", "owner-id")
	if err != nil {
		return nil, err
	}
	return struct {
		Set  set[vpcView] `xml:"vpcSet"`
		Next string       `xml:"nextToken,omitempty"`
	}{setOf(views...), next}, nil
}

type subnetView struct {
	ID      string          `xml:"subnetId"`
	ARN     string          `xml:"subnetArn"`
	State   string          `xml:"state"`
	Owner   string          `xml:"ownerId"`
	VPC     string          `xml:"vpcId"`
	CIDR    string          `xml:"cidrBlock"`
	Free    int             `xml:"availableIpAddressCount"`
	AZ      string          `xml:"availabilityZone"`
	Default bool            `xml:"defaultForAz"`
	Public  bool            `xml:"mapPublicIpOnLaunch"`
	Blocks6 set[block6View] `xml:"ipv6CidrBlockAssociationSet"`
	Tags    set[ec2Tag]     `xml:"tagSet"`
}

func describeSubnets(c *call) (any, error) {
	var all []resource[subnetView]
	for _, s := range c.region().Subnets {
		view := subnetView{
			ID: s.ID, ARN: c.fill("arn:aws:ec2:{region}:{account}:subnet/" + s.ID), State: "available", Owner: c.ownerOf(s.VPC), VPC: s.VPC,
			CIDR: s.CIDR, Blocks6: blocks6("subnet-cidr-assoc-", s.ID, s.CIDR6), Free: freeAddresses(s.CIDR), AZ: s.AZ, Tags: setOf(tagList(s.Tags)...),
		}
		all = append(all, resource[subnetView]{id: s.ID, vpc: s.VPC, tags: s.Tags, view: view, fields: map[string][]string{
			"subnet-id": {s.ID}, "cidr-block": {s.CIDR}, "availability-zone": {s.AZ}, "state": {"available"}, "owner-id": {c.place.Account},
		}})
	}
	k := kind{ids: "SubnetId", prefix: "subnet-", code: "InvalidSubnetID", noun: "subnet ID", most: 1000}
	views, next, err := choose(c, k, all, "subnet-id", "cidr-block", "availability-zone", "state", "owner-id")
	if err != nil {
		return nil, err
	}
	return struct {
		Set  set[subnetView] `xml:"subnetSet"`
		Next string          `xml:"nextToken,omitempty"`
	}{setOf(views...), next}, nil
}

// freeAddresses is what is left of a subnet after AWS's own five.
func freeAddresses(cidr string) int {
	p, err := netip.ParsePrefix(cidr)
	if err != nil || !p.Addr().Is4() {
		return 0
	}
	return max(0, 1<<(32-p.Bits())-5)
}

type routeView struct {
	CIDR    string `xml:"destinationCidrBlock,omitempty"`
	CIDR6   string `xml:"destinationIpv6CidrBlock,omitempty"`
	List    string `xml:"destinationPrefixListId,omitempty"`
	Egress  string `xml:"egressOnlyInternetGatewayId,omitempty"`
	Gateway string `xml:"gatewayId,omitempty"` // local, igw- and vgw- all live here
	NAT     string `xml:"natGatewayId,omitempty"`
	Peering string `xml:"vpcPeeringConnectionId,omitempty"`
	Transit string `xml:"transitGatewayId,omitempty"`
	ENI     string `xml:"networkInterfaceId,omitempty"`
	State   string `xml:"state"`
	Origin  string `xml:"origin"`
}

type associationView struct {
	ID     string `xml:"routeTableAssociationId"`
	Table  string `xml:"routeTableId"`
	Subnet string `xml:"subnetId,omitempty"`
	Main   bool   `xml:"main"`
	State  string `xml:"associationState>state"`
}

type tableView struct {
	ID           string               `xml:"routeTableId"`
	VPC          string               `xml:"vpcId"`
	Owner        string               `xml:"ownerId"`
	Routes       set[routeView]       `xml:"routeSet"`
	Associations set[associationView] `xml:"associationSet"`
	Tags         set[ec2Tag]          `xml:"tagSet"`
}

func describeRouteTables(c *call) (any, error) {
	var all []resource[tableView]
	for _, t := range c.visible().RouteTables {
		view := tableView{ID: t.ID, VPC: t.VPC, Owner: c.ownerOf(t.VPC), Tags: setOf(tagList(t.Tags)...)}
		for _, r := range t.Routes {
			view.Routes.Items = append(view.Routes.Items, viewRoute(r))
		}
		if t.Main {
			view.Associations.Items = append(view.Associations.Items, associationView{made("rtbassoc-", t.ID), t.ID, "", true, "associated"})
		}
		for _, s := range t.Subnets {
			view.Associations.Items = append(view.Associations.Items, associationView{made("rtbassoc-", t.ID+s), t.ID, s, false, "associated"})
		}
		all = append(all, resource[tableView]{id: t.ID, vpc: t.VPC, tags: t.Tags, view: view, fields: map[string][]string{
			"route-table-id": {t.ID}, "association.subnet-id": t.Subnets, "association.main": mains(view), "owner-id": {c.place.Account},
		}})
	}
	k := kind{ids: "RouteTableId", prefix: "rtb-", code: "InvalidRouteTableID", noun: "routeTable ID", most: 100}
	views, next, err := choose(c, k, all, "route-table-id", "association.subnet-id", "association.main", "owner-id")
	if err != nil {
		return nil, err
	}
	return struct {
		Set  set[tableView] `xml:"routeTableSet"`
		Next string         `xml:"nextToken,omitempty"`
	}{setOf(views...), next}, nil
}

func mains(t tableView) []string {
	var all []string
	for _, a := range t.Associations.Items {
		all = append(all, strconv.FormatBool(a.Main))
	}
	return slices.Compact(all)
}

func viewRoute(r world.Route) routeView {
	v := routeView{CIDR: r.CIDR, List: r.PrefixList, State: "active", Origin: "CreateRoute"}
	if strings.Contains(r.CIDR, ":") {
		v.CIDR, v.CIDR6 = "", r.CIDR
	}
	if r.Blackhole {
		v.State = "blackhole"
	}
	if r.Propagated {
		v.Origin = "EnableVgwRoutePropagation"
	}
	switch prefix, _, _ := strings.Cut(r.Target, "-"); prefix {
	case "nat":
		v.NAT = r.Target
	case "pcx":
		v.Peering = r.Target
	case "tgw":
		v.Transit = r.Target
	case "eni":
		v.ENI = r.Target
	case "eigw":
		v.Egress = r.Target
	case "local":
		v.Gateway, v.Origin = r.Target, "CreateRouteTable"
	default:
		v.Gateway = r.Target
	}
	return v
}
