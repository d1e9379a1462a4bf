package api

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/sim/world"
)

// addPaths adds what leads from one network to another.
func addPaths(services map[string]*service) {
	maps.Copy(services["ec2"].operations, map[string]operation{
		"DescribeNetworkInterfaces":            {"*", describeNetworkInterfaces},
		"DescribeVpcAttribute":                 {"*", describeVpcAttribute},
		"DescribeDhcpOptions":                  {"*", describeDhcpOptions},
		"DescribeVpcPeeringConnections":        {"*", describePeerings},
		"DescribeTransitGateways":              {"*", describeTransits},
		"DescribeTransitGatewayAttachments":    {"*", describeAttachments},
		"DescribeTransitGatewayVpcAttachments": {"*", describeVpcAttachments},
		"DescribeTransitGatewayRouteTables":    {"*", describeTransitTables},
		"SearchTransitGatewayRoutes":           {"*", searchTransitRoutes},
		"DescribeManagedPrefixLists":           {"*", describePrefixLists},
		"GetManagedPrefixListEntries":          {"*", getPrefixListEntries},
		"DescribePrefixLists":                  {"*", describeAWSPrefixLists},
	})
	maps.Copy(services["ec2"].operations, pathWrites())
}

type peeringSide struct {
	VPC     string `xml:"vpcId"`
	Owner   string `xml:"ownerId"`
	Region  string `xml:"region"`
	CIDR    string `xml:"cidrBlock,omitempty"`
	Options *struct {
		Resolves bool `xml:"allowDnsResolutionFromRemoteVpc"`
	} `xml:"peeringOptions"`
}

type peeringView struct {
	ID        string      `xml:"vpcPeeringConnectionId"`
	Requester peeringSide `xml:"requesterVpcInfo"`
	Accepter  peeringSide `xml:"accepterVpcInfo"`
	Code      string      `xml:"status>code"`
	Message   string      `xml:"status>message"`
	Tags      set[ec2Tag] `xml:"tagSet"`
}

func describePeerings(c *call) (any, error) {
	var all []resource[peeringView]
	for _, p := range c.api.world.Peerings() {
		from, to := p.Homes()
		if from != c.place && to != c.place {
			continue
		}
		v := peeringView{ID: p.ID, Code: p.Status, Message: strings.ToUpper(p.Status[:1]) + p.Status[1:]}
		v.Requester, v.Accepter = c.side(p.Requester, from, p.RequesterDNS), c.side(p.Accepter, to, p.AccepterDNS)
		all = append(all, resource[peeringView]{id: p.ID, view: v, fields: map[string][]string{
			"vpc-peering-connection-id": {p.ID}, "status-code": {p.Status}, "requester-vpc-info.vpc-id": {p.Requester}, "accepter-vpc-info.vpc-id": {p.Accepter},
			"requester-vpc-info.owner-id": {from.Account}, "accepter-vpc-info.owner-id": {to.Account},
		}})
	}
	k := kind{ids: "VpcPeeringConnectionId", prefix: "pcx-", code: "InvalidVpcPeeringConnectionID", noun: "vpcPeeringConnection ID", most: 1000}
	views, next, err := choose(c, k, all, "vpc-peering-connection-id", "status-code", "requester-vpc-info.vpc-id", "accepter-vpc-info.vpc-id",
		"requester-vpc-info.owner-id", "accepter-vpc-info.owner-id")
	if err != nil {
		return nil, err
	}
	return struct {
		Set  set[peeringView] `xml:"vpcPeeringConnectionSet"`
		Next string           `xml:"nextToken,omitempty"`
	}{setOf(views...), next}, nil
}

func (c *call) side(vpc string, at world.Place, resolves bool) peeringSide {
	v := peeringSide{VPC: vpc, Owner: at.Account, Region: at.Region}
	v.Options = &struct {
		Resolves bool `xml:"allowDnsResolutionFromRemoteVpc"`
	}{resolves}
	for _, x := range c.api.world.Region(at.Account, at.Region).VPCs {
		if x.ID == vpc {
			v.CIDR = x.CIDR
		}
	}
	return v
}

// transits are the transit gateways that the caller sees: its own, and those that its VPCs are attached to.
func (c *call) transits() []world.Transit {
	return slices.DeleteFunc(slices.Clone(c.api.world.Transits()), func(t world.Transit) bool {
		seen := t.Account == c.place.Account || slices.ContainsFunc(t.Attachments, func(a world.TransitAttachment) bool { return c.attachedBy(t, a) == c.place.Account })
		return t.Region != c.place.Region || !seen
	})
}

// attachedBy is the account whose VPC an attachment is for, the gateway's for a VPN.
func (c *call) attachedBy(t world.Transit, a world.TransitAttachment) string {
	if at, ok := c.api.world.Home(a.VPC); ok {
		return at.Account
	}
	return t.Account
}

func enabled(on bool) string {
	if on {
		return "enable"
	}
	return "disable"
}

