package api

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/rdsx/rdsx/sim/world"
)

// pathWrites are the edits that open a way: each is what a verdict of reachability may print.
func pathWrites() map[string]operation {
	return map[string]operation{
		"CreateNetworkAclEntry":             {"*", createACLEntry},
		"CreateRoute":                       {"*", putRoute(false)},
		"ReplaceRoute":                      {"*", putRoute(true)},
		"AcceptVpcPeeringConnection":        {"*", acceptPeering},
		"ModifyVpcPeeringConnectionOptions": {"*", modifyPeering},
		"ModifyVpcAttribute":                {"*", modifyVpc},
		"CreateTransitGatewayRoute":         {"*", createTransitRoute},
	}
}

func createACLEntry(c *call) (any, error) {
	id := c.form.Get("NetworkAclId")
	number, err := strconv.Atoi(c.form.Get("RuleNumber"))
	if err != nil || number < 1 || number > 32766 {
		return nil, failf("InvalidParameterValue", "Value (%s) for parameter ruleNumber is invalid.", c.form.Get("RuleNumber"))
	}
	e := world.ACLEntry{
		Number: number, Egress: c.form.Get("Egress") == "true", Deny: c.form.Get("RuleAction") == "deny", Protocol: c.form.Get("Protocol"),
		CIDR: cmp.Or(c.form.Get("CidrBlock"), c.form.Get("Ipv6CidrBlock")),
	}
	if name, ok := map[string]string{"6": "tcp", "17": "udp", "1": "icmp"}[e.Protocol]; ok {
		e.Protocol = name
	}
	e.From, _ = strconv.Atoi(c.form.Get("PortRange.From"))
	e.To, _ = strconv.Atoi(c.form.Get("PortRange.To"))
	return returned{true}, c.updateRegion(func(r *world.Region) error {
		for i := range r.NetworkACLs {
			a := &r.NetworkACLs[i]
			if a.ID != id {
				continue
			}
			if slices.ContainsFunc(a.Entries, func(x world.ACLEntry) bool { return x.Number == number && x.Egress == e.Egress }) {
				return failf("NetworkAclEntryAlreadyExists", "The network acl entry identified by %d already exists.", number)
			}
			a.Entries = append(a.Entries, e)
			return nil
		}
		return failf("InvalidNetworkAclID.NotFound", "The networkAcl ID '%s' does not exist", id)
	})
}

// putRoute makes a route, or changes one that is there.
func putRoute(replace bool) func(*call) (any, error) {
	return func(c *call) (any, error) {
		id := c.form.Get("RouteTableId")
		route := world.Route{CIDR: cmp.Or(c.form.Get("DestinationCidrBlock"), c.form.Get("DestinationIpv6CidrBlock")), PrefixList: c.form.Get("DestinationPrefixListId")}
		for _, name := range []string{"GatewayId", "NatGatewayId", "VpcPeeringConnectionId", "TransitGatewayId", "NetworkInterfaceId"} {
			route.Target = cmp.Or(route.Target, c.form.Get(name))
		}
		return returned{true}, c.updateRegion(func(r *world.Region) error {
			for i := range r.RouteTables {
				t := &r.RouteTables[i]
				if t.ID != id {
					continue
				}
				at := slices.IndexFunc(t.Routes, func(x world.Route) bool { return x.CIDR == route.CIDR && x.PrefixList == route.PrefixList })
				switch {
				case replace && at >= 0:
					t.Routes[at] = route
				case replace:
					return failf("InvalidParameterValue", "There is no route defined for '%s' in the route table.", route.CIDR)
				case at >= 0:
					return failf("RouteAlreadyExists", "The route identified by %s already exists.", route.CIDR)
				default:
					t.Routes = append(t.Routes, route)
				}
				return nil
			}
			return failf("InvalidRouteTableID.NotFound", "The routeTable ID '%s' does not exist", id)
		})
	}
}

// updatePeering changes a peering that the caller's place has a side of.
func (c *call) updatePeering(change func(*world.Peering) error) error {
	id := c.form.Get("VpcPeeringConnectionId")
	var failed error = failf("InvalidVpcPeeringConnectionID.NotFound", "The vpcPeeringConnection ID '%s' does not exist", id)
	err := c.api.world.UpdateTopology(func(peerings *[]world.Peering, _ *[]world.Transit) {
		for i := range *peerings {
			if p := &(*peerings)[i]; p.ID == id {
				failed = change(p)
			}
		}
	})
	if failed != nil {
		return failed
	}
	return err
}

func acceptPeering(c *call) (any, error) {
	return struct{}{}, c.updatePeering(func(p *world.Peering) error {
		_, accepter := p.Homes()
		switch {
		case accepter != c.place:
			return failf("OperationNotPermitted", "User %s cannot accept peering %s", c.place.Account, p.ID)
		case p.Status != "pending-acceptance":
			return failf("InvalidStateTransition", "Invalid state transition for %s, attempting to transition from %s to provisioning", p.ID, p.Status)
		}
		p.Status = "active"
		return nil
	})
}

func modifyPeering(c *call) (any, error) {
	return struct{}{}, c.updatePeering(func(p *world.Peering) error {
		if v := c.form.Get("RequesterPeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc"); v != "" {
			p.RequesterDNS = v == "true"
		}
		if v := c.form.Get("AccepterPeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc"); v != "" {
			p.AccepterDNS = v == "true"
		}
		return nil
	})
}

func modifyVpc(c *call) (any, error) {
	id := c.form.Get("VpcId")
	return returned{true}, c.updateRegion(func(r *world.Region) error {
		for i := range r.VPCs {
			if r.VPCs[i].ID == id {
				if v := c.form.Get("EnableDnsSupport.Value"); v != "" {
					r.VPCs[i].NoDNS = v != "true"
				}
				return nil
			}
		}
		return failf("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", id)
	})
}

func createTransitRoute(c *call) (any, error) {
	id := c.form.Get("TransitGatewayRouteTableId")
	var failed error = failf("InvalidRouteTableId.NotFound", "Transit Gateway Route Table %s was deleted or does not exist.", id)
	err := c.api.world.UpdateTopology(func(_ *[]world.Peering, transits *[]world.Transit) {
		for i := range *transits {
			for j := range (*transits)[i].Tables {
				if t := &(*transits)[i].Tables[j]; t.ID == id {
					t.Routes = append(t.Routes, world.TransitRoute{CIDR: c.form.Get("DestinationCidrBlock"), Attachment: c.form.Get("TransitGatewayAttachmentId")})
					failed = nil
				}
			}
		}
	})
	if failed != nil {
		return nil, failed
	}
	return struct{}{}, err
}
