package discover

import (
	"reflect"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/rdsx/rdsx/aws"
)

// known is what the answers about one account and region have told so far, through whichever profile. Answers come in any order
// and complete each other; add gives what became new or different by one page. It is not safe for concurrent use.
type known struct {
	account        aws.Account
	names          []string // of the profiles that ask, in the user's order
	nodes          map[string]ssmtypes.InstanceInformation
	states         map[string]string  // of EC2, as Systems Manager knows them
	machines       map[string]machine // EC2's part
	members        map[string]aws.Database
	clusters       map[string]rdstypes.DBCluster
	babelfish      map[string]int                                   // port by cluster
	endpoints      map[string]map[string]rdstypes.DBClusterEndpoint // by cluster, then by identifier
	proxies        map[string]rdstypes.DBProxy
	proxyEndpoints map[string]map[string]rdstypes.DBProxyEndpoint // by proxy, then by name
	stores         knownStores
	subnets        map[string]string // VPC by subnet, as far as any answer has told
	taught         bool              // the page has told of a subnet that was not known
	seen           map[string][]int  // which profiles have seen a thing
	sentInstances  map[string]aws.Instance
	sentDatabases  map[string]aws.Database
}

// newKnown knows nothing. names are those of the profiles; add is told which of them has asked.
func newKnown(of aws.Account, names ...string) *known {
	return &known{
		account:        of,
		names:          names,
		nodes:          map[string]ssmtypes.InstanceInformation{},
		states:         map[string]string{},
		machines:       map[string]machine{},
		members:        map[string]aws.Database{},
		clusters:       map[string]rdstypes.DBCluster{},
		babelfish:      map[string]int{},
		endpoints:      map[string]map[string]rdstypes.DBClusterEndpoint{},
		proxies:        map[string]rdstypes.DBProxy{},
		proxyEndpoints: map[string]map[string]rdstypes.DBProxyEndpoint{},
		stores:         newKnownStores(),
		subnets:        map[string]string{},
		seen:           map[string][]int{},
		sentInstances:  map[string]aws.Instance{},
		sentDatabases:  map[string]aws.Database{},
	}
}

// add takes in a page that a profile was given.
func (k *known) add(p page, profile int) Result {
	var r Result
	k.taught = false
	touched := k.addInstances(p, profile)
	databases := append(k.addDatabases(p, profile), k.addStores(p.stores, profile)...)
	var instances []aws.Instance
	for _, id := range touched {
		if _, ok := k.nodes[id]; ok { // else EC2 knows it and Systems Manager does not
			instances = append(instances, k.instance(id))
		}
	}
	for _, target := range k.tasksOf(p.stores, profile) {
		instances = append(instances, k.task(target))
	}
	for _, i := range instances {
		if old, sent := k.sentInstances[i.ID]; !sent || !reflect.DeepEqual(old, i) {
			k.sentInstances[i.ID] = i
			r.Instances = append(r.Instances, i)
		}
	}
	for _, d := range databases {
		if old, sent := k.sentDatabases[Key(d)]; !sent || !reflect.DeepEqual(old, d) {
			k.sentDatabases[Key(d)] = d
			r.Databases = append(r.Databases, d)
		}
	}
	return r
}

// see notes that a profile has been told of a thing.
func (k *known) see(what string, profile int) {
	at, found := slices.BinarySearch(k.seen[what], profile)
	if !found {
		k.seen[what] = slices.Insert(k.seen[what], at, profile)
	}
}

// profiles are those that have seen a thing, in the user's order; credentials of the environment have no name.
func (k *known) profiles(what string) []string {
	var all []string
	for _, n := range k.seen[what] {
		if n < len(k.names) && k.names[n] != "" {
			all = append(all, k.names[n])
		}
	}
	return all
}

// learn notes where subnets are: some answers name a subnet and no VPC.
func (k *known) learn(vpc string, subnets []string) {
	for _, id := range subnets {
		if vpc != "" && id != "" && k.subnets[id] == "" {
			k.subnets[id] = vpc
			k.taught = true
		}
	}
}

func (k *known) vpcOf(subnets []string) string {
	for _, id := range subnets {
		if vpc := k.subnets[id]; vpc != "" {
			return vpc
		}
	}
	return ""
}

