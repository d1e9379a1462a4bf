package api

import (
	"strconv"
	"strings"

	"github.com/rdsx/rdsx/sim/world"
)

// eniView is a network interface as DescribeNetworkInterfaces gives it.
type eniView struct {
	ID          string            `xml:"networkInterfaceId"`
	Subnet      string            `xml:"subnetId"`
	VPC         string            `xml:"vpcId"`
	AZ          string            `xml:"availabilityZone"`
	Description string            `xml:"description"`
	Owner       string            `xml:"ownerId"`
	Requester   string            `xml:"requesterId,omitempty"`
	Managed     bool              `xml:"requesterManaged"`
	Status      string            `xml:"status"`
	IP          string            `xml:"privateIpAddress"`
	CheckDest   bool              `xml:"sourceDestCheck"`
	Type        string            `xml:"interfaceType"`
	Groups      set[groupRef]     `xml:"groupSet"`
	Attachment  eniAttachment     `xml:"attachment"`
	Association *eniAssociation   `xml:"association"`
	Addresses   set[addressView]  `xml:"privateIpAddressesSet"`
	Addresses6  set[address6View] `xml:"ipv6AddressesSet"`
	Tags        set[ec2Tag]       `xml:"tagSet"`
}

type eniAttachment struct {
	ID       string `xml:"attachmentId"`
	Instance string `xml:"instanceId,omitempty"`
	Owner    string `xml:"instanceOwnerId"`
	Index    int    `xml:"deviceIndex"`
	Status   string `xml:"status"`
}

type eniAssociation struct {
	Owner  string `xml:"ipOwnerId"`
	Public string `xml:"publicIp"`
}

func describeNetworkInterfaces(c *call) (any, error) {
	r := c.region()
	var all []resource[eniView]
	add := func(v eniView) {
		groups := make([]string, 0, len(v.Groups.Items))
		for _, g := range v.Groups.Items {
			groups = append(groups, g.ID)
		}
		addresses := []string{v.IP}
		all = append(all, resource[eniView]{id: v.ID, vpc: v.VPC, view: v, fields: map[string][]string{
			"network-interface-id": {v.ID}, "subnet-id": {v.Subnet}, "description": {v.Description}, "attachment.instance-id": {v.Attachment.Instance},
			"group-id": groups, "requester-id": {v.Requester}, "private-ip-address": addresses, "addresses.private-ip-address": addresses,
			"availability-zone": {v.AZ}, "owner-id": {v.Owner}, "status": {v.Status}, "interface-type": {v.Type}, "requester-managed": {strconv.FormatBool(v.Managed)},
		}})
	}
	for _, i := range r.Instances {
		if i.Hybrid() || i.State == "terminated" {
			continue
		}
		for _, n := range c.instanceView(r, i).Interfaces.Items {
			add(eniView{
				ID: n.ID, Subnet: n.Subnet, VPC: n.VPC, AZ: zoneOf(r, n.Subnet), Owner: n.Owner, Status: "in-use", IP: n.IP, CheckDest: true, Type: "interface",
				Groups: n.Groups, Addresses: n.Addresses, Addresses6: n.Addresses6,
				Attachment: eniAttachment{n.Attachment.ID, i.ID, n.Owner, n.Attachment.Index, "attached"},
			})
		}
	}
	for _, v := range c.databaseInterfaces(r) {
		add(v)
	}
	k := kind{ids: "NetworkInterfaceId", prefix: "eni-", code: "InvalidNetworkInterfaceID", noun: "networkInterface ID", most: 1000}
	views, next, err := choose(c, k, all, "network-interface-id", "subnet-id", "description", "attachment.instance-id", "group-id", "requester-id",
		"private-ip-address", "addresses.private-ip-address", "availability-zone", "owner-id", "status", "interface-type", "requester-managed")
	if err != nil {
		return nil, err
	}
	return struct {
		Set  set[eniView] `xml:"networkInterfaceSet"`
		Next string       `xml:"nextToken,omitempty"`
	}{setOf(views...), next}, nil
}

