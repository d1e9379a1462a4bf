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

// known is what the answers have told so far. Answers come in any order and complete each other; add gives what became
// new or different by one page. It is not safe for concurrent use.
type known struct {
	account        aws.Account
	nodes          map[string]ssmtypes.InstanceInformation
	machines       map[string]ec2types.Instance
	instances      map[string]rdstypes.DBInstance
	clusters       map[string]rdstypes.DBCluster
	endpoints      map[string]map[string]rdstypes.DBClusterEndpoint // by cluster, then by identifier
	proxies        map[string]rdstypes.DBProxy
	proxyEndpoints map[string]map[string]rdstypes.DBProxyEndpoint // by proxy, then by name
	sentInstances  map[string]aws.Instance
	sentDatabases  map[string]aws.Database
}

func newKnown(of aws.Account) *known {
	return &known{
		account:        of,
		nodes:          map[string]ssmtypes.InstanceInformation{},
		machines:       map[string]ec2types.Instance{},
		instances:      map[string]rdstypes.DBInstance{},
		clusters:       map[string]rdstypes.DBCluster{},
		endpoints:      map[string]map[string]rdstypes.DBClusterEndpoint{},
		proxies:        map[string]rdstypes.DBProxy{},
		proxyEndpoints: map[string]map[string]rdstypes.DBProxyEndpoint{},
		sentInstances:  map[string]aws.Instance{},
		sentDatabases:  map[string]aws.Database{},
	}
}

func (k *known) add(p page) Result {
	var r Result
	for _, id := range k.addInstances(p) {
		if _, ok := k.nodes[id]; !ok {
			continue // EC2 knows it, Systems Manager does not
		}
		i := k.instance(id)
		if old, sent := k.sentInstances[id]; !sent || !reflect.DeepEqual(old, i) {
			k.sentInstances[id] = i
			r.Instances = append(r.Instances, i)
		}
	}
	for _, d := range k.addDatabases(p) {
		if old, sent := k.sentDatabases[Key(d)]; !sent || !reflect.DeepEqual(old, d) {
			k.sentDatabases[Key(d)] = d
			r.Databases = append(r.Databases, d)
		}
	}
	return r
}

// addInstances keeps a page of nodes or machines and gives the ids that it tells of.
func (k *known) addInstances(p page) []string {
	var touched []string
	for _, node := range p.nodes {
		id := sdk.ToString(node.InstanceId)
		k.nodes[id] = node
		touched = append(touched, id)
	}
	for _, reservation := range p.machines {
		for _, machine := range reservation.Instances {
			id := sdk.ToString(machine.InstanceId)
			k.machines[id] = machine
			touched = append(touched, id)
		}
	}
	return touched
}

// addDatabases keeps a page of RDS's and gives every database that it may have changed.
func (k *known) addDatabases(p page) []aws.Database {
	var out []aws.Database
	var clusters, proxies []string
	for _, db := range p.instances {
		k.instances[sdk.ToString(db.DBInstanceIdentifier)] = db
		out = append(out, k.database(db))
		clusters = append(clusters, sdk.ToString(db.DBClusterIdentifier))
	}
	for _, cluster := range p.clusters {
		id := sdk.ToString(cluster.DBClusterIdentifier)
		k.clusters[id] = cluster
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
