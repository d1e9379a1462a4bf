package reach

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/rdsx/rdsx/aws"
)

// command is an aws command line. Arguments that a shell would take apart are quoted.
func command(region string, args ...string) string {
	out := []string{"aws"}
	if region != "" {
		args = append(args, "--region", region)
	}
	for _, a := range args {
		if strings.ContainsAny(a, "[]{}*'\" ") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		out = append(out, a)
	}
	return strings.Join(out, " ")
}

// resource is a Terraform block as terraform fmt writes it. Values are written as they are: text brings its quotes.
func resource(kind string, fields ...[2]string) string {
	width := 0
	for _, f := range fields {
		width = max(width, len(f[0]))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "resource %q \"rdsx\" {\n", kind)
	for _, f := range fields {
		fmt.Fprintf(&b, "  %-*s = %s\n", width, f[0], f[1])
	}
	b.WriteString("}\n")
	return b.String()
}

// fixGroup allows tcp/port in the first group of one end, to or from the groups of the other where references count on the
// way, else to or from a block of addresses.
func fixGroup(region string, egress bool, own []string, port int, theirs []string, refs aws.Answer, block netip.Prefix) *aws.Fix {
	if len(own) == 0 {
		return nil
	}
	verb, kind, tab := "ingress", "aws_vpc_security_group_ingress_rule", "inbound"
	if egress {
		verb, kind, tab = "egress", "aws_vpc_security_group_egress_rule", "outbound"
	}
	var what, argument string
	var field [2]string
	switch {
	case refs == aws.Yes && len(theirs) > 0:
		what = theirs[0]
		argument = fmt.Sprintf("UserIdGroupPairs=[{GroupId=%s}]", what)
		field = [2]string{"referenced_security_group_id", strconv.Quote(what)}
	case family(block) == 6:
		what = block.String()
		argument, field = fmt.Sprintf("Ipv6Ranges=[{CidrIpv6=%s}]", what), [2]string{"cidr_ipv6", strconv.Quote(what)}
	default:
		what = block.String()
		argument, field = fmt.Sprintf("IpRanges=[{CidrIp=%s}]", what), [2]string{"cidr_ipv4", strconv.Quote(what)}
	}
	number := strconv.Itoa(port)
	return &aws.Fix{
		Text: fmt.Sprintf("add to %s: %s tcp/%d %s %s", own[0], verb, port, preposition(egress), what),
		Command: command(region, "ec2", "authorize-security-group-"+verb, "--group-id", own[0],
			"--ip-permissions", fmt.Sprintf("IpProtocol=tcp,FromPort=%d,ToPort=%d,%s", port, port, argument)),
		Terraform: resource(kind, [2]string{"security_group_id", strconv.Quote(own[0])}, field,
			[2]string{"ip_protocol", `"tcp"`}, [2]string{"from_port", number}, [2]string{"to_port", number}),
		Console: fmt.Sprintf("VPC › Security groups › %s › Edit %s rules", own[0], tab),
	}
}

// fixACL allows the packet by an entry before the one that denies it.
func fixACL(region string, a ACL, denied Entry, f fence) *aws.Fix {
	number := free(a, f.egress, denied.Number)
	if number == 0 {
		return nil
	}
	direction, tab := "--ingress", "inbound"
	if f.egress {
		direction, tab = "--egress", "outbound"
	}
	option, field := "--cidr-block", "cidr_block"
	if family(f.peer) == 6 {
		option, field = "--ipv6-cidr-block", "ipv6_cidr_block"
	}
	return &aws.Fix{
		Text: fmt.Sprintf("add to %s: %s rule %d, allow %s %s %s", a.ID, tab, number, f.ports, preposition(f.egress), f.peer),
		Command: command(region, "ec2", "create-network-acl-entry", "--network-acl-id", a.ID, direction, "--rule-number", strconv.Itoa(number),
			"--protocol", "tcp", "--port-range", fmt.Sprintf("From=%d,To=%d", f.ports.from, f.ports.to), option, f.peer.String(), "--rule-action", "allow"),
		Terraform: resource("aws_network_acl_rule", [2]string{"network_acl_id", strconv.Quote(a.ID)}, [2]string{"rule_number", strconv.Itoa(number)},
			[2]string{"egress", strconv.FormatBool(f.egress)}, [2]string{"protocol", `"tcp"`}, [2]string{"rule_action", `"allow"`},
			[2]string{field, strconv.Quote(f.peer.String())}, [2]string{"from_port", strconv.Itoa(f.ports.from)}, [2]string{"to_port", strconv.Itoa(f.ports.to)}),
		Console: fmt.Sprintf("VPC › Network ACLs › %s › Edit %s rules", a.ID, tab),
	}
}

