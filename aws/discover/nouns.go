package discover

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/rdsx/rdsx/aws"
)

// instance is the node id as Systems Manager and, if it has answered already, EC2 describe it.
func (k *known) instance(id string) aws.Instance {
	node := k.nodes[id]
	i := aws.Instance{
		ID:           id,
		Name:         cmp.Or(sdk.ToString(node.Name), sdk.ToString(node.ComputerName)),
		PingStatus:   string(node.PingStatus),
		LastPing:     sdk.ToTime(node.LastPingDateTime),
		AgentVersion: sdk.ToString(node.AgentVersion),
		Platform:     string(node.PlatformType),
		IP:           sdk.ToString(node.IPAddress),
		Account:      k.account.ID,
		Region:       k.account.Region,
	}
	machine, ok := k.machines[id]
	if !ok {
		return i
	}
	if machine.State != nil {
		i.State = string(machine.State.Name)
	}
	if machine.Placement != nil {
		i.AZ = sdk.ToString(machine.Placement.AvailabilityZone)
	}
	i.VPC, i.Subnet = sdk.ToString(machine.VpcId), sdk.ToString(machine.SubnetId)
	i.IP = cmp.Or(sdk.ToString(machine.PrivateIpAddress), i.IP)
	i.Groups = groupsOf(machine)
	for _, tag := range machine.Tags {
		if i.Tags == nil {
			i.Tags = map[string]string{}
		}
		i.Tags[sdk.ToString(tag.Key)] = sdk.ToString(tag.Value)
	}
	i.Name = cmp.Or(i.Tags["Name"], i.Name)
	return i
}

// groupsOf is the union over the network interfaces: a rule may name the group of any of them.
func groupsOf(machine ec2types.Instance) []string {
	var ids []string
	for _, g := range machine.SecurityGroups {
		ids = append(ids, sdk.ToString(g.GroupId))
	}
	for _, eni := range machine.NetworkInterfaces {
		for _, g := range eni.Groups {
			ids = append(ids, sdk.ToString(g.GroupId))
		}
	}
	return unique(ids)
}

// database is one DB instance. RDS answers for DocumentDB and Neptune too; the engine tells them apart.
func (k *known) database(db rdstypes.DBInstance) aws.Database {
	d := k.noun(sdk.ToString(db.DBInstanceIdentifier), aws.RoleInstance)
	d.Cluster = sdk.ToString(db.DBClusterIdentifier)
	d.Engine, d.EngineVersion = sdk.ToString(db.Engine), sdk.ToString(db.EngineVersion)
	d.Status = sdk.ToString(db.DBInstanceStatus)
	d.MultiAZ = sdk.ToBool(db.MultiAZ)
	d.AZ = sdk.ToString(db.AvailabilityZone)
	d.IAMAuth = sdk.ToBool(db.IAMDatabaseAuthenticationEnabled)
	d.Groups = activeGroups(db.VpcSecurityGroups)
	d.VPC, d.Subnets = network(db)
	d.Tags = tagsOf(db.TagList)
	// A SQL Server or Oracle instance in an availability group may have only the listener.
	for _, e := range []*rdstypes.Endpoint{db.Endpoint, db.ListenerEndpoint} {
		if d.Endpoint.Host == "" && e != nil {
			d.Endpoint = aws.Endpoint{Host: sdk.ToString(e.Address), Port: int(sdk.ToInt32(e.Port))}
		}
	}
	return d
}

func (k *known) noun(id string, role aws.Role) aws.Database {
	return aws.Database{ID: id, Role: role, Account: k.account.ID, Region: k.account.Region}
}

// clusterDatabases are the endpoints of a cluster: writer, reader, custom ones. RDS gives a cluster's subnet group by name
// only, so VPC, subnets and zone come from its members (docs/aws.md §3).
func (k *known) clusterDatabases(id string) []aws.Database {
	cluster, ok := k.clusters[id]
	if !ok {
		return nil
	}
	base := k.noun(id, aws.RoleWriter)
	base.Cluster = id
	base.Engine, base.EngineVersion = sdk.ToString(cluster.Engine), sdk.ToString(cluster.EngineVersion)
	base.Status = sdk.ToString(cluster.Status)
	base.MultiAZ = sdk.ToBool(cluster.MultiAZ)
	base.IAMAuth = sdk.ToBool(cluster.IAMDatabaseAuthenticationEnabled)
	base.Groups = activeGroups(cluster.VpcSecurityGroups)
	base.Tags = tagsOf(cluster.TagList)
	base.Endpoint.Port = int(sdk.ToInt32(cluster.Port))
	writerAZ := k.fromMembers(&base, cluster.DBClusterMembers)

	var out []aws.Database
	if host := sdk.ToString(cluster.Endpoint); host != "" || sdk.ToString(cluster.ReaderEndpoint) == "" {
		writer := base
		writer.Endpoint.Host, writer.AZ = host, writerAZ
		out = append(out, writer)
	}
	if host := sdk.ToString(cluster.ReaderEndpoint); host != "" {
		reader := base
		reader.Role, reader.Endpoint.Host = aws.RoleReader, host
		out = append(out, reader)
	}
	return append(out, k.customEndpoints(base, cluster)...)
}

