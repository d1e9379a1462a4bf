package discover

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/aws"
)

// knownStores is what the services beside RDS have told.
type knownStores struct {
	groups        map[string]cacheGroup
	nodes         map[string]cacheCluster
	cacheSubnets  map[string]subnetGroup
	serverless    map[string]serverlessCache
	memory        map[string]memoryCluster
	memorySubnets map[string]subnetGroup
	tasks         map[string]ecsTask // by target
}

func newKnownStores() knownStores {
	return knownStores{
		map[string]cacheGroup{},
		map[string]cacheCluster{},
		map[string]subnetGroup{},
		map[string]serverlessCache{},
		map[string]memoryCluster{},
		map[string]subnetGroup{},
		map[string]ecsTask{},
	}
}

// addStores keeps a page and gives every database that it may have changed.
func (k *known) addStores(p storePage, profile int) (out []aws.Database) {
	s := &k.stores
	for _, g := range p.groups {
		s.groups[g.ID] = g
		k.see("cache "+g.ID, profile)
	}
	for _, n := range p.nodes {
		s.nodes[n.ID] = n
		k.see("cache node "+n.ID, profile)
	}
	for _, g := range p.cacheSubnets {
		s.cacheSubnets[g.name] = g
		k.learn(g.vpc, g.subnets)
	}
	for _, c := range p.serverless {
		s.serverless[c.Name] = c
		k.see("serverless "+c.Name, profile)
	}
	for _, m := range p.memory {
		s.memory[m.Name] = m
		k.see("memory "+m.Name, profile)
	}
	for _, g := range p.memorySubnets {
		s.memorySubnets[g.name] = g
		k.learn(g.vpc, g.subnets)
	}
	if len(p.groups)+len(p.nodes)+len(p.cacheSubnets) > 0 {
		out = append(out, k.cacheDatabases()...)
	}
	if len(p.memory)+len(p.memorySubnets) > 0 {
		out = append(out, k.memoryDatabases()...)
	}
	for _, w := range p.warehouses {
		k.see("warehouse "+w.ID, profile)
		out = append(out, k.warehouse(w))
	}
	for _, w := range p.workgroups {
		k.see("workgroup "+w.WorkgroupName, profile)
		out = append(out, k.workgroup(w))
	}
	for _, d := range p.domains {
		if d.VPCOptions == nil {
			continue // a public domain needs no tunnel
		}
		k.see("domain "+d.DomainName, profile)
		out = append(out, k.domain(d))
	}
	return append(out, k.serverlessDatabases(p)...)
}

func (k *known) store(service, id string, role aws.Role, seen string) aws.Database {
	d := k.noun(id, role, seen)
	d.Service = service
	return d
}

// endpoint is a as a noun, the empty one where an answer has none.
func (a *address) endpoint() aws.Endpoint {
	if a == nil {
		return aws.Endpoint{}
	}
	return aws.Endpoint{Host: a.Address, Port: a.Port}
}

func tlsOf(on bool, preferred bool) aws.TLS {
	switch {
	case !on:
		return aws.TLSOff
	case preferred:
		return aws.TLSPreferred
	}
	return aws.TLSRequired
}

