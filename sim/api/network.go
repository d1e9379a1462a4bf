package api

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/rdsx/rdsx/sim/world"
)

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
}

func describeVpcs(c *call) (any, error) {
	var all []resource[vpcView]
	for _, v := range c.region().VPCs {
		view := vpcView{
			ID: v.ID, Owner: c.place.Account, State: "available", CIDR: v.CIDR, Options: made("dopt-", c.place.Region), Tenancy: "default",
			Default: v.Default, Tags: setOf(tagList(v.Tags)...),
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
	ID      string      `xml:"subnetId"`
	ARN     string      `xml:"subnetArn"`
	State   string      `xml:"state"`
	Owner   string      `xml:"ownerId"`
	VPC     string      `xml:"vpcId"`
	CIDR    string      `xml:"cidrBlock"`
	Free    int         `xml:"availableIpAddressCount"`
	AZ      string      `xml:"availabilityZone"`
	Default bool        `xml:"defaultForAz"`
	Public  bool        `xml:"mapPublicIpOnLaunch"`
	Tags    set[ec2Tag] `xml:"tagSet"`
}

func describeSubnets(c *call) (any, error) {
	var all []resource[subnetView]
	for _, s := range c.region().Subnets {
		view := subnetView{
			ID: s.ID, ARN: c.fill("arn:aws:ec2:{region}:{account}:subnet/" + s.ID), State: "available", Owner: c.place.Account, VPC: s.VPC,
			CIDR: s.CIDR, Free: freeAddresses(s.CIDR), AZ: s.AZ, Tags: setOf(tagList(s.Tags)...),
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
	CIDR    string `xml:"destinationCidrBlock"`
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
	for _, t := range c.region().RouteTables {
		view := tableView{ID: t.ID, VPC: t.VPC, Owner: c.place.Account, Tags: setOf(tagList(t.Tags)...)}
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
	v := routeView{CIDR: r.CIDR, State: "active", Origin: "CreateRoute"}
	if r.Blackhole {
		v.State = "blackhole"
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
	case "local":
		v.Gateway, v.Origin = r.Target, "CreateRouteTable"
	default:
		v.Gateway = r.Target
	}
	return v
}