// fromMembers completes base by its members and gives the zone of the writer.
func (k *known) fromMembers(base *aws.Database, members []rdstypes.DBClusterMember) (writerAZ string) {
	var groups []string
	for _, m := range members {
		db, ok := k.instances[sdk.ToString(m.DBInstanceIdentifier)]
		if !ok {
			continue
		}
		if vpc, subnets := network(db); vpc != "" {
			base.VPC, base.Subnets = vpc, subnets
		}
		groups = append(groups, activeGroups(db.VpcSecurityGroups)...)
		if sdk.ToBool(m.IsClusterWriter) {
			writerAZ = sdk.ToString(db.AvailabilityZone)
		}
		if base.Endpoint.Port == 0 && db.Endpoint != nil {
			base.Endpoint.Port = int(sdk.ToInt32(db.Endpoint.Port))
		}
	}
	if len(base.Groups) == 0 {
		base.Groups = unique(groups)
	}
	return writerAZ
}

// customEndpoints come from the cluster itself as host names, whose first label is the identifier, and in full from
// rds:DescribeDBClusterEndpoints, which may be denied.
func (k *known) customEndpoints(base aws.Database, cluster rdstypes.DBCluster) []aws.Database {
	byID := map[string]aws.Database{}
	for _, host := range cluster.CustomEndpoints {
		id, _, _ := strings.Cut(host, ".")
		d := base
		d.ID, d.Role, d.Endpoint.Host = id, aws.RoleCustom, host
		byID[id] = d
	}
	for id, e := range k.endpoints[base.ID] {
		if !strings.EqualFold(sdk.ToString(e.EndpointType), "CUSTOM") {
			continue
		}
		d := base
		d.ID, d.Role, d.Endpoint.Host = id, aws.RoleCustom, sdk.ToString(e.Endpoint)
		if status := sdk.ToString(e.Status); status != "" && base.Status == "available" {
			d.Status = status
		}
		byID[id] = d
	}
	var out []aws.Database
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		out = append(out, byID[id])
	}
	return out
}

// proxyDatabases are a proxy and its endpoints other than the default one, which is the proxy's own.
func (k *known) proxyDatabases(name string) []aws.Database {
	proxy, ok := k.proxies[name]
	if !ok {
		return nil
	}
	base := k.noun(name, aws.RoleProxy)
	base.Engine, base.Endpoint.Port = proxyEngine(sdk.ToString(proxy.EngineFamily))
	base.Status = string(proxy.Status)
	base.VPC, base.Subnets, base.Groups = sdk.ToString(proxy.VpcId), proxy.VpcSubnetIds, proxy.VpcSecurityGroupIds
	for _, auth := range proxy.Auth {
		base.IAMAuth = base.IAMAuth || auth.IAMAuth == rdstypes.IAMAuthModeRequired || auth.IAMAuth == rdstypes.IAMAuthModeEnabled
	}
	own := base
	own.Endpoint.Host = sdk.ToString(proxy.Endpoint)
	out := []aws.Database{own}
	for _, id := range slices.Sorted(maps.Keys(k.proxyEndpoints[name])) {
		e := k.proxyEndpoints[name][id]
		if sdk.ToBool(e.IsDefault) || sdk.ToString(e.Endpoint) == own.Endpoint.Host {
			continue
		}
		d := base
		d.ID, d.Endpoint.Host, d.Status = id, sdk.ToString(e.Endpoint), string(e.Status)
		d.VPC, d.Subnets, d.Groups = sdk.ToString(e.VpcId), e.VpcSubnetIds, e.VpcSecurityGroupIds
		out = append(out, d)
	}
	return out
}

// proxyEngine is the engine that a proxy speaks, and its port: a proxy always listens on the engine's default.
func proxyEngine(family string) (engine string, port int) {
	switch strings.ToUpper(family) {
	case "POSTGRESQL":
		return "postgres", 5432
	case "MYSQL":
		return "mysql", 3306
	case "SQLSERVER":
		return "sqlserver", 1433
	}
	return strings.ToLower(family), 0
}

func network(db rdstypes.DBInstance) (vpc string, subnets []string) {
	if db.DBSubnetGroup == nil {
		return "", nil
	}
	for _, s := range db.DBSubnetGroup.Subnets {
		subnets = append(subnets, sdk.ToString(s.SubnetIdentifier))
	}
	return sdk.ToString(db.DBSubnetGroup.VpcId), unique(subnets)
}

// activeGroups leaves out groups that are being removed: their rules no longer count.
func activeGroups(memberships []rdstypes.VpcSecurityGroupMembership) []string {
	var ids []string
	for _, m := range memberships {
		if status := sdk.ToString(m.Status); status == "" || status == "active" || status == "adding" {
			ids = append(ids, sdk.ToString(m.VpcSecurityGroupId))
		}
	}
	return unique(ids)
}

func tagsOf(list []rdstypes.Tag) map[string]string {
	if len(list) == 0 {
		return nil
	}
	tags := make(map[string]string, len(list))
	for _, tag := range list {
		tags[sdk.ToString(tag.Key)] = sdk.ToString(tag.Value)
	}
	return tags
}
