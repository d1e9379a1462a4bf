package setup

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/rdsx/rdsx/aws"
)

// Site is a VPC and where in it an instance could stand.
type Site struct {
	VPC     string
	CIDR    string
	Subnets []Subnet // the best first
}

// Subnet is one place for the instance.
type Subnet struct {
	ID, Name, AZ, CIDR string
	Way                Way
}

// Way is how packets leave a subnet for the internet, where Systems Manager is unless the VPC has endpoints for it.
type Way string

// The ways, best first. A way through an internet gateway needs a public address, which a set-up gives no instance.
const (
	ByNAT      Way = "by NAT gateway"
	ByOther    Way = "by another gateway"
	Nowhere    Way = "no way out"
	ByInternet Way = "by internet gateway, for public addresses only"
)

// Look reads a VPC's subnets and how they get out.
func Look(ctx context.Context, cfg sdk.Config, vpc string) (Site, error) {
	client := ec2.NewFromConfig(cfg)
	site := Site{VPC: vpc}
	vpcs, err := client.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{vpc}})
	if err != nil {
		return site, fmt.Errorf("read the VPC %s: %w", vpc, err)
	}
	if len(vpcs.Vpcs) != 1 {
		return site, aws.Advise(fmt.Errorf("no VPC %s in %s", vpc, cfg.Region), aws.ErrNotFound, "rdsx ls")
	}
	site.CIDR = sdk.ToString(vpcs.Vpcs[0].CidrBlock)
	inVPC := []types.Filter{{Name: sdk.String("vpc-id"), Values: []string{vpc}}}
	var tables []types.RouteTable
	for pages := ec2.NewDescribeRouteTablesPaginator(client, &ec2.DescribeRouteTablesInput{Filters: inVPC, MaxResults: sdk.Int32(100)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return site, fmt.Errorf("read the route tables of %s: %w", vpc, err)
		}
		tables = append(tables, page.RouteTables...)
	}
	for token := (*string)(nil); ; {
		page, err := client.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: inVPC, MaxResults: sdk.Int32(200), NextToken: token})
		if err != nil {
			return site, fmt.Errorf("read the subnets of %s: %w", vpc, err)
		}
		for _, s := range page.Subnets {
			site.Subnets = append(site.Subnets, Subnet{
				ID: sdk.ToString(s.SubnetId), Name: nameTag(s.Tags), AZ: sdk.ToString(s.AvailabilityZone), CIDR: sdk.ToString(s.CidrBlock),
				Way: wayOut(tables, sdk.ToString(s.SubnetId)),
			})
		}
		if token = page.NextToken; sdk.ToString(token) == "" {
			break
		}
	}
	order := []Way{ByNAT, ByOther, Nowhere, ByInternet}
	slices.SortFunc(site.Subnets, func(a, b Subnet) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Way), slices.Index(order, b.Way)), cmp.Compare(a.AZ, b.AZ), cmp.Compare(a.ID, b.ID))
	})
	return site, nil
}

func nameTag(tags []types.Tag) string {
	for _, t := range tags {
		if sdk.ToString(t.Key) == "Name" {
			return sdk.ToString(t.Value)
		}
	}
	return ""
}

// wayOut looks at the default route of the subnet's table, which is the VPC's main one when it has none of its own.
func wayOut(tables []types.RouteTable, subnet string) Way {
	var used *types.RouteTable
	for i := range tables {
		for _, a := range tables[i].Associations {
			if sdk.ToString(a.SubnetId) == subnet {
				used = &tables[i]
			}
			if sdk.ToBool(a.Main) && used == nil {
				used = &tables[i]
			}
		}
	}
	if used == nil {
		return Nowhere
	}
	for _, r := range used.Routes {
		if sdk.ToString(r.DestinationCidrBlock) != "0.0.0.0/0" || r.State == types.RouteStateBlackhole {
			continue
		}
		gateway := sdk.ToString(r.GatewayId)
		switch {
		case sdk.ToString(r.NatGatewayId) != "":
			return ByNAT
		case len(gateway) > 4 && gateway[:4] == "igw-":
			return ByInternet
		default:
			return ByOther
		}
	}
	return Nowhere
}