// databaseInterfaces are those that RDS has in the caller's networks: one for each DB instance and each proxy.
func (c *call) databaseInterfaces(r world.Region) []eniView {
	var out []eniView
	add := func(seed, description, ip, ip6 string, subnets, groups []string, public bool) {
		subnet := r.SubnetOf(subnets, ip)
		if ip == "" || subnet == "" {
			return
		}
		v := eniView{
			ID: made("eni-", seed), Subnet: subnet, VPC: r.VPCOf(subnet), AZ: zoneOf(r, subnet), Description: description, Owner: c.place.Account,
			Requester: "amazon-rds", Managed: true, Status: "in-use", IP: ip, CheckDest: true, Type: "interface", Groups: setOf(groupRefs(r, groups)...),
			Addresses: setOf(addressView{ip, "", true}), Attachment: eniAttachment{made("eni-attach-", seed), "", "amazon-rds", 1, "attached"},
		}
		if ip6 != "" {
			v.Addresses6 = setOf(address6View{ip6})
		}
		if public {
			v.Association = &eniAssociation{"amazon-rds", "203.0.113." + strconv.Itoa(len(seed))}
		}
		out = append(out, v)
	}
	for _, d := range r.DBInstances {
		if d.HasEndpoint() {
			add("db/"+d.ID, "RDSNetworkInterface", d.IP, d.IP6, d.Subnets, d.Groups, d.Public)
		}
	}
	for _, p := range r.DBProxies {
		add("proxy/"+p.Name, "Network interface for DBProxy "+p.Name, p.IP, "", p.Subnets, p.Groups, false)
	}
	return out
}

func zoneOf(r world.Region, subnet string) string {
	for _, s := range r.Subnets {
		if s.ID == subnet {
			return s.AZ
		}
	}
	return ""
}

type dhcpView struct {
	ID      string `xml:"dhcpOptionsId"`
	Owner   string `xml:"ownerId"`
	Configs set[struct {
		Key    string         `xml:"key"`
		Values set[valueView] `xml:"valueSet"`
	}] `xml:"dhcpConfigurationSet"`
}

type valueView struct {
	Value string `xml:"value"`
}

func describeDhcpOptions(c *call) (any, error) {
	options := map[string][]string{made("dopt-", c.place.Region): {"AmazonProvidedDNS"}}
	for _, v := range c.region().VPCs {
		if v.OwnDNS {
			options[made("dopt-", v.ID)] = []string{"10.0.0.53", "10.0.1.53"}
		}
	}
	var all []resource[dhcpView]
	for id, servers := range options {
		v := dhcpView{ID: id, Owner: c.place.Account}
		config := struct {
			Key    string         `xml:"key"`
			Values set[valueView] `xml:"valueSet"`
		}{Key: "domain-name-servers"}
		for _, s := range servers {
			config.Values.Items = append(config.Values.Items, valueView{s})
		}
		v.Configs.Items = append(v.Configs.Items, config)
		all = append(all, resource[dhcpView]{id: id, view: v, fields: map[string][]string{"dhcp-options-id": {id}}})
	}
	k := kind{ids: "DhcpOptionsId", prefix: "dopt-", code: "InvalidDhcpOptionID", noun: "dhcp options ID", most: 1000}
	views, next, err := choose(c, k, all, "dhcp-options-id")
	if err != nil {
		return nil, err
	}
	return struct {
		Set  set[dhcpView] `xml:"dhcpOptionsSet"`
		Next string        `xml:"nextToken,omitempty"`
	}{setOf(views...), next}, nil
}

// describeVpcAttribute answers for one attribute of one VPC.
func describeVpcAttribute(c *call) (any, error) {
	type value struct {
		Value bool `xml:"value"`
	}
	id := c.form.Get("VpcId")
	for _, v := range c.region().VPCs {
		if v.ID != id {
			continue
		}
		out := struct {
			VPC       string `xml:"vpcId"`
			Support   *value `xml:"enableDnsSupport"`
			Hostnames *value `xml:"enableDnsHostnames"`
		}{VPC: id}
		switch strings.ToLower(c.form.Get("Attribute")) {
		case "enablednssupport":
			out.Support = &value{!v.NoDNS}
		case "enablednshostnames":
			out.Hostnames = &value{!v.NoDNS}
		default:
			return nil, failf("InvalidParameterValue", "Value (%s) for parameter attribute is invalid. Unknown attribute.", c.form.Get("Attribute"))
		}
		return out, nil
	}
	return nil, failf("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", id)
}
