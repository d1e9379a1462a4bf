package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/rdsx/rdsx/aws"
)

const https = 443

// groupsOf are the security groups of all interfaces.
func groupsOf(m ec2types.Instance) []string {
	var ids []string
	for _, i := range m.NetworkInterfaces {
		for _, g := range i.Groups {
			ids = append(ids, sdk.ToString(g.GroupId))
		}
	}
	if len(ids) == 0 {
		for _, g := range m.SecurityGroups {
			ids = append(ids, sdk.ToString(g.GroupId))
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// inVPC is the filter for what is in the instance's VPC.
func inVPC(m ec2types.Instance) []ec2types.Filter {
	return []ec2types.Filter{{Name: sdk.String("vpc-id"), Values: []string{sdk.ToString(m.VpcId)}}}
}

// findGroups reads the security groups of the instance and of the endpoints in its VPC.
func (x *exam) findGroups(ctx context.Context) ([]ec2types.SecurityGroup, error) {
	m, err := x.machine(ctx)
	if err != nil {
		return nil, err
	}
	pages := ec2.NewDescribeSecurityGroupsPaginator(x.ec2(), &ec2.DescribeSecurityGroupsInput{Filters: inVPC(m), MaxResults: sdk.Int32(1000)})
	var all []ec2types.SecurityGroup
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, page.SecurityGroups...)
	}
	return all, nil
}

func (x *exam) findTables(ctx context.Context) ([]ec2types.RouteTable, error) {
	m, err := x.machine(ctx)
	if err != nil {
		return nil, err
	}
	pages := ec2.NewDescribeRouteTablesPaginator(x.ec2(), &ec2.DescribeRouteTablesInput{Filters: inVPC(m), MaxResults: sdk.Int32(100)})
	var all []ec2types.RouteTable
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, page.RouteTables...)
	}
	return all, nil
}

func (x *exam) findEndpoints(ctx context.Context) ([]ec2types.VpcEndpoint, error) {
	m, err := x.machine(ctx)
	if err != nil {
		return nil, err
	}
	pages := ec2.NewDescribeVpcEndpointsPaginator(x.ec2(), &ec2.DescribeVpcEndpointsInput{Filters: inVPC(m), MaxResults: sdk.Int32(1000)})
	var all []ec2types.VpcEndpoint
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, page.VpcEndpoints...)
	}
	return all, nil
}

// takes443 says whether a rule is for TCP port 443 and has a peer at all.
func takes443(p ec2types.IpPermission) bool {
	proto := sdk.ToString(p.IpProtocol)
	if proto != "-1" && proto != "6" && (proto != "tcp" || sdk.ToInt32(p.FromPort) > https || sdk.ToInt32(p.ToPort) < https) {
		return false
	}
	return len(p.IpRanges)+len(p.Ipv6Ranges)+len(p.UserIdGroupPairs)+len(p.PrefixListIds) > 0
}

// httpsOut says whether a security group of the instance lets it speak to port 443 of anybody.
func httpsOut(ctx context.Context, x *exam) Result {
	m, r := x.machineOr(ctx)
	if r != nil {
		return *r
	}
	groups, err := x.groups(ctx)
	if err != nil {
		return couldNot(err, "ec2:DescribeSecurityGroups", "")
	}
	mine := groupsOf(m)
	for _, g := range groups {
		if slices.Contains(mine, sdk.ToString(g.GroupId)) && slices.ContainsFunc(g.IpPermissionsEgress, takes443) {
			return ok("allowed by %s", sdk.ToString(g.GroupId))
		}
	}
	if len(mine) == 0 {
		return unknown("the instance's security groups are not known", "")
	}
	return x.unlessOnline(ctx, failed(aws.ErrRefusedByAWS, "no egress rule of "+strings.Join(mine, ", ")+" allows TCP port 443, which the agent needs", aws.Fix{
		Text:      "allow 443 out of " + mine[0],
		Command:   "aws ec2 authorize-security-group-egress --group-id " + mine[0] + " --protocol tcp --port 443 --cidr 0.0.0.0/0",
		Terraform: egressBlock(mine[0]),
		Console:   "EC2 › Security Groups › " + mine[0] + " › Outbound rules › Edit: HTTPS to 0.0.0.0/0",
	}))
}

