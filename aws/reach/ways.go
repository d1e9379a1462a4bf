package reach

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/rdsx/rdsx/aws"
)

// ways are the calls for what leads from one VPC to another, and for the prefix lists that rules and routes name.
func (f *Fetcher) ways(vpcs []string) []job {
	jobs := []job{f.prefixLists()}
	if len(vpcs) > 1 {
		jobs = append(jobs, f.peerings(), f.transits(vpcs))
	}
	return jobs
}

func (f *Fetcher) peerings() job {
	const action = "ec2:DescribeVpcPeeringConnections"
	return job{action, f.news(action, "all"), func(ctx context.Context) error {
		return pages(func(token *string) (*string, error) {
			out, err := f.machines.DescribeVpcPeeringConnections(ctx, &ec2.DescribeVpcPeeringConnectionsInput{MaxResults: sdk.Int32(pageMost), NextToken: token})
			if err != nil {
				return nil, err
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			for _, p := range out.VpcPeeringConnections {
				f.snap.Peerings[sdk.ToString(p.VpcPeeringConnectionId)] = peeringOf(p)
			}
			return out.NextToken, nil
		})
	}}
}

// prefixLists reads the entries of the lists that have not been read, one call for each.
func (f *Fetcher) prefixLists() job {
	const action = "ec2:GetManagedPrefixListEntries"
	var ids []string
	for _, t := range f.snap.Tables {
		for _, r := range t.Routes {
			ids = append(ids, r.PrefixList)
		}
	}
	for _, g := range f.snap.Groups {
		for _, r := range slices.Concat(g.Ingress, g.Egress) {
			ids = append(ids, r.PrefixList)
		}
	}
	fresh := f.news(action, ids...)
	return job{action, fresh, func(ctx context.Context) error {
		for _, id := range fresh {
			err := f.entries(ctx, id)
			if denied(err) && f.awsLists(ctx, fresh) == nil {
				return nil
			}
			if err != nil {
				return err
			}
		}
		return nil
	}}
}

func (f *Fetcher) entries(ctx context.Context, id string) error {
	var all []netip.Prefix
	err := pages(func(token *string) (*string, error) {
		out, err := f.machines.GetManagedPrefixListEntries(ctx, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: sdk.String(id), MaxResults: sdk.Int32(routesPage), NextToken: token})
		if err != nil {
			return nil, err
		}
		for _, e := range out.Entries {
			all = appendPrefix(all, sdk.ToString(e.Cidr))
		}
		return out.NextToken, nil
	})
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.snap.PrefixLists[id] = all
	return nil
}