type transitView struct {
	ID         string `xml:"transitGatewayId"`
	Owner      string `xml:"ownerId"`
	State      string `xml:"state"`
	References string `xml:"options>securityGroupReferencingSupport"`
}

func describeTransits(c *call) (any, error) {
	var all []resource[transitView]
	for _, t := range c.transits() {
		all = append(all, resource[transitView]{
			id: t.ID, view: transitView{t.ID, t.Account, "available", enabled(t.References)},
			fields: map[string][]string{"transit-gateway-id": {t.ID}, "state": {"available"}, "owner-id": {t.Account}},
		})
	}
	k := kind{ids: "TransitGatewayIds", prefix: "tgw-", code: "InvalidTransitGatewayID", noun: "Transit Gateway", most: 1000}
	views, next, err := choose(c, k, all, "transit-gateway-id", "state", "owner-id")
	if err != nil {
		return nil, err
	}
	return struct {
		Set  set[transitView] `xml:"transitGatewaySet"`
		Next string           `xml:"nextToken,omitempty"`
	}{setOf(views...), next}, nil
}

type transitAttachmentView struct {
	ID          string                 `xml:"transitGatewayAttachmentId"`
	Transit     string                 `xml:"transitGatewayId"`
	Owner       string                 `xml:"transitGatewayOwnerId"`
	Theirs      string                 `xml:"resourceOwnerId"`
	Kind        string                 `xml:"resourceType"`
	Resource    string                 `xml:"resourceId"`
	State       string                 `xml:"state"`
	Association *attachmentAssociation `xml:"association"`
}

type attachmentAssociation struct {
	Table string `xml:"transitGatewayRouteTableId"`
	State string `xml:"state"`
}

func describeAttachments(c *call) (any, error) {
	var all []resource[transitAttachmentView]
	for _, t := range c.transits() {
		for _, a := range t.Attachments {
			by := c.attachedBy(t, a)
			if by != c.place.Account && t.Account != c.place.Account {
				continue
			}
			v := transitAttachmentView{ID: a.ID, Transit: t.ID, Owner: t.Account, Theirs: by, Kind: "vpc", Resource: a.VPC, State: a.State}
			if a.VPC == "" {
				v.Kind, v.Resource = "vpn", made("vpn-", a.ID)
			}
			if a.Table != "" {
				v.Association = &attachmentAssociation{a.Table, "associated"}
			}
			all = append(all, resource[transitAttachmentView]{id: a.ID, view: v, fields: map[string][]string{
				"transit-gateway-attachment-id": {a.ID}, "transit-gateway-id": {t.ID}, "resource-id": {v.Resource}, "resource-type": {v.Kind}, "state": {a.State},
				"association.transit-gateway-route-table-id": {a.Table},
			}})
		}
	}
	k := kind{ids: "TransitGatewayAttachmentIds", prefix: "tgw-attach-", code: "InvalidTransitGatewayAttachmentID", noun: "Transit Gateway Attachment", most: 1000}
	views, next, err := choose(c, k, all, "transit-gateway-attachment-id", "transit-gateway-id", "resource-id", "resource-type", "state",
		"association.transit-gateway-route-table-id")
	if err != nil {
		return nil, err
	}
	return struct {
		Set  set[transitAttachmentView] `xml:"transitGatewayAttachments"`
		Next string                     `xml:"nextToken,omitempty"`
	}{setOf(views...), next}, nil
}

type vpcAttachmentView struct {
	ID         string      `xml:"transitGatewayAttachmentId"`
	Transit    string      `xml:"transitGatewayId"`
	VPC        string      `xml:"vpcId"`
	Owner      string      `xml:"vpcOwnerId"`
	State      string      `xml:"state"`
	Subnets    set[string] `xml:"subnetIds"`
	References string      `xml:"options>securityGroupReferencingSupport"`
}

func describeVpcAttachments(c *call) (any, error) {
	var all []resource[vpcAttachmentView]
	for _, t := range c.transits() {
		for _, a := range t.Attachments {
			by := c.attachedBy(t, a)
			if a.VPC == "" || by != c.place.Account && t.Account != c.place.Account {
				continue
			}
			v := vpcAttachmentView{a.ID, t.ID, a.VPC, by, a.State, setOf(a.Subnets...), enabled(a.References)}
			all = append(all, resource[vpcAttachmentView]{id: a.ID, vpc: a.VPC, view: v, fields: map[string][]string{
				"transit-gateway-attachment-id": {a.ID}, "transit-gateway-id": {t.ID}, "state": {a.State},
			}})
		}
	}
	k := kind{ids: "TransitGatewayAttachmentIds", prefix: "tgw-attach-", code: "InvalidTransitGatewayAttachmentID", noun: "Transit Gateway Attachment", most: 1000}
	views, next, err := choose(c, k, all, "transit-gateway-attachment-id", "transit-gateway-id", "state")
	if err != nil {
		return nil, err
	}
	return struct {
		Set  set[vpcAttachmentView] `xml:"transitGatewayVpcAttachments"`
		Next string                 `xml:"nextToken,omitempty"`
	}{setOf(views...), next}, nil
}