// free is the highest rule number of a direction below limit that is not taken, 0 when there is none.
func free(a ACL, egress bool, limit int) int {
	for n := min(limit, 32767) - 1; n > 0; n-- {
		if !slices.ContainsFunc(a.Entries, func(e Entry) bool { return e.Egress == egress && e.Number == n }) {
			return n
		}
	}
	return 0
}

// fixRoute leads packets to the other VPC by a peering or transit gateway that is there already, else says to make a peering.
func (s *Snapshot) fixRoute(table RouteTable, t trip) *aws.Fix {
	region, to := s.VPCs[t.from.VPC].Region, s.vpcBlock(t.to.VPC, t.at)
	for _, r := range table.Routes { // a route for the whole VPC would lose against one that is more specific
		for _, p := range s.covers(r) {
			if within(p, t.at) == aws.Yes && p.Bits() > to.Bits() {
				to = p
			}
		}
	}
	target, option, field := "", "", ""
	for _, p := range s.Peerings {
		if p.Status == "active" && p.joins(t.from.VPC, t.to.VPC) {
			target, option, field = p.ID, "--vpc-peering-connection-id", "vpc_peering_connection_id"
		}
	}
	for _, g := range s.Transits {
		_, near := g.attachmentOf(t.from.VPC)
		_, far := g.attachmentOf(t.to.VPC)
		if target == "" && near && far {
			target, option, field = g.ID, "--transit-gateway-id", "transit_gateway_id"
		}
	}
	if target == "" {
		return &aws.Fix{
			Text:      fmt.Sprintf("connect %s and %s by a peering, accept it, and route to it from both sides; or go through an instance in %s", t.from.VPC, t.to.VPC, t.to.VPC),
			Command:   command(region, "ec2", "create-vpc-peering-connection", "--vpc-id", t.from.VPC, "--peer-vpc-id", t.to.VPC),
			Terraform: resource("aws_vpc_peering_connection", [2]string{"vpc_id", strconv.Quote(t.from.VPC)}, [2]string{"peer_vpc_id", strconv.Quote(t.to.VPC)}),
			Console:   "VPC › Peering connections › Create peering connection",
		}
	}
	verb := "create-route"
	if slices.ContainsFunc(table.Routes, func(r Route) bool { return r.CIDR == to }) {
		verb = "replace-route"
	}
	block, attribute := "--destination-cidr-block", "destination_cidr_block"
	if family(to) == 6 {
		block, attribute = "--destination-ipv6-cidr-block", "destination_ipv6_cidr_block"
	}
	return &aws.Fix{
		Text:    fmt.Sprintf("add to %s: %s → %s", table.ID, to, target),
		Command: command(region, "ec2", verb, "--route-table-id", table.ID, block, to.String(), option, target),
		Terraform: resource("aws_route", [2]string{"route_table_id", strconv.Quote(table.ID)},
			[2]string{attribute, strconv.Quote(to.String())}, [2]string{field, strconv.Quote(target)}),
		Console: fmt.Sprintf("VPC › Route tables › %s › Edit routes", table.ID),
	}
}

// covers are the blocks that a route is for.
func (s *Snapshot) covers(r Route) []netip.Prefix {
	if r.PrefixList != "" {
		return s.PrefixLists[r.PrefixList]
	}
	return []netip.Prefix{r.CIDR}
}

func (s *Snapshot) vpcBlock(vpc string, at netip.Prefix) netip.Prefix {
	for _, p := range s.VPCs[vpc].CIDRs {
		if p.Overlaps(at) {
			return p
		}
	}
	return at
}

func (p Peering) joins(a, b string) bool {
	return p.Sides[0].VPC == a && p.Sides[1].VPC == b || p.Sides[0].VPC == b && p.Sides[1].VPC == a
}

// fixPeering accepts a peering that waits for it; any other that is not active has to be made anew.
func fixPeering(p Peering) *aws.Fix {
	near, far := p.Sides[0], p.Sides[1] // the requester and the accepter
	if p.Status == "pending-acceptance" {
		return &aws.Fix{
			Text:      "accept " + p.ID + " in account " + far.Account,
			Command:   command(far.Region, "ec2", "accept-vpc-peering-connection", "--vpc-peering-connection-id", p.ID),
			Account:   far.Account,
			Terraform: resource("aws_vpc_peering_connection_accepter", [2]string{"vpc_peering_connection_id", strconv.Quote(p.ID)}, [2]string{"auto_accept", "true"}),
			Console:   "VPC › Peering connections › " + p.ID + " › Accept request",
		}
	}
	return &aws.Fix{
		Text:      "make a new peering in the place of " + p.ID,
		Command:   command(near.Region, "ec2", "create-vpc-peering-connection", "--vpc-id", near.VPC, "--peer-vpc-id", far.VPC, "--peer-region", far.Region),
		Account:   near.Account,
		Terraform: resource("aws_vpc_peering_connection", [2]string{"vpc_id", strconv.Quote(near.VPC)}, [2]string{"peer_vpc_id", strconv.Quote(far.VPC)}),
		Console:   "VPC › Peering connections › Create peering connection",
	}
}

