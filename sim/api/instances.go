package api

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/rdsx/rdsx/sim/world"
)

type groupRef struct {
	ID   string `xml:"groupId"`
	Name string `xml:"groupName"`
}

type stateView struct {
	Code int    `xml:"code"`
	Name string `xml:"name"`
}

type interfaceView struct {
	ID         string        `xml:"networkInterfaceId"`
	Subnet     string        `xml:"subnetId"`
	VPC        string        `xml:"vpcId"`
	Owner      string        `xml:"ownerId"`
	Status     string        `xml:"status"`
	MAC        string        `xml:"macAddress"`
	IP         string        `xml:"privateIpAddress"`
	DNS        string        `xml:"privateDnsName"`
	CheckDest  bool          `xml:"sourceDestCheck"`
	Groups     set[groupRef] `xml:"groupSet"`
	Attachment struct {
		ID     string `xml:"attachmentId"`
		Index  int    `xml:"deviceIndex"`
		Status string `xml:"status"`
		Time   string `xml:"attachTime"`
		Delete bool   `xml:"deleteOnTermination"`
	} `xml:"attachment"`
	Addresses  set[addressView]  `xml:"privateIpAddressesSet"`
	Addresses6 set[address6View] `xml:"ipv6AddressesSet"`
	Type       string            `xml:"interfaceType"`
}

type address6View struct {
	IP string `xml:"ipv6Address"`
}

type addressView struct {
	IP      string `xml:"privateIpAddress"`
	DNS     string `xml:"privateDnsName"`
	Primary bool   `xml:"primary"`
}

type profileView struct {
	ARN string `xml:"arn"`
	ID  string `xml:"id"`
}

type instanceView struct {
	ID           string             `xml:"instanceId"`
	Image        string             `xml:"imageId"`
	State        stateView          `xml:"instanceState"`
	PrivateDNS   string             `xml:"privateDnsName"`
	PublicDNS    string             `xml:"dnsName"`
	Reason       string             `xml:"reason"`
	LaunchIndex  int                `xml:"amiLaunchIndex"`
	Type         string             `xml:"instanceType"`
	Launched     string             `xml:"launchTime"`
	AZ           string             `xml:"placement>availabilityZone"`
	Tenancy      string             `xml:"placement>tenancy"`
	Platform     string             `xml:"platform,omitempty"` // windows or nothing
	Monitoring   string             `xml:"monitoring>state"`
	Subnet       string             `xml:"subnetId,omitempty"`
	VPC          string             `xml:"vpcId,omitempty"`
	IP           string             `xml:"privateIpAddress,omitempty"`
	CheckDest    bool               `xml:"sourceDestCheck"`
	Groups       set[groupRef]      `xml:"groupSet"`
	Architecture string             `xml:"architecture"`
	RootType     string             `xml:"rootDeviceType"`
	Hypervisor   string             `xml:"hypervisor"`
	Interfaces   set[interfaceView] `xml:"networkInterfaceSet"`
	Profile      *profileView       `xml:"iamInstanceProfile"`
	Tags         set[ec2Tag]        `xml:"tagSet"`
	Details      string             `xml:"platformDetails"`
	HTTPTokens   string             `xml:"metadataOptions>httpTokens"`
	HopLimit     int                `xml:"metadataOptions>httpPutResponseHopLimit"`
	HTTPEndpoint string             `xml:"metadataOptions>httpEndpoint"`
}

type reservationView struct {
	ID        string            `xml:"reservationId"`
	Owner     string            `xml:"ownerId"`
	Groups    set[groupRef]     `xml:"groupSet"`
	Instances set[instanceView] `xml:"instancesSet"`
}

func describeInstances(c *call) (any, error) {
	r := c.region()
	var all []resource[reservationView]
	for _, i := range r.Instances {
		if i.Hybrid() {
			continue
		}
		v := c.instanceView(r, i)
		all = append(all, resource[reservationView]{
			id: i.ID, vpc: v.VPC, tags: ec2Tags(i),
			fields: map[string][]string{
				"instance-id": {i.ID}, "instance-state-name": {i.State}, "instance-state-code": {strconv.Itoa(v.State.Code)}, "instance-type": {i.Type},
				"subnet-id": {i.Subnet}, "network-interface.subnet-id": {i.Subnet}, "private-ip-address": {i.IP}, "private-dns-name": {v.PrivateDNS},
				"network-interface.addresses.private-ip-address": {i.IP}, "availability-zone": {v.AZ}, "instance.group-id": i.Groups,
				"network-interface.group-id": i.Groups, "iam-instance-profile.arn": {profileARN(v)}, "platform": {v.Platform}, "architecture": {v.Architecture},
				"owner-id": {c.place.Account},
			},
			view: reservationView{ID: made("r-", i.ID), Owner: c.place.Account, Instances: setOf(v)},
		})
	}
	k := kind{ids: "InstanceId", prefix: "i-", code: "InvalidInstanceID", noun: "instance ID", most: 1000}
	views, next, err := choose(c, k, all, "instance-id", "instance-state-name", "instance-state-code", "instance-type", "subnet-id",
		"network-interface.subnet-id", "private-ip-address", "private-dns-name", "network-interface.addresses.private-ip-address", "availability-zone",
		"instance.group-id", "network-interface.group-id", "iam-instance-profile.arn", "platform", "architecture", "owner-id")
	if err != nil {
		return nil, err
	}
	return struct {
		Reservations set[reservationView] `xml:"reservationSet"`
		Next         string               `xml:"nextToken,omitempty"`
	}{setOf(views...), next}, nil
}