type transitTableView struct {
	ID      string `xml:"transitGatewayRouteTableId"`
	Transit string `xml:"transitGatewayId"`
	State   string `xml:"state"`
}

func describeTransitTables(c *call) (any, error) {
	var all []resource[transitTableView]
	for _, t := range c.transits() {
		if t.Account != c.place.Account {
			continue
		}
		for _, table := range t.Tables {
			all = append(all, resource[transitTableView]{id: table.ID, view: transitTableView{table.ID, t.ID, "available"}, fields: map[string][]string{
				"transit-gateway-route-table-id": {table.ID}, "transit-gateway-id": {t.ID}, "state": {"available"},
			}})
		}
	}
	k := kind{ids: "TransitGatewayRouteTableIds", prefix: "tgw-rtb-", code: "InvalidRouteTableId", noun: "Transit Gateway Route Table", most: 1000}
	views, next, err := choose(c, k, all, "transit-gateway-route-table-id", "transit-gateway-id", "state")
	if err != nil {
		return nil, err
	}
	return struct {
		Set  set[transitTableView] `xml:"transitGatewayRouteTables"`
		Next string                `xml:"nextToken,omitempty"`
	}{setOf(views...), next}, nil
}

type transitRouteView struct {
	CIDR        string                 `xml:"destinationCidrBlock"`
	State       string                 `xml:"state"`
	Type        string                 `xml:"type"`
	Attachments set[transitTargetView] `xml:"transitGatewayAttachments"`
}

type transitTargetView struct {
	ID       string `xml:"transitGatewayAttachmentId"`
	Kind     string `xml:"resourceType"`
	Resource string `xml:"resourceId"`
}

// searchTransitRoutes knows the filters state, type and route-search.longest-prefix-match; one is needed.
func searchTransitRoutes(c *call) (any, error) {
	id := c.form.Get("TransitGatewayRouteTableId")
	for _, t := range c.transits() {
		for _, table := range t.Tables {
			if table.ID != id || t.Account != c.place.Account {
				continue
			}
			return c.searchIn(t, table)
		}
	}
	return nil, failf("InvalidRouteTableId.NotFound", "Transit Gateway Route Table %s was deleted or does not exist.", id)
}

func (c *call) searchIn(t world.Transit, table world.TransitTable) (any, error) {
	if !c.form.Has("Filter.1.Name") {
		return nil, failf("MissingParameter", "The request must contain the parameter Filters")
	}
	var all []resource[transitRouteView]
	for _, r := range table.Routes {
		v := transitRouteView{CIDR: r.CIDR, State: "active", Type: "static"}
		if r.Blackhole {
			v.State = "blackhole"
		}
		for _, a := range t.Attachments {
			if a.ID == r.Attachment && !r.Blackhole {
				v.Attachments.Items = append(v.Attachments.Items, transitTargetView{a.ID, "vpc", a.VPC})
			}
		}
		all = append(all, resource[transitRouteView]{id: r.CIDR, view: v, fields: map[string][]string{
			"state": {v.State}, "type": {v.Type}, "attachment.transit-gateway-attachment-id": {r.Attachment}, "route-search.longest-prefix-match": longestFor(c, table, r),
		}})
	}
	views, next, err := choose(c, kind{ids: "-", most: 1000}, all, "state", "type", "attachment.transit-gateway-attachment-id", "route-search.longest-prefix-match")
	if err != nil {
		return nil, err
	}
	return struct {
		Set  set[transitRouteView] `xml:"routeSet"`
		More bool                  `xml:"additionalRoutesAvailable"`
	}{setOf(views...), next != ""}, nil
}

// longestFor are the values of the longest-prefix-match filter that the route is the answer to.
func longestFor(c *call, table world.TransitTable, r world.TransitRoute) []string {
	var out []string
	for i := 1; c.form.Has("Filter." + string(rune('0'+i)) + ".Name"); i++ {
		for _, wanted := range list(c.form, "Filter."+string(rune('0'+i))+".Value") {
			at, err := netip.ParsePrefix(wanted)
			if a, addrErr := netip.ParseAddr(wanted); err != nil && addrErr == nil {
				at, err = netip.PrefixFrom(a, a.BitLen()), nil
			}
			if err == nil && best(table, at) == r.CIDR {
				out = append(out, wanted)
			}
		}
	}
	return out
}

func best(table world.TransitTable, at netip.Prefix) string {
	cidr, bits := "", -1
	for _, r := range table.Routes {
		if p, err := netip.ParsePrefix(r.CIDR); err == nil && p.Contains(at.Addr()) && p.Bits() <= at.Bits() && p.Bits() > bits {
			cidr, bits = r.CIDR, p.Bits()
		}
	}
	return cidr
}
