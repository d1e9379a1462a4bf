package reach

import (
	"cmp"
	"errors"
	"net/netip"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/rdsx/rdsx/aws"
)

var errNotAmazons = errors.New("a prefix list is not one of AWS's")

// appendPrefix adds a CIDR; what is none cannot match anything.
func appendPrefix(all []netip.Prefix, cidr string) []netip.Prefix {
	if p, err := netip.ParsePrefix(cidr); err == nil {
		return append(all, p.Masked())
	}
	return all
}

func prefix(cidr *string) netip.Prefix {
	p, err := netip.ParsePrefix(sdk.ToString(cidr))
	if err != nil {
		return netip.Prefix{}
	}
	return p.Masked()
}

func vpc(v types.Vpc, region string) VPC {
	out := VPC{ID: sdk.ToString(v.VpcId), Account: sdk.ToString(v.OwnerId), Region: region, DNS: aws.Unknown, OwnDNS: aws.Unknown}
	for _, b := range v.CidrBlockAssociationSet {
		if b.CidrBlockState == nil || b.CidrBlockState.State == types.VpcCidrBlockStateCodeAssociated {
			out.CIDRs = appendPrefix(out.CIDRs, sdk.ToString(b.CidrBlock))
		}
	}
	for _, b := range v.Ipv6CidrBlockAssociationSet {
		if b.Ipv6CidrBlockState == nil || b.Ipv6CidrBlockState.State == types.VpcCidrBlockStateCodeAssociated {
			out.CIDRs = appendPrefix(out.CIDRs, sdk.ToString(b.Ipv6CidrBlock))
		}
	}
	return out
}

func subnet(n types.Subnet) Subnet {
	out := Subnet{ID: sdk.ToString(n.SubnetId), VPC: sdk.ToString(n.VpcId), AZ: sdk.ToString(n.AvailabilityZone), Account: sdk.ToString(n.OwnerId)}
	out.CIDRs = appendPrefix(out.CIDRs, sdk.ToString(n.CidrBlock))
	for _, b := range n.Ipv6CidrBlockAssociationSet {
		if b.Ipv6CidrBlockState == nil || b.Ipv6CidrBlockState.State == types.SubnetCidrBlockStateCodeAssociated {
			out.CIDRs = appendPrefix(out.CIDRs, sdk.ToString(b.Ipv6CidrBlock))
		}
	}
	return out
}

func table(t types.RouteTable) RouteTable {
	out := RouteTable{ID: sdk.ToString(t.RouteTableId), VPC: sdk.ToString(t.VpcId)}
	for _, a := range t.Associations {
		if a.AssociationState != nil && a.AssociationState.State != types.RouteTableAssociationStateCodeAssociated {
			continue
		}
		out.Main = out.Main || sdk.ToBool(a.Main)
		if id := sdk.ToString(a.SubnetId); id != "" {
			out.Subnets = append(out.Subnets, id)
		}
	}
	for _, r := range t.Routes {
		route := Route{
			CIDR: prefix(cmp.Or(r.DestinationCidrBlock, r.DestinationIpv6CidrBlock)), PrefixList: sdk.ToString(r.DestinationPrefixListId),
			Blackhole: r.State == types.RouteStateBlackhole, Propagated: r.Origin == types.RouteOriginEnableVgwRoutePropagation,
		}
		route.Target = sdk.ToString(cmp.Or(
			r.GatewayId, r.NatGatewayId, r.VpcPeeringConnectionId, r.TransitGatewayId, r.EgressOnlyInternetGatewayId, r.NetworkInterfaceId,
			r.InstanceId, r.LocalGatewayId, r.CarrierGatewayId, r.CoreNetworkArn, sdk.String("an unknown target"),
		))
		out.Routes = append(out.Routes, route)
	}
	return out
}

// protocol is tcp, -1 or what EC2 says.
func protocol(p *string) string {
	if sdk.ToString(p) == "6" {
		return "tcp"
	}
	return sdk.ToString(p)
}

func acl(a types.NetworkAcl) ACL {
	out := ACL{ID: sdk.ToString(a.NetworkAclId), VPC: sdk.ToString(a.VpcId)}
	for _, s := range a.Associations {
		out.Subnets = append(out.Subnets, sdk.ToString(s.SubnetId))
	}
	for _, e := range a.Entries {
		entry := Entry{
			Number: int(sdk.ToInt32(e.RuleNumber)), Egress: sdk.ToBool(e.Egress), Allow: e.RuleAction == types.RuleActionAllow,
			Protocol: protocol(e.Protocol), CIDR: prefix(cmp.Or(e.CidrBlock, e.Ipv6CidrBlock)), To: 65535,
		}
		if e.PortRange != nil {
			entry.From, entry.To = int(sdk.ToInt32(e.PortRange.From)), int(sdk.ToInt32(e.PortRange.To))
		}
		out.Entries = append(out.Entries, entry)
	}
	return out
}