func (c *call) instanceView(r world.Region, i world.Instance) instanceView {
	code := map[string]int{"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}[i.State]
	v := instanceView{
		ID: i.ID, Image: made("ami-", i.PlatformName), State: stateView{code, i.State}, Type: i.Type, Launched: isoTime(c.ago(i.Launched)),
		Tenancy: "default", Monitoring: "disabled", Architecture: architecture(i), RootType: "ebs", Hypervisor: "xen", CheckDest: true,
		Details: "Linux/UNIX", HTTPTokens: "required", HopLimit: 2, HTTPEndpoint: "enabled", Tags: setOf(tagList(ec2Tags(i))...),
	}
	if i.Platform == "Windows" {
		v.Platform, v.Details = "windows", "Windows"
	}
	if i.Profile != "" {
		v.Profile = &profileView{"arn:aws:iam::" + c.place.Account + ":instance-profile/" + i.Profile, "AIPASIM" + strings.ToUpper(made("", i.Profile)[:14])}
	}
	for _, s := range r.Subnets {
		if s.ID == i.Subnet {
			v.AZ = s.AZ
		}
	}
	if i.State == "terminated" { // it has left its network
		return v
	}
	v.Subnet, v.VPC, v.IP = i.Subnet, r.VPCOf(i.Subnet), i.IP
	v.PrivateDNS = "ip-" + strings.ReplaceAll(i.IP, ".", "-") + "." + c.place.Region + ".compute.internal"
	v.Groups = setOf(groupRefs(r, i.Groups)...)
	v.Interfaces = setOf(c.nicView(r, i, 0, world.NIC{Subnet: i.Subnet, Groups: i.Groups, IP: i.IP, IP6: i.IP6}, v.Launched))
	for n, further := range i.Interfaces {
		v.Interfaces.Items = append(v.Interfaces.Items, c.nicView(r, i, n+1, further, v.Launched))
	}
	return v
}

// nicView is one network interface of an instance, as EC2 describes it with the instance.
func (c *call) nicView(r world.Region, i world.Instance, index int, n world.NIC, since string) interfaceView {
	id := i.ID
	if index > 0 {
		id += strconv.Itoa(index)
	}
	dns := "ip-" + strings.ReplaceAll(n.IP, ".", "-") + "." + c.place.Region + ".compute.internal"
	v := interfaceView{
		ID: made("eni-", id), Subnet: n.Subnet, VPC: r.VPCOf(n.Subnet), Owner: c.place.Account, Status: "in-use", MAC: "06:" + colons(id), IP: n.IP, DNS: dns,
		CheckDest: true, Groups: setOf(groupRefs(r, n.Groups)...), Addresses: setOf(addressView{n.IP, dns, true}), Type: "interface",
	}
	if n.IP6 != "" {
		v.Addresses6 = setOf(address6View{n.IP6})
	}
	v.Attachment.ID, v.Attachment.Index, v.Attachment.Status = made("eni-attach-", id), index, "attached"
	v.Attachment.Time, v.Attachment.Delete = since, index == 0
	return v
}

// ec2Tags are the instance's tags with its name among them.
func ec2Tags(i world.Instance) map[string]string {
	tags := map[string]string{}
	if i.Name != "" {
		tags["Name"] = i.Name
	}
	for k, v := range i.Tags {
		tags[k] = v
	}
	return tags
}

func profileARN(v instanceView) string {
	if v.Profile == nil {
		return ""
	}
	return v.Profile.ARN
}

func groupRefs(r world.Region, ids []string) []groupRef {
	var all []groupRef
	for _, id := range ids {
		for _, g := range r.SecurityGroups {
			if g.ID == id {
				all = append(all, groupRef{g.ID, g.Name})
			}
		}
	}
	return all
}

// made is an id that the world does not write down, always the same for the same seed.
func made(prefix, seed string) string {
	sum := sha256.Sum256([]byte(prefix + seed))
	return prefix + "0" + hex.EncodeToString(sum[:8])
}

// colons is the end of a hardware address.
func colons(seed string) string {
	sum := sha256.Sum256([]byte(seed))
	h := hex.EncodeToString(sum[:5])
	return strings.Join([]string{h[0:2], h[2:4], h[4:6], h[6:8], h[8:10]}, ":")
}