func egressBlock(group string) string {
	return "resource \"aws_vpc_security_group_egress_rule\" \"https\" {\n  security_group_id = \"" + group +
		"\"\n  cidr_ipv4         = \"0.0.0.0/0\"\n  ip_protocol       = \"tcp\"\n  from_port         = 443\n  to_port           = 443\n}"
}

// outward is the route of the subnet that leads to public addresses: its target, "" for none. A route for IPv6 alone is none, since
// Systems Manager's usual names have no such address.
func outward(tables []ec2types.RouteTable, subnet string) string {
	var main, own *ec2types.RouteTable
	for i := range tables {
		for _, a := range tables[i].Associations {
			switch {
			case sdk.ToString(a.SubnetId) == subnet && subnet != "":
				own = &tables[i]
			case sdk.ToBool(a.Main):
				main = &tables[i]
			}
		}
	}
	if own == nil {
		own = main
	}
	if own == nil {
		return ""
	}
	for _, r := range own.Routes {
		if sdk.ToString(r.DestinationCidrBlock) != "0.0.0.0/0" || r.State == ec2types.RouteStateBlackhole {
			continue
		}
		for _, target := range []*string{r.NatGatewayId, r.GatewayId, r.TransitGatewayId, r.NetworkInterfaceId, r.InstanceId, r.VpcPeeringConnectionId} {
			if sdk.ToString(target) != "" {
				return *target
			}
		}
	}
	return ""
}

// needed are the services that an agent must reach (docs/aws.md §5).
func (x *exam) needed(ctx context.Context) []string {
	names := []string{"ssm", "ssmmessages"}
	if n, err := x.node(ctx); err == nil && aws.CompareVersions(sdk.ToString(n.AgentVersion), leastEndpoints) < 0 {
		names = append(names, "ec2messages")
	}
	return names
}

// endpoints says whether the agent has a way to Systems Manager: a route to the internet, or VPC endpoints.
func endpoints(ctx context.Context, x *exam) Result {
	m, r := x.machineOr(ctx)
	if r != nil {
		return *r
	}
	tables, err := x.tables(ctx)
	if err != nil {
		return couldNot(err, "ec2:DescribeRouteTables", "")
	}
	way := outward(tables, sdk.ToString(m.SubnetId))
	if strings.HasPrefix(way, "igw-") && sdk.ToString(m.PublicIpAddress) == "" {
		way = "" // an internet gateway serves public addresses only
	}
	all, err := x.endpoints(ctx)
	switch {
	case err != nil && way != "":
		return ok("by the route to %s; endpoints could not be listed", way)
	case err != nil:
		return couldNot(err, "ec2:DescribeVpcEndpoints", "")
	}
	prefix := "com.amazonaws." + x.Account.Region + "."
	var good []string
	for _, name := range x.needed(ctx) {
		e, found := endpointFor(all, prefix+name)
		if !found && way != "" {
			continue
		}
		if r, bad := x.badEndpoint(ctx, m, e, found, prefix+name, way); bad {
			return x.unlessOnline(ctx, r)
		}
		good = append(good, sdk.ToString(e.VpcEndpointId))
	}
	if len(good) == 0 {
		return ok("by the route to %s", way)
	}
	return ok("by the endpoints %s", strings.Join(good, ", "))
}

// endpointFor is the endpoint of a service: one that is available, else the one to tell of. EC2 lists deleted ones for a while.
func endpointFor(all []ec2types.VpcEndpoint, service string) (best ec2types.VpcEndpoint, found bool) {
	for _, e := range all {
		switch {
		case sdk.ToString(e.ServiceName) != service, strings.HasPrefix(strings.ToLower(string(e.State)), "delet"):
		case strings.EqualFold(string(e.State), "available"):
			return e, true
		default:
			best, found = e, true
		}
	}
	return best, found
}

