package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func filters(pairs ...string) []types.Filter {
	var all []types.Filter
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, types.Filter{Name: &pairs[i], Values: strings.Split(pairs[i+1], ",")})
	}
	return all
}

func TestDescribeInstances(t *testing.T) {
	r := newRig(t, Options{})
	c := ec2.NewFromConfig(r.as(t, "oncall", "eu-west-1"))
	for name, k := range map[string]struct {
		in   *ec2.DescribeInstancesInput
		want string
	}{
		"all":          {nil, "bastion-a bastion-b app-1 jump-windows bastion-spare"},
		"by id":        {&ec2.DescribeInstancesInput{InstanceIds: []string{"i-0a000000000000003"}}, "app-1"},
		"state":        {&ec2.DescribeInstancesInput{Filters: filters("instance-state-name", "stopped,pending")}, "bastion-spare"},
		"two filters":  {&ec2.DescribeInstancesInput{Filters: filters("tag:rdsx", "bastion", "instance-state-name", "running")}, "bastion-a bastion-b"},
		"wildcard":     {&ec2.DescribeInstancesInput{Filters: filters("tag:Name", "bastion-?")}, "bastion-a bastion-b"},
		"group":        {&ec2.DescribeInstancesInput{Filters: filters("instance.group-id", "sg-0a0000000000000c0")}, "app-1"},
		"vpc, none":    {&ec2.DescribeInstancesInput{Filters: filters("vpc-id", "vpc-0d00000000000000a")}, ""},
		"missing tags": {&ec2.DescribeInstancesInput{Filters: filters("tag-key", "app")}, "app-1"},
	} {
		out, err := c.DescribeInstances(t.Context(), k.in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var names []string
		for _, res := range out.Reservations {
			for _, tag := range res.Instances[0].Tags {
				if *tag.Key == "Name" {
					names = append(names, *tag.Value)
				}
			}
		}
		if got := strings.Join(names, " "); got != k.want {
			t.Errorf("%s: %s, want %s", name, got, k.want)
		}
	}
	out, err := c.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{"i-0a000000000000004"}})
	if err != nil {
		t.Fatal(err)
	}
	i := out.Reservations[0].Instances[0]
	if i.Platform != "windows" /* lower case on the wire, unlike the SDK's constant */ || i.State.Name != types.InstanceStateNameRunning || *i.VpcId != "vpc-0a00000000000000a" || *i.Placement.AvailabilityZone != "eu-west-1a" ||
		*i.SecurityGroups[0].GroupName != "prod-bastion" || *i.NetworkInterfaces[0].Groups[0].GroupId != "sg-0a0000000000000b0" || *i.NetworkInterfaces[0].PrivateIpAddress != *i.PrivateIpAddress ||
		!strings.HasSuffix(*i.IamInstanceProfile.Arn, ":instance-profile/ssm-core") || i.LaunchTime == nil || i.MetadataOptions.HttpTokens != types.HttpTokensStateRequired {
		t.Errorf("instance reads %+v", i)
	}
}