// awsLists reads AWS's own lists by the older call, which a policy of ec2:Describe* allows. They are those of gateway
// endpoints, in most route tables. It is an error if one of the ids is not among them.
func (f *Fetcher) awsLists(ctx context.Context, ids []string) error {
	err := pages(func(token *string) (*string, error) {
		out, err := f.machines.DescribePrefixLists(ctx, &ec2.DescribePrefixListsInput{MaxResults: sdk.Int32(pageMost), NextToken: token})
		if err != nil {
			return nil, err
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, l := range out.PrefixLists {
			var all []netip.Prefix
			for _, c := range l.Cidrs {
				all = appendPrefix(all, c)
			}
			f.snap.PrefixLists[sdk.ToString(l.PrefixListId)] = all
		}
		return out.NextToken, nil
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, ok := f.snap.PrefixLists[id]; !ok {
			return errNotAmazons
		}
	}
	return nil
}

// transits reads the transit gateways that the VPCs have routes to, with the route tables of their attachments.
func (f *Fetcher) transits(vpcs []string) job {
	const action = "ec2:DescribeTransitGatewayAttachments"
	var ids []string
	for _, t := range f.snap.Tables {
		for _, r := range t.Routes {
			if strings.HasPrefix(r.Target, "tgw-") && slices.Contains(vpcs, t.VPC) {
				ids = append(ids, r.Target)
			}
		}
	}
	fresh := f.news(action, ids...)
	return job{action, fresh, func(ctx context.Context) error {
		found := map[string]Transit{}
		for _, id := range fresh {
			found[id] = Transit{ID: id, References: aws.Unknown, Tables: map[string]TransitTable{}}
		}
		byGateway := []types.Filter{filter("transit-gateway-id", fresh...)}
		if err := f.attachments(ctx, byGateway, found); err != nil {
			return err
		}
		f.attempt("ec2:DescribeTransitGatewayVpcAttachments", f.vpcAttachments(ctx, byGateway, found))
		f.attempt("ec2:DescribeTransitGateways", f.referencing(ctx, byGateway, found))
		f.attempt("ec2:SearchTransitGatewayRoutes", f.transitTables(ctx, vpcs, found))
		f.mu.Lock()
		defer f.mu.Unlock()
		for id, t := range found {
			f.snap.Transits[id] = t
		}
		return nil
	}}
}

// attempt writes down what a call lacks: the rest of what its job has read is of use without it.
func (f *Fetcher) attempt(action string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.snap.Missing[action] = reason(action, err)
	}
}

func (f *Fetcher) attachments(ctx context.Context, by []types.Filter, found map[string]Transit) error {
	return pages(func(token *string) (*string, error) {
		out, err := f.machines.DescribeTransitGatewayAttachments(ctx, &ec2.DescribeTransitGatewayAttachmentsInput{Filters: by, MaxResults: sdk.Int32(pageMost), NextToken: token})
		if err != nil {
			return nil, err
		}
		for _, a := range out.TransitGatewayAttachments {
			t, ok := found[sdk.ToString(a.TransitGatewayId)]
			if !ok {
				continue
			}
			t.Attachments = append(t.Attachments, attachment(a))
			found[t.ID] = t
		}
		return out.NextToken, nil
	})
}

func (f *Fetcher) vpcAttachments(ctx context.Context, by []types.Filter, found map[string]Transit) error {
	return pages(func(token *string) (*string, error) {
		out, err := f.machines.DescribeTransitGatewayVpcAttachments(ctx, &ec2.DescribeTransitGatewayVpcAttachmentsInput{Filters: by, MaxResults: sdk.Int32(pageMost), NextToken: token})
		if err != nil {
			return nil, err
		}
		for _, v := range out.TransitGatewayVpcAttachments {
			for i, a := range found[sdk.ToString(v.TransitGatewayId)].Attachments {
				if a.ID != sdk.ToString(v.TransitGatewayAttachmentId) {
					continue
				}
				a.Subnets, a.References = v.SubnetIds, aws.Unknown
				if v.Options != nil {
					a.References = answer(v.Options.SecurityGroupReferencingSupport == types.SecurityGroupReferencingSupportValueEnable)
				}
				found[sdk.ToString(v.TransitGatewayId)].Attachments[i] = a
			}
		}
		return out.NextToken, nil
	})
}

func (f *Fetcher) referencing(ctx context.Context, by []types.Filter, found map[string]Transit) error {
	return pages(func(token *string) (*string, error) {
		out, err := f.machines.DescribeTransitGateways(ctx, &ec2.DescribeTransitGatewaysInput{Filters: by, MaxResults: sdk.Int32(pageMost), NextToken: token})
		if err != nil {
			return nil, err
		}
		for _, g := range out.TransitGateways {
			if t, ok := found[sdk.ToString(g.TransitGatewayId)]; ok && g.Options != nil {
				t.References = answer(g.Options.SecurityGroupReferencingSupport == types.SecurityGroupReferencingSupportValueEnable)
				found[t.ID] = t
			}
		}
		return out.NextToken, nil
	})
}

// transitTables reads the route tables that the attachments of the VPCs are associated with.
func (f *Fetcher) transitTables(ctx context.Context, vpcs []string, found map[string]Transit) error {
	for _, t := range found {
		for _, a := range t.Attachments {
			if _, read := t.Tables[a.Table]; read || a.Table == "" || !slices.Contains(vpcs, a.VPC) {
				continue
			}
			out, err := f.machines.SearchTransitGatewayRoutes(ctx, &ec2.SearchTransitGatewayRoutesInput{
				TransitGatewayRouteTableId: sdk.String(a.Table), Filters: []types.Filter{filter("state", "active", "blackhole")}, MaxResults: sdk.Int32(pageMost),
			})
			if err != nil {
				return err
			}
			t.Tables[a.Table] = transitTable(a.Table, out)
		}
	}
	return nil
}
