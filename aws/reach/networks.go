package reach

import (
	"context"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// Page sizes are the most that each API allows (docs/aws.md §3).
const (
	pageMost   = 1000
	routesPage = 100
)

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: sdk.String(name), Values: values}
}

// byVPC reads one kind of thing of the VPCs that have not been read yet.
func (f *Fetcher) byVPC(action string, vpcs []string, page func(ctx context.Context, byVPC types.Filter, token *string) (*string, error)) job {
	fresh := f.news(action, vpcs...)
	return job{action, fresh, func(ctx context.Context) error {
		return chunks(fresh, func(part []string) error {
			return pages(func(token *string) (*string, error) { return page(ctx, filter("vpc-id", part...), token) })
		})
	}}
}

// networks are the calls for what is inside the VPCs.
func (f *Fetcher) networks(vpcs []string, need Need) []job {
	jobs := []job{
		f.byVPC("ec2:DescribeSecurityGroups", vpcs, f.groupPage),
		f.byVPC("ec2:DescribeSubnets", vpcs, f.subnetPage),
		f.byVPC("ec2:DescribeRouteTables", vpcs, f.tablePage),
		f.byVPC("ec2:DescribeNetworkAcls", vpcs, f.aclPage),
		f.vpcs(vpcs),
		f.endpoints(need),
	}
	if need.Load {
		jobs = append(jobs, f.load())
	}
	return jobs
}

func (f *Fetcher) groupPage(ctx context.Context, byVPC types.Filter, token *string) (*string, error) {
	out, err := f.machines.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{byVPC}, MaxResults: sdk.Int32(pageMost), NextToken: token})
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, g := range out.SecurityGroups {
		f.snap.Groups[sdk.ToString(g.GroupId)] = group(g)
	}
	return out.NextToken, nil
}

func (f *Fetcher) subnetPage(ctx context.Context, byVPC types.Filter, token *string) (*string, error) {
	out, err := f.machines.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: []types.Filter{byVPC}, MaxResults: sdk.Int32(pageMost), NextToken: token})
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range out.Subnets {
		f.snap.Subnets[sdk.ToString(n.SubnetId)] = subnet(n)
	}
	return out.NextToken, nil
}

func (f *Fetcher) tablePage(ctx context.Context, byVPC types.Filter, token *string) (*string, error) {
	out, err := f.machines.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: []types.Filter{byVPC}, MaxResults: sdk.Int32(routesPage), NextToken: token})
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range out.RouteTables {
		f.snap.Tables = put(f.snap.Tables, table(t), func(t RouteTable) string { return t.ID })
	}
	return out.NextToken, nil
}

func (f *Fetcher) aclPage(ctx context.Context, byVPC types.Filter, token *string) (*string, error) {
	out, err := f.machines.DescribeNetworkAcls(ctx, &ec2.DescribeNetworkAclsInput{Filters: []types.Filter{byVPC}, MaxResults: sdk.Int32(pageMost), NextToken: token})
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range out.NetworkAcls {
		f.snap.ACLs = put(f.snap.ACLs, acl(a), func(a ACL) string { return a.ID })
	}
	return out.NextToken, nil
}

// put adds v, or puts it in the place of the one with its id.
func put[T any](all []T, v T, id func(T) string) []T {
	if i := slices.IndexFunc(all, func(x T) bool { return id(x) == id(v) }); i >= 0 {
		all = slices.Clone(all)
		all[i] = v
		return all
	}
	return append(all, v)
}

// vpcs reads the VPCs themselves with their DNS settings, one call each for these.
func (f *Fetcher) vpcs(ids []string) job {
	const action = "ec2:DescribeVpcs"
	fresh := f.news(action, ids...)
	return job{action, fresh, func(ctx context.Context) error {
		options := map[string]string{} // of DHCP, by VPC
		err := chunks(fresh, func(part []string) error {
			return pages(func(token *string) (*string, error) {
				out, err := f.machines.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: []types.Filter{filter("vpc-id", part...)}, MaxResults: sdk.Int32(pageMost), NextToken: token})
				if err != nil {
					return nil, err
				}
				f.mu.Lock()
				defer f.mu.Unlock()
				for _, v := range out.Vpcs {
					f.snap.VPCs[sdk.ToString(v.VpcId)] = vpc(v, f.region)
					options[sdk.ToString(v.VpcId)] = sdk.ToString(v.DhcpOptionsId)
				}
				return out.NextToken, nil
			})
		})
		if err != nil {
			return err
		}
		f.dns(ctx, options)
		return nil
	}}
}

