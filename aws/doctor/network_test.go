package doctor

import (
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// TestEndpointFor: an endpoint that was deleted, or that nobody has accepted, does not stand before the one in use.
func TestEndpointFor(t *testing.T) {
	t.Parallel()
	e := func(id, state string) ec2types.VpcEndpoint {
		return ec2types.VpcEndpoint{VpcEndpointId: sdk.String(id), ServiceName: sdk.String("ssm"), State: ec2types.State(state)}
	}
	for _, c := range []struct {
		all  []ec2types.VpcEndpoint
		want string
	}{
		{nil, ""},
		{[]ec2types.VpcEndpoint{e("old", "deleted"), e("new", "available")}, "new"},
		{[]ec2types.VpcEndpoint{e("asked", "pendingAcceptance"), e("new", "available")}, "new"},
		{[]ec2types.VpcEndpoint{e("asked", "pendingAcceptance"), e("old", "Deleting")}, "asked"},
		{[]ec2types.VpcEndpoint{e("old", "Deleted")}, ""},
	} {
		got, found := endpointFor(c.all, "ssm")
		if id := sdk.ToString(got.VpcEndpointId); id != c.want || found != (c.want != "") {
			t.Errorf("%v: %q, %v, want %q", c.all, id, found, c.want)
		}
	}
}

// TestOutwardIsForIPv4: a subnet whose only way out is for IPv6 leads the agent nowhere.
func TestOutwardIsForIPv4(t *testing.T) {
	t.Parallel()
	six := ec2types.Route{DestinationIpv6CidrBlock: sdk.String("::/0"), EgressOnlyInternetGatewayId: sdk.String("eigw-1")}
	four := ec2types.Route{DestinationCidrBlock: sdk.String("0.0.0.0/0"), NatGatewayId: sdk.String("nat-1")}
	for want, routes := range map[string][]ec2types.Route{"": {six}, "nat-1": {six, four}} {
		tables := []ec2types.RouteTable{{Associations: []ec2types.RouteTableAssociation{{SubnetId: sdk.String("subnet-1")}}, Routes: routes}}
		if got := outward(tables, "subnet-1"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
