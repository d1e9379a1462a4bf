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
		Profiles:     k.profiles("node " + id),
	}
	i.State = k.states[id]
	m, ok := k.machines[id]
	if !ok {
		return i
	}
	i.State, i.AZ, i.VPC, i.Subnet, i.Groups, i.Tags = cmp.Or(m.state, i.State), m.az, m.vpc, m.subnet, m.groups, m.tags
	i.IP = cmp.Or(m.ip, i.IP)
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
	d := k.noun(sdk.ToString(db.DBInstanceIdentifier), aws.RoleInstance, "instance "+sdk.ToString(db.DBInstanceIdentifier))
	d.Cluster = sdk.ToString(db.DBClusterIdentifier)
	d.Engine, d.EngineVersion = sdk.ToString(db.Engine), sdk.ToString(db.EngineVersion)
	d.Status = sdk.ToString(db.DBInstanceStatus)
	d.MultiAZ = sdk.ToBool(db.MultiAZ)
	d.AZ = sdk.ToString(db.AvailabilityZone)
	d.IAMAuth = sdk.ToBool(db.IAMDatabaseAuthenticationEnabled)
	d.Groups = activeGroups(db.VpcSecurityGroups)
	d.VPC, d.Subnets = network(db)
	d.Tags = tagsOf(db.TagList)
	d.ARN, d.ResourceID, d.CA = sdk.ToString(db.DBInstanceArn), sdk.ToString(db.DbiResourceId), sdk.ToString(db.CACertificateIdentifier)
	d.Secret = secretOf(db.MasterUserSecret)
	if db.Endpoint != nil {
		d.Endpoint = endpointOf(db.Endpoint.Address, db.Endpoint.Port)
	}
	if l := db.ListenerEndpoint; l != nil && sdk.ToString(l.Address) != "" {
		// A SQL Server or Oracle instance in an availability group may have only the listener.
		if d.Endpoint.Host == "" {
			d.Endpoint = endpointOf(l.Address, l.Port)
		} else if other := endpointOf(l.Address, l.Port); other != d.Endpoint {
			port := aws.Port{Port: other.Port, For: "listener"}
			if other.Host != d.Endpoint.Host {
				port.Host = other.Host
			}
			d.Ports = append(d.Ports, port)
		}
	}
	return d
}

// secretOf is the ARN of the secret with the master user's password, "" when RDS keeps none.
func secretOf(s *rdstypes.MasterUserSecret) string {
	if s == nil {
		return ""
	}
	return sdk.ToString(s.SecretArn)
}

func (k *known) noun(id string, role aws.Role, seen string) aws.Database {
	return aws.Database{ID: id, Role: role, Service: "rds", Account: k.account.ID, Region: k.account.Region, Profiles: k.profiles(seen)}
}

// clusterDatabases are the endpoints of a cluster: writer, reader, custom ones. RDS gives a cluster's subnet group by name
// only, so VPC, subnets and zone come from its members (docs/aws.md §3).
func (k *known) clusterDatabases(id string) []aws.Database {
	cluster, ok := k.clusters[id]
	if !ok {
		return nil
	}
	base := k.noun(id, aws.RoleWriter, "cluster "+id)
	base.Cluster = id
	base.Engine, base.EngineVersion = sdk.ToString(cluster.Engine), sdk.ToString(cluster.EngineVersion)
	base.Status = sdk.ToString(cluster.Status)
	base.MultiAZ = sdk.ToBool(cluster.MultiAZ)
	base.IAMAuth = sdk.ToBool(cluster.IAMDatabaseAuthenticationEnabled)
	base.Groups = activeGroups(cluster.VpcSecurityGroups)
	base.Tags = tagsOf(cluster.TagList)
	base.Endpoint.Port = int(sdk.ToInt32(cluster.Port))
	base.ARN, base.ResourceID, base.Secret = sdk.ToString(cluster.DBClusterArn), sdk.ToString(cluster.DbClusterResourceId), secretOf(cluster.MasterUserSecret)
	if port := k.babelfish[id]; port > 0 {
		base.Ports = append(base.Ports, aws.Port{Port: port, For: "babelfish"})
	}
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
		db, ok := k.members[sdk.ToString(m.DBInstanceIdentifier)]
		if !ok {
			continue
		}
		if db.VPC != "" {
			base.VPC, base.Subnets = db.VPC, db.Subnets
		}
		groups = append(groups, db.Groups...)
		base.CA = cmp.Or(base.CA, db.CA)
		if sdk.ToBool(m.IsClusterWriter) {
			writerAZ = db.AZ
		}
		base.Endpoint.Port = cmp.Or(base.Endpoint.Port, db.Endpoint.Port)
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
	base := k.noun(name, aws.RoleProxy, "proxy "+name)
	base.Engine, base.Endpoint.Port = proxyEngine(sdk.ToString(proxy.EngineFamily))
	base.Status = string(proxy.Status)
	base.VPC, base.Subnets, base.Groups = sdk.ToString(proxy.VpcId), proxy.VpcSubnetIds, proxy.VpcSecurityGroupIds
	base.ARN, base.ResourceID = sdk.ToString(proxy.DBProxyArn), proxyID(sdk.ToString(proxy.DBProxyArn))
	if sdk.ToBool(proxy.RequireTLS) {
		base.TLS = aws.TLSRequired
	}
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

// proxyID is the prx-… of a proxy, which its ARN ends with.
func proxyID(arn string) string {
	if i := strings.LastIndexByte(arn, ':'); strings.HasPrefix(arn[i+1:], "prx-") {
		return arn[i+1:]
	}
	return ""
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

func endpointOf(address *string, port *int32) aws.Endpoint {
	return aws.Endpoint{Host: sdk.ToString(address), Port: int(sdk.ToInt32(port))}
}