// dns reads whether names resolve in the VPCs, and where they do not, whose name servers are asked.
func (f *Fetcher) dns(ctx context.Context, options map[string]string) {
	var jobs []job
	for id, dhcp := range options {
		jobs = append(jobs, job{"ec2:DescribeVpcAttribute", []string{id}, func(ctx context.Context) error {
			out, err := f.machines.DescribeVpcAttribute(ctx, &ec2.DescribeVpcAttributeInput{VpcId: sdk.String(id), Attribute: types.VpcAttributeNameEnableDnsSupport})
			if err != nil {
				return err
			}
			on := out.EnableDnsSupport != nil && sdk.ToBool(out.EnableDnsSupport.Value)
			f.update(id, func(v *VPC) { v.DNS = answer(on) })
			if on {
				return nil
			}
			servers, err := f.nameServers(ctx, dhcp)
			if err != nil {
				return nil //nolint:nilerr // whose name servers are asked stays unknown
			}
			own := slices.ContainsFunc(servers, func(s string) bool { return s != "AmazonProvidedDNS" })
			f.update(id, func(v *VPC) { v.OwnDNS = answer(own) })
			return nil
		}})
	}
	f.together(ctx, jobs...)
}

func (f *Fetcher) update(vpc string, change func(*VPC)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.snap.VPCs[vpc]
	change(&v)
	f.snap.VPCs[vpc] = v
}

func (f *Fetcher) nameServers(ctx context.Context, options string) ([]string, error) {
	out, err := f.machines.DescribeDhcpOptions(ctx, &ec2.DescribeDhcpOptionsInput{DhcpOptionsIds: []string{options}})
	if err != nil {
		return nil, err
	}
	var servers []string
	for _, o := range out.DhcpOptions {
		for _, c := range o.DhcpConfigurations {
			for _, v := range c.Values {
				if sdk.ToString(c.Key) == "domain-name-servers" {
					servers = append(servers, sdk.ToString(v.Value))
				}
			}
		}
	}
	return servers, nil
}

// interfaces reads those of the instances.
func (f *Fetcher) interfaces(ctx context.Context, need Need) {
	const action = "ec2:DescribeNetworkInterfaces"
	var ids []string
	for _, i := range need.Instances {
		if strings.HasPrefix(i.ID, "i-") {
			ids = append(ids, i.ID)
		}
	}
	fresh := f.news(action, ids...)
	f.together(ctx, job{action, fresh, func(ctx context.Context) error {
		return chunks(fresh, func(part []string) error {
			return f.interfacePages(ctx, []types.Filter{filter("attachment.instance-id", part...)}, func(n types.NetworkInterface) {
				if n.Attachment == nil {
					return
				}
				id := sdk.ToString(n.Attachment.InstanceId)
				own := nic(n)
				own.Index = int(sdk.ToInt32(n.Attachment.DeviceIndex))
				f.snap.Interfaces[id] = put(f.snap.Interfaces[id], own, func(i Interface) string { return i.ID })
				if owner := sdk.ToString(n.Attachment.InstanceOwnerId); !slices.Contains(f.snap.Accounts, owner) {
					f.snap.Accounts = append(f.snap.Accounts, owner)
				}
			})
		})
	}})
}

func (f *Fetcher) interfacePages(ctx context.Context, by []types.Filter, add func(types.NetworkInterface)) error {
	return pages(func(token *string) (*string, error) {
		out, err := f.machines.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: by, MaxResults: sdk.Int32(pageMost), NextToken: token})
		if err != nil {
			return nil, err
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, n := range out.NetworkInterfaces {
			add(n)
		}
		return out.NextToken, nil
	})
}

// endpoints reads the interfaces of databases: those that a service of AWS keeps in the groups of the databases.
func (f *Fetcher) endpoints(need Need) job {
	const action = "ec2:DescribeNetworkInterfaces"
	var groups []string
	for _, d := range need.Databases {
		groups = append(groups, d.Groups...)
	}
	fresh := f.news(action, groups...)
	return job{action, fresh, func(ctx context.Context) error {
		return chunks(fresh, func(part []string) error {
			by := []types.Filter{filter("group-id", part...), filter("requester-managed", "true")}
			return f.interfacePages(ctx, by, func(n types.NetworkInterface) {
				f.snap.Endpoints = put(f.snap.Endpoints, nic(n), func(i Interface) string { return i.ID })
			})
		})
	}}
}

// loadPages is how much of a long list of sessions is counted: the count only breaks ties.
const loadPages = 5

// load counts the sessions that are open through each instance.
func (f *Fetcher) load() job {
	const action = "ssm:DescribeSessions"
	return job{action, f.news(action, "all"), func(ctx context.Context) error {
		count, n := map[string]int{}, 0
		err := pages(func(token *string) (*string, error) {
			out, err := f.sessions.DescribeSessions(ctx, &ssm.DescribeSessionsInput{State: ssmtypes.SessionStateActive, MaxResults: sdk.Int32(200), NextToken: token})
			if err != nil {
				return nil, err
			}
			for _, s := range out.Sessions {
				count[sdk.ToString(s.Target)]++
			}
			if n++; n == loadPages {
				return nil, nil
			}
			return out.NextToken, nil
		})
		f.mu.Lock()
		defer f.mu.Unlock()
		f.snap.Load = count
		return err
	}}
}