// addInstances keeps a page of nodes or machines and gives the ids that it tells of.
func (k *known) addInstances(p page, profile int) []string {
	var touched []string
	for _, property := range p.properties {
		k.states[sdk.ToString(property.InstanceId)] = sdk.ToString(property.InstanceState)
		p.nodes = append(p.nodes, information(property))
	}
	for _, node := range p.nodes {
		id := sdk.ToString(node.InstanceId)
		k.nodes[id] = node
		k.see("node "+id, profile)
		touched = append(touched, id)
	}
	for _, reservation := range p.machines {
		for _, m := range reservation.Instances {
			id := sdk.ToString(m.InstanceId)
			one := machineOf(m)
			k.machines[id] = one
			k.learn(one.vpc, []string{one.subnet})
			touched = append(touched, id)
		}
	}
	return touched
}

// information is what both lists of Systems Manager tell of a node.
func information(p ssmtypes.InstanceProperty) ssmtypes.InstanceInformation {
	return ssmtypes.InstanceInformation{
		InstanceId: p.InstanceId, Name: p.Name, ComputerName: p.ComputerName, PingStatus: p.PingStatus, LastPingDateTime: p.LastPingDateTime,
		AgentVersion: p.AgentVersion, PlatformType: p.PlatformType, IPAddress: p.IPAddress,
	}
}

// machine is what EC2 tells of an instance. The SDK's own type is ten times as large.
type machine struct {
	state, az, vpc, subnet, ip string
	groups                     []string
	tags                       map[string]string
}

func machineOf(m ec2types.Instance) machine {
	one := machine{vpc: sdk.ToString(m.VpcId), subnet: sdk.ToString(m.SubnetId), ip: sdk.ToString(m.PrivateIpAddress), groups: groupsOf(m)}
	if m.State != nil {
		one.state = string(m.State.Name)
	}
	if m.Placement != nil {
		one.az = sdk.ToString(m.Placement.AvailabilityZone)
	}
	for _, tag := range m.Tags {
		if one.tags == nil {
			one.tags = make(map[string]string, len(m.Tags))
		}
		one.tags[sdk.ToString(tag.Key)] = sdk.ToString(tag.Value)
	}
	return one
}

// addDatabases keeps a page of RDS's and gives every database that it may have changed.
func (k *known) addDatabases(p page, profile int) []aws.Database {
	var out []aws.Database
	var clusters, proxies []string
	for _, db := range p.instances {
		id := sdk.ToString(db.DBInstanceIdentifier)
		k.see("instance "+id, profile)
		d := k.database(db)
		if d.Cluster != "" {
			k.members[id] = d
		}
		k.learn(d.VPC, d.Subnets)
		out = append(out, d)
		clusters = append(clusters, d.Cluster)
	}
	for _, cluster := range p.clusters {
		id := sdk.ToString(cluster.DBClusterIdentifier)
		k.clusters[id] = cluster
		k.see("cluster "+id, profile)
		clusters = append(clusters, id)
	}
	for id, port := range p.babelfish {
		k.babelfish[id] = port
		clusters = append(clusters, id)
	}
	for _, e := range p.endpoints {
		if id := sdk.ToString(e.DBClusterEndpointIdentifier); id != "" {
			put(k.endpoints, sdk.ToString(e.DBClusterIdentifier), id, e)
			clusters = append(clusters, sdk.ToString(e.DBClusterIdentifier))
		}
	}
	for _, proxy := range p.proxies {
		id := sdk.ToString(proxy.DBProxyName)
		k.proxies[id] = proxy
		k.see("proxy "+id, profile)
		proxies = append(proxies, id)
	}
	for _, e := range p.proxyEndpoints {
		put(k.proxyEndpoints, sdk.ToString(e.DBProxyName), sdk.ToString(e.DBProxyEndpointName), e)
		proxies = append(proxies, sdk.ToString(e.DBProxyName))
	}
	for _, id := range unique(clusters) {
		out = append(out, k.clusterDatabases(id)...)
	}
	for _, id := range unique(proxies) {
		out = append(out, k.proxyDatabases(id)...)
	}
	return out
}

func put[T any](m map[string]map[string]T, outer, inner string, v T) {
	if m[outer] == nil {
		m[outer] = map[string]T{}
	}
	m[outer][inner] = v
}

// unique sorts ids and drops doubles and empty ones.
func unique(ids []string) []string {
	slices.Sort(ids)
	return slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return id == "" })
}
