// Package reach says whether an instance can reach a database: in three values, layer by layer, with the rule that decides
// and the edit that would change it. Check is a pure function of a Snapshot; Fetcher reads one from EC2.
//
// What could not be read makes a verdict Unknown, never No. The algorithm is docs/aws.md §4, its limits docs/reachability.md.
package reach

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/rdsx/rdsx/aws"
)

// Snapshot is what is known of the networks between some instances and some databases. Whatever it lacks is unknown; Missing
// says why. Ids are unique over accounts and regions, so that one snapshot may hold several of both.
type Snapshot struct {
	Accounts    []string // those whose peerings and attachments are all here: of theirs, what is not here does not exist
	VPCs        map[string]VPC
	Subnets     map[string]Subnet
	Tables      []RouteTable
	ACLs        []ACL
	Groups      map[string]Group
	Interfaces  map[string][]Interface // of each instance
	Endpoints   []Interface            // those of databases: the addresses behind their names
	Peerings    map[string]Peering
	Transits    map[string]Transit // transit gateways
	PrefixLists map[string][]netip.Prefix
	Load        map[string]int    // sessions that are open through each instance
	Missing     map[string]string // IAM action → why its answer is not here

	blocks *blockIndex // made when it is needed; a snapshot that is changed afterwards has to forget it
}

// blockIndex is smallBlocks by subnet.
type blockIndex struct {
	mu sync.Mutex
	of map[string][]netip.Prefix
}

// VPC is a network.
type VPC struct {
	ID, Account, Region string
	CIDRs               []netip.Prefix // IPv4 and IPv6
	DNS                 aws.Answer     // enableDnsSupport
	OwnDNS              aws.Answer     // its DHCP options name servers other than Amazon's
}

// Subnet is a part of a VPC in one availability zone.
type Subnet struct {
	ID, VPC, AZ, Account string // Account is the owner's, another one's for a shared subnet
	CIDRs                []netip.Prefix
}

// RouteTable says where packets of its subnets go.
type RouteTable struct {
	ID, VPC string
	Main    bool
	Subnets []string
	Routes  []Route
}

// Route is one line of a route table. One of CIDR and PrefixList is set.
type Route struct {
	CIDR       netip.Prefix
	PrefixList string // pl-…
	Target     string // local, igw-…, nat-…, pcx-…, tgw-…, eni-…, vpce-…, vgw-…
	Blackhole  bool
	Propagated bool // by a virtual private gateway: loses against a static route of the same length
}

// ACL is a network ACL: a filter of subnets without state. Its closing denials may be left out.
type ACL struct {
	ID, VPC string
	Subnets []string
	Entries []Entry
}

// Entry is one rule of an ACL; the lowest number that matches decides.
type Entry struct {
	Number   int
	Egress   bool
	Allow    bool
	Protocol string // tcp, -1 or another
	CIDR     netip.Prefix
	From, To int // ports, both included
}

// Group is a security group.
type Group struct {
	ID, Name, VPC, Account string
	Ingress, Egress        []Rule
}

// Rule allows a peer, which is a CIDR, a prefix list or a group, to use ports.
type Rule struct {
	Protocol   string // tcp, -1 or another
	From, To   int    // ports, both included; without meaning for -1
	CIDR       netip.Prefix
	PrefixList string // pl-…
	Group      string // sg-…
	Stale      bool   // the group or the peering that it was reached by is gone
}

// Interface is a network interface.
type Interface struct {
	ID, Subnet, VPC string
	Index           int          // of an instance: its device number; 0 is the primary one
	Addrs           []netip.Addr // private IPv4 and IPv6
	Public          bool         // it has a public IPv4 address as well
	Groups          []string
}

// Peering is a VPC peering connection.
type Peering struct {
	ID     string
	Status string // active, pending-acceptance, deleted…
	Sides  [2]Side
}

// Side is one VPC of a peering.
type Side struct {
	VPC, Account, Region string
	Resolves             bool // its public DNS names resolve to private addresses in the other VPC
}

// Transit is a transit gateway.
type Transit struct {
	ID          string
	References  aws.Answer // security group referencing is on for it
	Attachments []Attachment
	Tables      map[string]TransitTable
}

// Attachment ties a VPC, or something else, to a transit gateway.
type Attachment struct {
	ID         string
	Kind       string // vpc, peering, vpn…
	VPC        string // of kind vpc
	State      string // available…
	Table      string // the route table that it is associated with; "" for none
	Subnets    []string
	References aws.Answer // security group referencing is on for it
}

// TransitTable is a route table of a transit gateway.
type TransitTable struct {
	ID     string
	Routes []TransitRoute
	Whole  bool // all routes are here
}

// TransitRoute leads to one of some attachments.
type TransitRoute struct {
	CIDR        netip.Prefix
	Attachments []string
	Blackhole   bool
}

// missing says why a thing is not in the snapshot.
func (s *Snapshot) missing(thing, action string) string {
	if why, ok := s.Missing[action]; ok {
		return fmt.Sprintf("%s could not be read: %s", thing, why)
	}
	return thing + " is not visible here; it may be another account's"
}

// gone says whether what a VPC should have and is not here does not exist: everything of the kind was read.
func (s *Snapshot) gone(vpc, action string) bool {
	_, unread := s.Missing[action]
	return !unread && slices.Contains(s.Accounts, s.VPCs[vpc].Account)
}

// place is the region of a subnet, "" when it is not known.
func (s *Snapshot) place(subnet string) string { return s.VPCs[s.Subnets[subnet].VPC].Region }