// cacheDatabases are the endpoints of replication groups, and the clusters that belong to none. Version and security groups of
// a group are in its members, its network in the members' subnet group.
func (k *known) cacheDatabases() (out []aws.Database) {
	for _, id := range slices.Sorted(maps.Keys(k.stores.groups)) {
		g := k.stores.groups[id]
		d := k.store("elasticache", id, aws.RoleWriter, "cache "+id)
		d.Cluster, d.Engine, d.Status, d.ARN = id, cmp.Or(g.Engine, "redis"), g.Status, g.ARN
		d.MultiAZ = g.MultiAZ == "enabled"
		d.TLS = tlsOf(g.Encrypted, g.EncryptedMode == "preferred")
		for _, member := range g.Members {
			if n, ok := k.stores.nodes[member]; ok {
				k.fromNode(&d, n)
			}
		}
		if g.Configuration != nil {
			d.Role, d.Endpoint = aws.RoleConfig, g.Configuration.endpoint()
			out = append(out, d)
			continue
		}
		var reader *address
		if len(g.Shards) > 0 {
			d.Endpoint, reader = g.Shards[0].Primary.endpoint(), g.Shards[0].Reader
		}
		out = append(out, d)
		if reader.endpoint().Host != "" {
			d.Role, d.Endpoint = aws.RoleReader, reader.endpoint()
			out = append(out, d)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(k.stores.nodes)) {
		n := k.stores.nodes[id]
		if n.Group != "" {
			continue
		}
		d := k.store("elasticache", id, aws.RoleInstance, "cache node "+id)
		d.Engine, d.Status, d.ARN, d.AZ = n.Engine, n.Status, n.ARN, n.AZ
		d.TLS = tlsOf(n.Encrypted, n.EncryptedMode == "preferred")
		k.fromNode(&d, n)
		if len(n.Nodes) > 0 {
			d.Endpoint = n.Nodes[0].Endpoint.endpoint()
		}
		if n.Configuration != nil {
			d.Role, d.Endpoint = aws.RoleConfig, n.Configuration.endpoint()
		}
		out = append(out, d)
	}
	return out
}

// fromNode completes d by one of its nodes.
func (k *known) fromNode(d *aws.Database, n cacheCluster) {
	d.EngineVersion = n.EngineVersion
	d.Groups = unique(append(d.Groups, n.Groups...))
	if g, ok := k.stores.cacheSubnets[n.SubnetGroup]; ok {
		d.VPC, d.Subnets = g.vpc, unique(slices.Clone(g.subnets))
	}
}

// serverlessDatabases are the serverless caches of the page, and all of them when the page has taught where a subnet is: they
// name their subnets alone.
func (k *known) serverlessDatabases(p storePage) (out []aws.Database) {
	ids := slices.Sorted(maps.Keys(k.stores.serverless))
	if len(p.serverless) == 0 && !k.taught {
		return nil
	}
	for _, id := range ids {
		c := k.stores.serverless[id]
		d := k.store("elasticache", id, aws.RoleWriter, "serverless "+id)
		d.Engine, d.EngineVersion = c.Engine, cmp.Or(c.FullVersion, c.MajorVersion)
		d.Status, d.ARN, d.TLS, d.MultiAZ = c.Status, c.ARN, aws.TLSRequired, true
		d.Groups, d.Subnets = unique(slices.Clone(c.Groups)), unique(slices.Clone(c.Subnets))
		d.VPC, d.Endpoint = k.vpcOf(c.Subnets), c.Endpoint.endpoint()
		out = append(out, d)
		if c.Reader.endpoint().Host != "" {
			d.Role, d.Endpoint = aws.RoleReader, c.Reader.endpoint()
			out = append(out, d)
		}
	}
	return out
}

func (k *known) memoryDatabases() (out []aws.Database) {
	for _, id := range slices.Sorted(maps.Keys(k.stores.memory)) {
		m := k.stores.memory[id]
		d := k.store("memorydb", id, aws.RoleConfig, "memory "+id)
		d.Engine, d.EngineVersion = cmp.Or(m.Engine, "redis"), m.EngineVersion
		d.Status, d.ARN, d.TLS, d.MultiAZ = m.Status, m.ARN, tlsOf(m.TLSEnabled, false), strings.EqualFold(m.AvailabilityMode, "multiaz")
		d.Endpoint = m.ClusterEndpoint.endpoint()
		for _, g := range m.SecurityGroups {
			d.Groups = append(d.Groups, g.SecurityGroupID)
		}
		if g, ok := k.stores.memorySubnets[m.SubnetGroupName]; ok {
			d.VPC, d.Subnets = g.vpc, unique(slices.Clone(g.subnets))
		}
		out = append(out, d)
	}
	return out
}

func (k *known) warehouse(w warehouse) aws.Database {
	id := w.ID
	d := k.store("redshift", id, aws.RoleInstance, "warehouse "+id)
	d.Engine, d.EngineVersion = "redshift", w.Version
	d.Status, d.ARN, d.VPC, d.AZ = w.Status, w.ARN, w.VpcID, w.AZ
	d.Secret, d.IAMAuth = w.Secret, true // redshift:GetClusterCredentialsWithIAM
	d.Endpoint, d.Groups = w.Endpoint.endpoint(), w.Groups
	for _, tag := range w.Tags {
		if d.Tags == nil {
			d.Tags = map[string]string{}
		}
		d.Tags[tag.Key] = tag.Value
	}
	return d
}

func (k *known) workgroup(w workgroup) aws.Database {
	d := k.store("redshift-serverless", w.WorkgroupName, aws.RoleInstance, "workgroup "+w.WorkgroupName)
	d.Engine, d.EngineVersion = "redshift", w.WorkgroupVersion
	d.Status, d.ARN, d.IAMAuth = strings.ToLower(w.Status), w.WorkgroupARN, true // redshift-serverless:GetCredentials
	d.Groups, d.Subnets, d.VPC = unique(slices.Clone(w.SecurityGroupIDs)), unique(slices.Clone(w.SubnetIDs)), k.vpcOf(w.SubnetIDs)
	if w.Endpoint != nil {
		d.Endpoint = aws.Endpoint{Host: w.Endpoint.Address, Port: w.Endpoint.Port}
		for _, e := range w.Endpoint.VpcEndpoints {
			d.VPC = cmp.Or(e.VpcID, d.VPC)
		}
	}
	return d
}

func (k *known) domain(s searchDomain) aws.Database {
	d := k.store("es", s.DomainName, aws.RoleInstance, "domain "+s.DomainName)
	d.Engine, d.EngineVersion = "opensearch", s.EngineVersion
	if kind, version, ok := strings.Cut(d.EngineVersion, "_"); ok {
		d.Engine, d.EngineVersion = strings.ToLower(kind), version
	}
	d.ARN, d.VPC = s.ARN, s.VPCOptions.VPCID
	d.Groups, d.Subnets = unique(slices.Clone(s.VPCOptions.SecurityGroupIDs)), unique(slices.Clone(s.VPCOptions.SubnetIDs))
	d.Endpoint.Host, d.Endpoint.Port, d.IAMAuth = s.Endpoints["vpc"], 443, true
	switch {
	case s.Deleted:
		d.Status = "deleting"
	case d.Endpoint.Host == "":
		d.Status = "creating"
	default:
		d.Status = "available" // a domain that is being changed serves on
	}
	d.TLS = tlsOf(true, s.DomainEndpointOptions != nil && !s.DomainEndpointOptions.EnforceHTTPS)
	return d
}

// tasksOf keeps a page of tasks and gives the targets whose nouns may have changed. A task without execute-command has no agent.
func (k *known) tasksOf(p storePage, profile int) []string {
	for _, t := range p.tasks {
		for _, c := range t.Containers {
			if !t.EnableExecuteCommand || c.RuntimeID == "" {
				continue
			}
			target := "ecs:" + lastPart(t.ClusterARN) + "_" + lastPart(t.TaskARN) + "_" + c.RuntimeID
			one := t
			one.Containers = []ecsContainer{c}
			k.stores.tasks[target] = one
			k.see("task "+target, profile)
		}
	}
	if len(p.tasks) == 0 && !k.taught {
		return nil
	}
	return slices.Sorted(maps.Keys(k.stores.tasks))
}

// task is a container as a carrier.
func (k *known) task(target string) aws.Instance {
	t := k.stores.tasks[target]
	c := t.Containers[0]
	i := aws.Instance{
		ID: target, Name: strings.TrimPrefix(t.Group, "service:"), PingStatus: "Inactive", Platform: "Linux", State: strings.ToLower(t.LastStatus),
		AZ: t.AvailabilityZone, Account: k.account.ID, Region: k.account.Region, Profiles: k.profiles("task " + target),
	}
	if i.Name != c.Name {
		i.Name += "/" + c.Name
	}
	for _, a := range c.ManagedAgents {
		if a.Name == "ExecuteCommandAgent" && a.LastStatus == "RUNNING" {
			i.PingStatus = "Online"
		}
	}
	for _, a := range t.Attachments {
		for _, d := range a.Details {
			switch d.Name {
			case "subnetId":
				i.Subnet = d.Value
			case "privateIPv4Address":
				i.IP = d.Value
			}
		}
	}
	i.VPC = k.vpcOf([]string{i.Subnet})
	return i
}