// badEndpoint says what is wrong with the endpoint of a service; way is the route to the internet that would do without it.
func (x *exam) badEndpoint(ctx context.Context, m ec2types.Instance, e ec2types.VpcEndpoint, found bool, service, way string) (Result, bool) {
	id, vpc, subnet := sdk.ToString(e.VpcEndpointId), sdk.ToString(m.VpcId), sdk.ToString(m.SubnetId)
	console := "VPC › Endpoints › " + id
	switch {
	case !found:
		return failed(aws.ErrRefusedByAWS, "no route leads from "+subnet+" to the internet, and "+vpc+" has no endpoint "+service, endpointFix(m, service)), true
	case !strings.EqualFold(string(e.State), "available"):
		return failed(aws.ErrRefusedByAWS, fmt.Sprintf("the endpoint %s (%s) is %s", id, service, e.State), aws.Fix{
			Text: "wait for it, or accept it, or make another", Command: "aws ec2 describe-vpc-endpoints --vpc-endpoint-ids " + id, Console: console,
		}), true
	case !sdk.ToBool(e.PrivateDnsEnabled) && way == "":
		return failed(aws.ErrRefusedByAWS, "the endpoint "+id+" ("+service+") has no private DNS: the agent resolves the public name and gets nowhere", aws.Fix{
			Text:      "switch private DNS on",
			Command:   "aws ec2 modify-vpc-endpoint --vpc-endpoint-id " + id + " --private-dns-enabled",
			Terraform: "resource \"aws_vpc_endpoint\" \"this\" {\n  private_dns_enabled = true\n}",
			Console:   console + " › Actions › Modify private DNS name",
		}), true
	case !sdk.ToBool(e.PrivateDnsEnabled):
		return Result{}, false // the public name leads out by the route
	}
	return x.shutEndpoint(ctx, m, e)
}

// shutEndpoint says whether the security groups of the endpoint keep the instance out.
func (x *exam) shutEndpoint(ctx context.Context, m ec2types.Instance, e ec2types.VpcEndpoint) (Result, bool) {
	groups, err := x.groups(ctx)
	if err != nil {
		return couldNot(err, "ec2:DescribeSecurityGroups", ""), true
	}
	var ids []string
	for _, g := range e.Groups {
		ids = append(ids, sdk.ToString(g.GroupId))
	}
	mine := groupsOf(m)
	known := 0
	for _, g := range groups {
		if !slices.Contains(ids, sdk.ToString(g.GroupId)) {
			continue
		}
		known++
		if slices.ContainsFunc(g.IpPermissions, func(p ec2types.IpPermission) bool {
			return takes443(p) && admits(p, mine, sdk.ToString(m.PrivateIpAddress))
		}) {
			return Result{}, false
		}
	}
	if known < len(ids) || len(ids) == 0 || len(mine) == 0 {
		return Result{}, false // what cannot be read shuts nobody out
	}
	return failed(aws.ErrRefusedByAWS, "the groups of the endpoint "+sdk.ToString(e.VpcEndpointId)+" do not let the instance in on 443", aws.Fix{
		Text:    "let " + mine[0] + " in on 443 of " + ids[0],
		Command: "aws ec2 authorize-security-group-ingress --group-id " + ids[0] + " --protocol tcp --port 443 --source-group " + mine[0],
		Terraform: "resource \"aws_vpc_security_group_ingress_rule\" \"https\" {\n  security_group_id            = \"" + ids[0] +
			"\"\n  referenced_security_group_id = \"" + mine[0] + "\"\n  ip_protocol                  = \"tcp\"\n  from_port                    = 443\n  to_port                      = 443\n}",
		Console: "EC2 › Security Groups › " + ids[0] + " › Inbound rules › Edit: HTTPS from " + mine[0],
	}), true
}

// admits says whether a rule lets in an instance with these groups and this address. A prefix list is taken to do so.
func admits(p ec2types.IpPermission, groups []string, ip string) bool {
	for _, g := range p.UserIdGroupPairs {
		if slices.Contains(groups, sdk.ToString(g.GroupId)) {
			return true
		}
	}
	addr, err := netip.ParseAddr(ip)
	for _, r := range p.IpRanges {
		if cidr, bad := netip.ParsePrefix(sdk.ToString(r.CidrIp)); bad == nil && err == nil && cidr.Contains(addr) {
			return true
		}
	}
	return len(p.PrefixListIds) > 0
}