func group(g types.SecurityGroup) Group {
	out := Group{ID: sdk.ToString(g.GroupId), Name: sdk.ToString(g.GroupName), VPC: sdk.ToString(g.VpcId), Account: sdk.ToString(g.OwnerId)}
	for _, p := range g.IpPermissions {
		out.Ingress = append(out.Ingress, rules(p)...)
	}
	for _, p := range g.IpPermissionsEgress {
		out.Egress = append(out.Egress, rules(p)...)
	}
	return out
}

// rules takes a permission apart: one rule for each peer.
func rules(p types.IpPermission) []Rule {
	base := Rule{Protocol: protocol(p.IpProtocol), From: int(sdk.ToInt32(p.FromPort)), To: int(sdk.ToInt32(p.ToPort))}
	if p.FromPort == nil || p.ToPort == nil || sdk.ToInt32(p.FromPort) == -1 {
		base.From, base.To = 0, 65535
	}
	var out []Rule
	for _, r := range p.IpRanges {
		x := base
		x.CIDR = prefix(r.CidrIp)
		out = append(out, x)
	}
	for _, r := range p.Ipv6Ranges {
		x := base
		x.CIDR = prefix(r.CidrIpv6)
		out = append(out, x)
	}
	for _, r := range p.PrefixListIds {
		x := base
		x.PrefixList = sdk.ToString(r.PrefixListId)
		out = append(out, x)
	}
	for _, r := range p.UserIdGroupPairs {
		x := base
		x.Group = sdk.ToString(r.GroupId)
		switch sdk.ToString(r.PeeringStatus) {
		case "deleted", "rejected", "expired", "failed":
			x.Stale = true
		}
		out = append(out, x)
	}
	return out
}

func nic(n types.NetworkInterface) Interface {
	out := Interface{ID: sdk.ToString(n.NetworkInterfaceId), Subnet: sdk.ToString(n.SubnetId), VPC: sdk.ToString(n.VpcId)}
	add := func(text *string) {
		if a, err := netip.ParseAddr(sdk.ToString(text)); err == nil {
			out.Addrs = append(out.Addrs, a)
		}
	}
	add(n.PrivateIpAddress)
	for _, a := range n.Ipv6Addresses {
		add(a.Ipv6Address)
	}
	for _, g := range n.Groups {
		out.Groups = append(out.Groups, sdk.ToString(g.GroupId))
	}
	out.Public = n.Association != nil && sdk.ToString(n.Association.PublicIp) != ""
	return out
}

func peeringOf(p types.VpcPeeringConnection) Peering {
	out := Peering{ID: sdk.ToString(p.VpcPeeringConnectionId), Status: "unknown"}
	if p.Status != nil {
		out.Status = string(p.Status.Code)
	}
	for i, v := range []*types.VpcPeeringConnectionVpcInfo{p.RequesterVpcInfo, p.AccepterVpcInfo} {
		if v == nil {
			continue
		}
		out.Sides[i] = Side{VPC: sdk.ToString(v.VpcId), Account: sdk.ToString(v.OwnerId), Region: sdk.ToString(v.Region)}
		out.Sides[i].Resolves = v.PeeringOptions != nil && sdk.ToBool(v.PeeringOptions.AllowDnsResolutionFromRemoteVpc)
	}
	return out
}

func attachment(a types.TransitGatewayAttachment) Attachment {
	out := Attachment{ID: sdk.ToString(a.TransitGatewayAttachmentId), Kind: string(a.ResourceType), State: string(a.State), References: aws.Unknown}
	if out.Kind == "vpc" {
		out.VPC = sdk.ToString(a.ResourceId)
	}
	if a.Association != nil && a.Association.State == types.TransitGatewayAssociationStateAssociated {
		out.Table = sdk.ToString(a.Association.TransitGatewayRouteTableId)
	}
	return out
}

// transitTable is whole when the search gave all and none of its routes is by prefix list.
func transitTable(id string, found *ec2.SearchTransitGatewayRoutesOutput) TransitTable {
	out := TransitTable{ID: id, Whole: !sdk.ToBool(found.AdditionalRoutesAvailable)}
	for _, r := range found.Routes {
		route := TransitRoute{CIDR: prefix(r.DestinationCidrBlock), Blackhole: r.State == types.TransitGatewayRouteStateBlackhole}
		out.Whole = out.Whole && route.CIDR.IsValid()
		for _, a := range r.TransitGatewayAttachments {
			route.Attachments = append(route.Attachments, sdk.ToString(a.TransitGatewayAttachmentId))
		}
		out.Routes = append(out.Routes, route)
	}
	return out
}