func TestEC2Refusals(t *testing.T) {
	r := newRig(t, Options{})
	c := ec2.NewFromConfig(r.as(t, "oncall", "eu-west-1"))
	try := func(err error, code, text string) {
		t.Helper()
		wantCode(t, err, code, text)
	}
	_, err := c.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{"i-0123456789abcdef0"}})
	try(err, "InvalidInstanceID.NotFound", "The instance ID 'i-0123456789abcdef0' does not exist")
	_, err = c.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{"bastion"}})
	try(err, "InvalidInstanceID.Malformed", "bastion")
	_, err = c.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{"i-0a000000000000001"}, MaxResults: ptr(int32(5))})
	try(err, "InvalidParameterCombination", "instancesSet")
	_, err = c.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{MaxResults: ptr(int32(4))})
	try(err, "InvalidParameterValue", "greater than or equal to 5")
	_, err = c.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{NextToken: ptr("x")})
	try(err, "InvalidParameterValue", "token")
	_, err = c.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: filters("colour", "red")})
	try(err, "InvalidParameterValue", "The filter 'colour' is invalid")
	_, err = c.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{"sg-01234567"}})
	try(err, "InvalidGroup.NotFound", "sg-01234567")
	_, err = c.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{SubnetIds: []string{"subnet-01234567"}})
	try(err, "InvalidSubnetID.NotFound", "subnet-01234567")
	_, err = c.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{VpcIds: []string{"vpc-01234567"}})
	try(err, "InvalidVpcID.NotFound", "vpc-01234567")
	_, err = c.DescribeRouteTables(t.Context(), &ec2.DescribeRouteTablesInput{RouteTableIds: []string{"rtb-01234567"}})
	try(err, "InvalidRouteTableID.NotFound", "rtb-01234567")
	_, err = c.DescribeNetworkAcls(t.Context(), &ec2.DescribeNetworkAclsInput{NetworkAclIds: []string{"acl-01234567"}})
	try(err, "InvalidNetworkAclID.NotFound", "acl-01234567")
	_, err = c.DescribeRegions(t.Context(), &ec2.DescribeRegionsInput{RegionNames: []string{"mars-1"}})
	try(err, "InvalidParameterValue", "mars-1")

	nothing := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"rds:*","Resource":"*"}]}`
	none := r.assume(t, r.as(t, "mika", "eu-west-1"), &sts.AssumeRoleInput{RoleArn: ptr(prodReadonly), RoleSessionName: ptr("mika"), Policy: &nothing})
	_, err = ec2.NewFromConfig(none).DescribeInstances(t.Context(), nil)
	try(err, "UnauthorizedOperation", "You are not authorized to perform this operation. User: arn:aws:sts::777788889999:assumed-role/readonly/mika is not authorized to perform: ec2:DescribeInstances because no session policy allows")
}

func TestEC2Pages(t *testing.T) {
	r := newRig(t, Options{})
	r.crowd(t, 13)
	c := ec2.NewFromConfig(r.as(t, "oncall", "eu-west-1"))
	var sizes []int
	for p := ec2.NewDescribeInstancesPaginator(c, &ec2.DescribeInstancesInput{MaxResults: ptr(int32(5))}); p.HasMorePages(); {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(out.Reservations))
	}
	if fmt.Sprint(sizes) != "[5 5 5 3]" {
		t.Errorf("pages of %v", sizes)
	}
}

func TestNetworkDescriptions(t *testing.T) {
	r := newRig(t, Options{})
	prod, dev := ec2.NewFromConfig(r.as(t, "oncall", "eu-west-1")), ec2.NewFromConfig(r.as(t, "mika", "eu-west-1"))
	staging := ec2.NewFromConfig(r.as(t, "ci", "eu-west-1"))

	groups, err := prod.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{"sg-0a0000000000000d0"}})
	if err != nil {
		t.Fatal(err)
	}
	g := groups.SecurityGroups[0]
	mysql := slices.IndexFunc(g.IpPermissions, func(p types.IpPermission) bool { return *p.FromPort == 3306 })
	if *g.GroupName != "prod-db" || mysql < 0 || *g.IpPermissions[mysql].ToPort != 3306 || *g.IpPermissions[mysql].UserIdGroupPairs[0].GroupId != "sg-0a0000000000000b0" ||
		*g.IpPermissions[mysql].IpRanges[0].CidrIp != "192.168.40.0/24" || *g.IpPermissions[mysql].IpRanges[0].Description != "Tokyo office" {
		t.Errorf("ingress reads %+v", g.IpPermissions)
	}
	if e := g.IpPermissionsEgress; len(e) != 1 || *e[0].IpProtocol != "-1" || e[0].FromPort != nil || *e[0].IpRanges[0].CidrIp != "0.0.0.0/0" {
		t.Errorf("egress reads %+v", e)
	}

	vpcs, err := dev.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{Filters: filters("tag:Name", "hr")})
	if err != nil || len(vpcs.Vpcs) != 1 || *vpcs.Vpcs[0].CidrBlock != "10.11.0.0/16" || *vpcs.Vpcs[0].CidrBlockAssociationSet[0].CidrBlock != "10.11.0.0/16" {
		t.Errorf("VPCs %+v %v", vpcs, err)
	}
	subnets, err := dev.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{Filters: filters("vpc-id", "vpc-0d00000000000000a")})
	if err != nil || len(subnets.Subnets) != 3 || *subnets.Subnets[0].AvailableIpAddressCount != 251 {
		t.Errorf("subnets %+v %v", subnets, err)
	}
	tables, err := dev.DescribeRouteTables(t.Context(), &ec2.DescribeRouteTablesInput{Filters: filters("association.main", "true", "vpc-id", "vpc-0d00000000000000a")})
	if err != nil || len(tables.RouteTables) != 1 {
		t.Fatalf("route tables %+v %v", tables, err)
	}
	routes := map[string]string{}
	for _, x := range tables.RouteTables[0].Routes {
		for _, via := range []*string{x.GatewayId, x.NatGatewayId, x.VpcPeeringConnectionId} {
			if via != nil {
				routes[*x.DestinationCidrBlock] = *via
			}
		}
	}
	if routes["10.10.0.0/16"] != "local" || routes["10.12.0.0/16"] != "pcx-0d0000000000000ac" || routes["0.0.0.0/0"] != "nat-0d00000000000000a" {
		t.Errorf("routes %v", routes)
	}
	acls, err := staging.DescribeNetworkAcls(t.Context(), &ec2.DescribeNetworkAclsInput{Filters: filters("association.subnet-id", "subnet-050000000000000a4")})
	if err != nil || len(acls.NetworkAcls) != 1 {
		t.Fatalf("ACLs %+v %v", acls, err)
	}
	if e := acls.NetworkAcls[0].Entries; len(e) != 4 || *e[0].Protocol != "6" || *e[0].PortRange.From != 443 || e[0].RuleAction != types.RuleActionAllow || *e[2].RuleNumber != 32767 || e[2].RuleAction != types.RuleActionDeny {
		t.Errorf("entries %+v", e)
	}
	byDefault, err := staging.DescribeNetworkAcls(t.Context(), &ec2.DescribeNetworkAclsInput{Filters: filters("default", "true")})
	if err != nil || len(byDefault.NetworkAcls) != 1 || len(byDefault.NetworkAcls[0].Associations) != 3 {
		t.Errorf("default ACL %+v %v", byDefault, err)
	}
}

func TestDescribeRegions(t *testing.T) {
	r := newRig(t, Options{})
	c := ec2.NewFromConfig(r.as(t, "mika", "eu-west-1"))
	names := func(in *ec2.DescribeRegionsInput) string {
		t.Helper()
		out, err := c.DescribeRegions(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, x := range out.Regions {
			all = append(all, *x.RegionName+"="+*x.OptInStatus)
		}
		return strings.Join(all, " ")
	}
	if got := names(nil); got != "eu-west-1=opt-in-not-required us-east-1=opt-in-not-required" {
		t.Errorf("enabled: %s", got)
	}
	if got := names(&ec2.DescribeRegionsInput{AllRegions: ptr(true), Filters: filters("opt-in-status", "not-opted-in")}); got != "ap-east-1=not-opted-in me-south-1=not-opted-in" {
		t.Errorf("not opted in: %s", got)
	}
}

// TestEmptyRegion: a region in which nothing is answers with empty lists.
func TestEmptyRegion(t *testing.T) {
	r := newRig(t, Options{})
	for service, err := range everyService(t.Context(), r.as(t, "mika", "ap-northeast-1")) {
		if err != nil {
			t.Errorf("%s: %v", service, err)
		}
	}
	if got := r.world.Region("111122223333", "ap-northeast-1"); len(got.VPCs) != 0 || got.Name != "ap-northeast-1" {
		t.Errorf("region %+v", got)
	}
}