// fixResolution lets the names of one side of a peering resolve to private addresses on the other.
func fixResolution(p Peering, side int) *aws.Fix {
	option, field := "--requester-peering-connection-options", "requester"
	if side == 1 {
		option, field = "--accepter-peering-connection-options", "accepter"
	}
	return &aws.Fix{
		Text:    "let " + p.ID + " resolve the names of " + p.Sides[side].VPC + " to private addresses",
		Command: command(p.Sides[side].Region, "ec2", "modify-vpc-peering-connection-options", "--vpc-peering-connection-id", p.ID, option, "AllowDnsResolutionFromRemoteVpc=true"),
		Account: p.Sides[side].Account,
		Terraform: fmt.Sprintf("resource \"aws_vpc_peering_connection_options\" \"rdsx\" {\n  vpc_peering_connection_id = %q\n\n  %s {\n    allow_remote_vpc_dns_resolution = true\n  }\n}\n",
			p.ID, field),
		Console: "VPC › Peering connections › " + p.ID + " › Edit DNS settings",
	}
}

func (s *Snapshot) fixTransit(table, attachment string, t trip) *aws.Fix {
	to := s.vpcBlock(t.to.VPC, t.at).String()
	return &aws.Fix{
		Text: fmt.Sprintf("add to %s: %s → %s", table, to, attachment),
		Command: command(s.VPCs[t.from.VPC].Region, "ec2", "create-transit-gateway-route", "--transit-gateway-route-table-id", table,
			"--destination-cidr-block", to, "--transit-gateway-attachment-id", attachment),
		Terraform: resource("aws_ec2_transit_gateway_route", [2]string{"transit_gateway_route_table_id", strconv.Quote(table)},
			[2]string{"destination_cidr_block", strconv.Quote(to)}, [2]string{"transit_gateway_attachment_id", strconv.Quote(attachment)}),
		Console: "VPC › Transit gateway route tables › " + table + " › Routes › Create static route",
	}
}

func fixZone(region string, a Attachment, n Subnet) *aws.Fix {
	return &aws.Fix{
		Text:    fmt.Sprintf("give %s a subnet in %s", a.ID, n.AZ),
		Command: command(region, "ec2", "modify-transit-gateway-vpc-attachment", "--transit-gateway-attachment-id", a.ID, "--add-subnet-ids", n.ID),
		Console: "VPC › Transit gateway attachments › " + a.ID + " › Modify",
	}
}

func fixDNS(v VPC) *aws.Fix {
	return &aws.Fix{
		Text:      "switch DNS support on in " + v.ID,
		Command:   command(v.Region, "ec2", "modify-vpc-attribute", "--vpc-id", v.ID, "--enable-dns-support"),
		Terraform: "# in the aws_vpc of " + v.ID + "\nenable_dns_support = true\n",
		Console:   "VPC › Your VPCs › " + v.ID + " › Edit VPC settings › Enable DNS resolution",
	}
}

// fixStart starts a database that is stopped; other states pass by themselves or need a person.
func fixStart(d aws.Database) *aws.Fix {
	if d.Status != "stopped" {
		return nil
	}
	verb, option, id := "start-db-instance", "--db-instance-identifier", d.ID
	if d.Cluster != "" {
		verb, option, id = "start-db-cluster", "--db-cluster-identifier", d.Cluster
	}
	return &aws.Fix{Text: "start " + id, Command: command(d.Region, "rds", verb, option, id), Console: "RDS › Databases › " + id + " › Actions › Start"}
}

// fixInstance starts an instance, or brings its agent up to date; an agent that is silent needs a look at the instance.
func fixInstance(i aws.Instance) *aws.Fix {
	switch {
	case i.State == "stopped":
		return &aws.Fix{
			Text: "start " + i.ID, Command: command(i.Region, "ec2", "start-instances", "--instance-ids", i.ID), Console: "EC2 › Instances › " + i.ID + " › Instance state › Start",
		}
	case i.Online():
		return &aws.Fix{
			Text:    "update the agent of " + i.ID,
			Command: command(i.Region, "ssm", "send-command", "--document-name", "AWS-UpdateSSMAgent", "--instance-ids", i.ID),
			Console: "Systems Manager › Fleet Manager › " + i.ID + " › Node actions › Execute run command › AWS-UpdateSSMAgent",
		}
	}
	return nil
}
