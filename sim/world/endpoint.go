package world

import (
	"fmt"
	"strings"
)

// VPCEndpoint is an interface of an AWS service inside a VPC.
type VPCEndpoint struct {
	ID           string   `yaml:"id"`      // vpce-…; made from VPC and service when empty
	Service      string   `yaml:"service"` // com.amazonaws.REGION.NAME
	VPC          string   `yaml:"vpc"`
	Subnets      []string `yaml:"subnets"`
	Groups       []string `yaml:"groups"`
	State        string   `yaml:"state"` // available when empty
	NoPrivateDNS bool     `yaml:"no_private_dns"`
}

func (r *Region) completeEndpoints() {
	for i := range r.VPCEndpoints {
		e := &r.VPCEndpoints[i]
		fill(&e.ID, "vpce-"+digits(17, e.VPC, e.Service))
		fill(&e.State, "available")
	}
	for i := range r.Associations {
		fill(&r.Associations[i].Status, "Success")
	}
}

func (c *regionChecker) endpoints() {
	for i, e := range c.r.VPCEndpoints {
		at := fmt.Sprintf("%s.vpc_endpoints[%d]", c.at, i)
		c.id(at+".id", e.ID, "vpce-")
		c.vpc(at+".vpc", e.VPC)
		c.subnets(at, e.Subnets)
		c.groups(at, e.Groups)
		c.oneOf(at+".state", e.State, "available", "pending", "pendingAcceptance", "deleting", "rejected", "failed")
		if !strings.HasPrefix(e.Service, "com.amazonaws."+c.r.Name+".") {
			c.bad(at+".service", "%q is not com.amazonaws.%s.NAME", e.Service, c.r.Name)
		}
	}
}
