package world

import "fmt"

// NIC is a further network interface of an instance. Device numbers follow the order in which they are written.
type NIC struct {
	Subnet string   `yaml:"subnet"`
	Groups []string `yaml:"groups"`
	IP     string   `yaml:"ip"` // made from the subnet when empty
	IP6    string   `yaml:"ip6"`
}

// PrefixList is a list of CIDR blocks that rules and routes name by its id.
type PrefixList struct {
	ID      string   `yaml:"id"` // pl-…
	Name    string   `yaml:"name"`
	Entries []string `yaml:"entries"`
}

// Peering ties two VPCs of the world to each other.
type Peering struct {
	ID            string `yaml:"id"`            // pcx-…
	Requester     string `yaml:"requester"`     // vpc-…
	Accepter      string `yaml:"accepter"`      // vpc-…
	Status        string `yaml:"status"`        // active when empty; pending-acceptance, deleted, rejected, failed, expired
	RequesterDNS  bool   `yaml:"requester_dns"` // public names of the requester's VPC resolve to private addresses on the other side
	AccepterDNS   bool   `yaml:"accepter_dns"`
	requesterHome Place
	accepterHome  Place
}

// Homes are the places of the requester's and the accepter's VPC.
func (p Peering) Homes() (requester, accepter Place) { return p.requesterHome, p.accepterHome }

// Transit is a transit gateway.
type Transit struct {
	ID          string              `yaml:"id"` // tgw-…
	Account     string              `yaml:"account"`
	Region      string              `yaml:"region"`
	References  bool                `yaml:"references"` // security group referencing
	Attachments []TransitAttachment `yaml:"attachments"`
	Tables      []TransitTable      `yaml:"route_tables"`
}

// TransitAttachment ties a VPC to a transit gateway.
type TransitAttachment struct {
	ID         string   `yaml:"id"`      // tgw-attach-…
	VPC        string   `yaml:"vpc"`     // "" for a VPN, of which the world knows nothing more
	Subnets    []string `yaml:"subnets"` // one for each zone
	State      string   `yaml:"state"`   // available when empty
	Table      string   `yaml:"table"`   // the route table that it is associated with
	References bool     `yaml:"references"`
}

// TransitTable is a route table of a transit gateway.
type TransitTable struct {
	ID     string         `yaml:"id"` // tgw-rtb-…
	Routes []TransitRoute `yaml:"routes"`
}

// TransitRoute leads to an attachment.
type TransitRoute struct {
	CIDR       string `yaml:"cidr"`
	Attachment string `yaml:"attachment"`
	Blackhole  bool   `yaml:"blackhole"`
}

// Peerings returns all peerings, Transits all transit gateways.
func (w *World) Peerings() []Peering { return w.spec.Load().Peerings }

// Transits returns all transit gateways.
func (w *World) Transits() []Transit { return w.spec.Load().Transits }

// UpdateTopology changes the peerings and transit gateways. change gets copies that may be written to.
func (w *World) UpdateTopology(change func(*[]Peering, *[]Transit)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := w.spec.Load().clone()
	change(&next.Peerings, &next.Transits)
	return w.store(next)
}

// Home is the place of a VPC's owner.
func (w *World) Home(vpc string) (Place, bool) {
	at, ok := w.spec.Load().home(vpc)
	return at, ok
}

func (s *Spec) home(vpc string) (Place, bool) {
	for i := range s.Accounts {
		for j := range s.Accounts[i].Regions {
			for _, v := range s.Accounts[i].Regions[j].VPCs {
				if v.ID == vpc && v.Owner == "" {
					return Place{s.Accounts[i].ID, s.Accounts[i].Regions[j].Name}, true
				}
			}
		}
	}
	return Place{}, false
}

func (s *Spec) completeTopology() {
	for i := range s.Peerings {
		p := &s.Peerings[i]
		fill(&p.Status, "active")
		if p.requesterHome == (Place{}) {
			p.requesterHome, _ = s.home(p.Requester)
		}
		if p.accepterHome == (Place{}) {
			p.accepterHome, _ = s.home(p.Accepter)
		}
	}
	for i := range s.Transits {
		for j := range s.Transits[i].Attachments {
			fill(&s.Transits[i].Attachments[j].State, "available")
		}
	}
}

func (c *checker) topology(s *Spec) {
	vpc := func(path, id string) {
		if _, ok := s.home(id); !ok {
			c.bad(path, "no VPC %q in the world", id)
		}
	}
	for i, p := range s.Peerings {
		at := fmt.Sprintf("peerings[%d]", i)
		c.resourceID(at+".id", p.ID, "pcx-")
		c.oneOf(at+".status", p.Status, "active", "pending-acceptance", "provisioning", "deleted", "rejected", "failed", "expired")
		vpc(at+".requester", p.Requester)
		vpc(at+".accepter", p.Accepter)
	}
	for i, t := range s.Transits {
		at := fmt.Sprintf("transit_gateways[%d]", i)
		c.resourceID(at+".id", t.ID, "tgw-")
		c.match(at+".account", t.Account, accountID, "an account id of twelve digits")
		c.match(at+".region", t.Region, regionName, "a region")
		for j, a := range t.Attachments {
			c.resourceID(fmt.Sprintf("%s.attachments[%d].id", at, j), a.ID, "tgw-attach-")
			if a.VPC != "" {
				vpc(fmt.Sprintf("%s.attachments[%d].vpc", at, j), a.VPC)
			}
		}
		for j, table := range t.Tables {
			c.resourceID(fmt.Sprintf("%s.route_tables[%d].id", at, j), table.ID, "tgw-rtb-")
			for k, r := range table.Routes {
				c.block(fmt.Sprintf("%s.route_tables[%d].routes[%d].cidr", at, j, k), r.CIDR)
			}
		}
	}
}
