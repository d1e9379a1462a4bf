package api

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/rdsx/rdsx/sim/world"
)

// wired gives prod's VPC a neighbour by peering and by transit gateway, IPv6, a prefix list and a second interface.
func wired(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, Options{})
	prod := world.Place{Account: "777788889999", Region: "eu-west-1"}
	err := r.world.Update(prod, func(g *world.Region) {
		g.VPCs[0].CIDR6 = "2a05:d018:1::/56"
		g.Subnets[0].CIDR6 = "2a05:d018:1:1::/64"
		g.VPCs = append(g.VPCs, world.VPC{ID: "vpc-0a0000000000000aa", CIDR: "10.21.0.0/16", OwnDNS: true})
		g.Subnets = append(g.Subnets, world.Subnet{ID: "subnet-0a00000000000aaa1", VPC: "vpc-0a0000000000000aa", CIDR: "10.21.0.0/24", AZ: "eu-west-1a"})
		g.SecurityGroups = append(g.SecurityGroups, world.SecurityGroup{ID: "sg-0a000000000000aaa", VPC: "vpc-0a0000000000000aa", Ingress: []world.Rule{
			{From: 5432, Group: "sg-0a0000000000000b0"}, {From: 5432, PrefixList: "pl-0a000000000000001"}, {From: 5432, CIDR: "::/0"},
		}})
		g.PrefixLists = []world.PrefixList{{ID: "pl-0a000000000000001", Name: "office", Entries: []string{"192.168.0.0/16", "172.16.0.0/12"}}}
		g.Instances[0].IP6 = "2a05:d018:1:1::10"
		g.Instances[0].Interfaces = []world.NIC{{Subnet: "subnet-0a0000000000000a2", Groups: []string{"sg-0a0000000000000c0"}}}
		g.RouteTables[0].Routes = append(g.RouteTables[0].Routes,
			world.Route{PrefixList: "pl-0a000000000000001", Target: "vgw-0a000001", Propagated: true}, world.Route{CIDR: "::/0", Target: "eigw-0a000001", Blackhole: true})
	})
	if err != nil {
		t.Fatal(err)
	}
	err = r.world.UpdateTopology(func(p *[]world.Peering, tgw *[]world.Transit) {
		*p = append(*p, world.Peering{ID: "pcx-0a000000000000001", Requester: "vpc-0a00000000000000a", Accepter: "vpc-0a0000000000000aa", Status: "pending-acceptance"})
		*tgw = append(*tgw, world.Transit{
			ID: "tgw-0a000000000000001", Account: prod.Account, Region: prod.Region, References: true,
			Attachments: []world.TransitAttachment{
				{ID: "tgw-attach-0a000000000000001", VPC: "vpc-0a00000000000000a", Subnets: []string{"subnet-0a0000000000000a1"}, Table: "tgw-rtb-0a000000000000001", References: true},
				{ID: "tgw-attach-0a000000000000002"},
			},
			Tables: []world.TransitTable{{ID: "tgw-rtb-0a000000000000001", Routes: []world.TransitRoute{
				{CIDR: "10.20.0.0/16", Attachment: "tgw-attach-0a000000000000001"}, {CIDR: "10.0.0.0/8", Blackhole: true},
			}}},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPaths(t *testing.T) {
	r := wired(t)
	c, ctx := ec2.NewFromConfig(r.as(t, "oncall", "eu-west-1")), t.Context()

	peerings, err := c.DescribeVpcPeeringConnections(ctx, &ec2.DescribeVpcPeeringConnectionsInput{Filters: filters("requester-vpc-info.vpc-id", "vpc-0a00000000000000a")})
	if err != nil || len(peerings.VpcPeeringConnections) != 1 {
		t.Fatalf("peerings %+v %v", peerings, err)
	}
	p := peerings.VpcPeeringConnections[0]
	if *p.VpcPeeringConnectionId != "pcx-0a000000000000001" || p.Status.Code != types.VpcPeeringConnectionStateReasonCodePendingAcceptance || *p.AccepterVpcInfo.CidrBlock != "10.21.0.0/16" ||
		*p.RequesterVpcInfo.Region != "eu-west-1" || *p.AccepterVpcInfo.OwnerId != "777788889999" || *p.AccepterVpcInfo.PeeringOptions.AllowDnsResolutionFromRemoteVpc {
		t.Errorf("peering reads %+v", p)
	}

	gateways, err := c.DescribeTransitGateways(ctx, &ec2.DescribeTransitGatewaysInput{TransitGatewayIds: []string{"tgw-0a000000000000001"}})
	if err != nil || len(gateways.TransitGateways) != 1 || gateways.TransitGateways[0].Options.SecurityGroupReferencingSupport != types.SecurityGroupReferencingSupportValueEnable {
		t.Errorf("transit gateways %+v %v", gateways, err)
	}
	attachments, err := c.DescribeTransitGatewayAttachments(ctx, &ec2.DescribeTransitGatewayAttachmentsInput{Filters: filters("transit-gateway-id", "tgw-0a000000000000001")})
	if err != nil || len(attachments.TransitGatewayAttachments) != 2 {
		t.Fatalf("attachments %+v %v", attachments, err)
	}
	if a := attachments.TransitGatewayAttachments; a[0].ResourceType != types.TransitGatewayAttachmentResourceTypeVpc || *a[0].ResourceId != "vpc-0a00000000000000a" ||
		*a[0].Association.TransitGatewayRouteTableId != "tgw-rtb-0a000000000000001" || a[1].ResourceType != types.TransitGatewayAttachmentResourceTypeVpn || a[1].Association != nil {
		t.Errorf("attachments read %+v", a)
	}
	vpcs, err := c.DescribeTransitGatewayVpcAttachments(ctx, nil)
	if err != nil || len(vpcs.TransitGatewayVpcAttachments) != 1 || !slices.Equal(vpcs.TransitGatewayVpcAttachments[0].SubnetIds, []string{"subnet-0a0000000000000a1"}) {
		t.Errorf("VPC attachments %+v %v", vpcs, err)
	}
	tables, err := c.DescribeTransitGatewayRouteTables(ctx, &ec2.DescribeTransitGatewayRouteTablesInput{TransitGatewayRouteTableIds: []string{"tgw-rtb-0a000000000000001"}})
	if err != nil || len(tables.TransitGatewayRouteTables) != 1 {
		t.Errorf("tables %+v %v", tables, err)
	}
	search := func(f ...string) string {
		t.Helper()
		out, err := c.SearchTransitGatewayRoutes(ctx, &ec2.SearchTransitGatewayRoutesInput{TransitGatewayRouteTableId: ptr("tgw-rtb-0a000000000000001"), Filters: filters(f...)})
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, x := range out.Routes {
			all = append(all, *x.DestinationCidrBlock+" "+string(x.State))
			for _, a := range x.TransitGatewayAttachments {
				all = append(all, *a.ResourceId)
			}
		}
		return strings.Join(all, " ")
	}
	if got := search("state", "active,blackhole"); got != "10.20.0.0/16 active vpc-0a00000000000000a 10.0.0.0/8 blackhole" {
		t.Errorf("routes %s", got)
	}
	if got := search("route-search.longest-prefix-match", "10.20.3.4"); got != "10.20.0.0/16 active vpc-0a00000000000000a" {
		t.Errorf("longest match %s", got)
	}
	_, err = c.SearchTransitGatewayRoutes(ctx, &ec2.SearchTransitGatewayRoutesInput{TransitGatewayRouteTableId: ptr("tgw-rtb-01234567"), Filters: filters("state", "active")})
	wantCode(t, err, "InvalidRouteTableId.NotFound", "tgw-rtb-01234567")

	lists, err := c.DescribeManagedPrefixLists(ctx, nil)
	if err != nil || len(lists.PrefixLists) != 1 || *lists.PrefixLists[0].PrefixListName != "office" {
		t.Errorf("prefix lists %+v %v", lists, err)
	}
	entries, err := c.GetManagedPrefixListEntries(ctx, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: ptr("pl-0a000000000000001")})
	if err != nil || len(entries.Entries) != 2 || *entries.Entries[1].Cidr != "172.16.0.0/12" {
		t.Errorf("entries %+v %v", entries, err)
	}
	_, err = c.GetManagedPrefixListEntries(ctx, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: ptr("pl-01234567")})
	wantCode(t, err, "InvalidPrefixListID.NotFound", "pl-01234567")
}

func TestInterfacesAndAttributes(t *testing.T) {
	r := wired(t)
	c, ctx := ec2.NewFromConfig(r.as(t, "oncall", "eu-west-1")), t.Context()
	own, err := c.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: filters("attachment.instance-id", "i-0a000000000000001")})
	if err != nil || len(own.NetworkInterfaces) != 2 {
		t.Fatalf("interfaces %+v %v", own, err)
	}
	if n := own.NetworkInterfaces; *n[0].Ipv6Addresses[0].Ipv6Address != "2a05:d018:1:1::10" || *n[1].Attachment.DeviceIndex != 1 || *n[1].SubnetId != "subnet-0a0000000000000a2" ||
		*n[1].Groups[0].GroupId != "sg-0a0000000000000c0" || n[0].Association != nil {
		t.Errorf("interfaces read %+v", n)
	}
	ofRDS, err := c.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: filters("description", "RDSNetworkInterface", "vpc-id", "vpc-0a00000000000000a")})
	if err != nil || len(ofRDS.NetworkInterfaces) < 10 || *ofRDS.NetworkInterfaces[0].RequesterId != "amazon-rds" || ofRDS.NetworkInterfaces[0].Attachment.InstanceId != nil {
		t.Errorf("interfaces of databases: %+v %v", ofRDS, err)
	}
	instances, err := c.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{"i-0a000000000000001"}})
	if err != nil || len(instances.Reservations[0].Instances[0].NetworkInterfaces) != 2 {
		t.Errorf("instance %+v %v", instances, err)
	}
	support, err := c.DescribeVpcAttribute(ctx, &ec2.DescribeVpcAttributeInput{VpcId: ptr("vpc-0a00000000000000a"), Attribute: types.VpcAttributeNameEnableDnsSupport})
	if err != nil || !*support.EnableDnsSupport.Value {
		t.Errorf("attribute %+v %v", support, err)
	}
	vpcs, err := c.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{"vpc-0a00000000000000a", "vpc-0a0000000000000aa"}})
	if err != nil || *vpcs.Vpcs[0].Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock != "2a05:d018:1::/56" {
		t.Fatalf("VPCs %+v %v", vpcs, err)
	}
	options, err := c.DescribeDhcpOptions(ctx, &ec2.DescribeDhcpOptionsInput{DhcpOptionsIds: []string{*vpcs.Vpcs[0].DhcpOptionsId, *vpcs.Vpcs[1].DhcpOptionsId}})
	if err != nil || len(options.DhcpOptions) != 2 {
		t.Errorf("DHCP options %+v %v", options, err)
	}
	groups, err := c.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{"sg-0a000000000000aaa"}})
	if err != nil {
		t.Fatal(err)
	}
	rule := groups.SecurityGroups[0].IpPermissions[0]
	if pair := rule.UserIdGroupPairs[0]; *pair.VpcId != "vpc-0a00000000000000a" || *pair.VpcPeeringConnectionId != "pcx-0a000000000000001" || *pair.PeeringStatus != "pending-acceptance" {
		t.Errorf("reference reads %+v", pair)
	}
	if *rule.PrefixListIds[0].PrefixListId != "pl-0a000000000000001" || *rule.Ipv6Ranges[0].CidrIpv6 != "::/0" {
		t.Errorf("rule reads %+v", rule)
	}
	tables, err := c.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{RouteTableIds: []string{"rtb-0a000000000000aa1"}})
	if err != nil {
		t.Fatal(err)
	}
	routes := tables.RouteTables[0].Routes
	if n := len(routes); *routes[n-2].DestinationPrefixListId != "pl-0a000000000000001" || routes[n-2].Origin != types.RouteOriginEnableVgwRoutePropagation ||
		*routes[n-1].EgressOnlyInternetGatewayId != "eigw-0a000001" || *routes[n-1].DestinationIpv6CidrBlock != "::/0" || routes[n-1].State != types.RouteStateBlackhole {
		t.Errorf("routes read %+v", routes)
	}
}

// TestPathsByCLI: the AWS CLI reads the same answers.
func TestPathsByCLI(t *testing.T) {
	r := wired(t)
	env := keyOf(t, r, "oncall")
	for list, args := range map[string][]string{
		"VpcPeeringConnections":     {"ec2", "describe-vpc-peering-connections", "--filters", "Name=status-code,Values=pending-acceptance"},
		"TransitGatewayAttachments": {"ec2", "describe-transit-gateway-attachments", "--filters", "Name=resource-type,Values=vpc"},
		"Routes":                    {"ec2", "search-transit-gateway-routes", "--transit-gateway-route-table-id", "tgw-rtb-0a000000000000001", "--filters", "Name=state,Values=active"},
		"PrefixLists":               {"ec2", "describe-managed-prefix-lists"},
	} {
		out, stderr, err := r.cli(t, env, args...)
		if err != nil {
			t.Errorf("aws %s: %v: %s", strings.Join(args, " "), err, stderr)
			continue
		}
		if rows, _ := out[list].([]any); len(rows) == 0 {
			t.Errorf("aws %s: %v", strings.Join(args, " "), out)
		}
	}
}
