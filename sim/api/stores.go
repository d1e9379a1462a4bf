package api

import (
	"net/http"
	"slices"

	"github.com/rdsx/rdsx/sim/world"
)

func memorydbService() *service {
	const arn = "arn:aws:memorydb:{region}:{account}:"
	return &service{name: "memorydb", wire: jsonWire{"AmazonMemoryDB"}, operations: map[string]operation{
		"DescribeClusters":     jsonOp(arn+"cluster/*", describeMemoryClusters),
		"DescribeSubnetGroups": jsonOp(arn+"subnetgroup/*", describeMemorySubnets),
	}}
}

type jsonGroup struct {
	SecurityGroupID string `json:"SecurityGroupId"`
	Status          string
}

func jsonGroups(ids []string) []jsonGroup {
	all := []jsonGroup{}
	for _, id := range ids {
		all = append(all, jsonGroup{id, "active"})
	}
	return all
}

type memoryClusterView struct {
	Name, Status, Engine, EngineVersion, SubnetGroupName, ARN string
	NumberOfShards                                            int
	ClusterEndpoint                                           *address
	SecurityGroups                                            []jsonGroup
	TLSEnabled                                                bool
}

func memorySubnets(m world.MemoryDB) string { return m.SubnetGroup + "-" + m.ID }

func describeMemoryClusters(c *call, in tokens) (any, error) {
	var all []memoryClusterView
	for _, m := range c.region().MemoryDBs {
		all = append(all, memoryClusterView{
			Name: m.ID, Status: m.Status, Engine: m.Engine, EngineVersion: m.EngineVersion, SubnetGroupName: memorySubnets(m), NumberOfShards: m.Shards,
			ARN: c.fill("arn:aws:memorydb:{region}:{account}:cluster/" + m.ID), ClusterEndpoint: addressOf(m.Endpoint, m.Port), SecurityGroups: jsonGroups(m.Groups), TLSEnabled: !m.PlainText,
		})
	}
	return paged(c, in, 100, "Clusters", "NextToken", all)
}

type jsonSubnet struct {
	Identifier       string
	AvailabilityZone struct{ Name string }
}

type memorySubnetView struct {
	Name    string
	VPC     string `json:"VpcId"`
	Subnets []jsonSubnet
}

func describeMemorySubnets(c *call, in tokens) (any, error) {
	r := c.region()
	var all []memorySubnetView
	for _, m := range r.MemoryDBs {
		g := c.subnetGroup(r, memorySubnets(m), m.Subnets)
		v := memorySubnetView{Name: g.Name, VPC: g.VPC}
		for _, s := range g.Subnets {
			v.Subnets = append(v.Subnets, jsonSubnet{s.ID, struct{ Name string }{s.AZ}})
		}
		all = append(all, v)
	}
	return paged(c, in, 100, "SubnetGroups", "NextToken", all)
}

func redshiftService() *service {
	return &service{name: "redshift", wire: queryWire{xmlns: "http://redshift.amazonaws.com/doc/2012-12-01/"}, operations: map[string]operation{
		"DescribeClusters": {"arn:aws:redshift:{region}:{account}:cluster:*", describeWarehouses},
	}}
}

type warehouseView struct {
	ID      string   `xml:"ClusterIdentifier"`
	Status  string   `xml:"ClusterStatus"`
	Node    string   `xml:"NodeType"`
	User    string   `xml:"MasterUsername"`
	DBName  string   `xml:"DBName"`
	End     *address `xml:"Endpoint"`
	Version string   `xml:"ClusterVersion"`
	AZ      string   `xml:"AvailabilityZone,omitempty"`
	VPC     string   `xml:"VpcId"`
	Public  bool     `xml:"PubliclyAccessible"`
	Subnets string   `xml:"ClusterSubnetGroupName"`
	ARN     string   `xml:"ClusterNamespaceArn"`
	Secret  string   `xml:"MasterPasswordSecretArn,omitempty"`
	Groups  struct {
		Items []rdsGroup `xml:"VpcSecurityGroup"`
	} `xml:"VpcSecurityGroups"`
	Tags rdsTags `xml:"Tags"`
}

func describeWarehouses(c *call) (any, error) {
	r := c.region()
	var all []warehouseView
	for _, w := range r.Warehouses {
		if w.Serverless {
			continue
		}
		v := warehouseView{
			ID: w.ID, Status: w.Status, Node: "ra3.large", User: w.MasterUser, DBName: w.DBName, End: addressOf(w.Endpoint, w.Port), Version: "1.0", AZ: w.AZ,
			VPC: c.subnetGroup(r, "", w.Subnets).VPC, Subnets: "default", ARN: c.fill("arn:aws:redshift:{region}:{account}:namespace:" + made("", w.ID)), Tags: tagsOf(w.Tags),
		}
		if w.MasterSecret {
			v.Secret = c.fill("arn:aws:secretsmanager:{region}:{account}:secret:redshift!" + w.ID + "-" + w.MasterUser)
		}
		v.Groups.Items = rdsGroups(w.Groups)
		all = append(all, v)
	}
	return listed(c, "Clusters", "Cluster", all)
}

func serverlessService() *service {
	return &service{name: "redshift-serverless", wire: jsonWire{"RedshiftServerless"}, operations: map[string]operation{
		"ListWorkgroups": jsonOp("arn:aws:redshift-serverless:{region}:{account}:workgroup/*", listWorkgroups),
	}}
}

type workgroupEndpoint struct {
	Address string        `json:"address"`
	Port    int           `json:"port"`
	VPCs    []workgroupIn `json:"vpcEndpoints"`
}

type workgroupIn struct {
	VPC string `json:"vpcId"`
}

type workgroupView struct {
	Name      string            `json:"workgroupName"`
	ARN       string            `json:"workgroupArn"`
	Namespace string            `json:"namespaceName"`
	Status    string            `json:"status"`
	Endpoint  workgroupEndpoint `json:"endpoint"`
	Groups    []string          `json:"securityGroupIds"`
	Subnets   []string          `json:"subnetIds"`
	Public    bool              `json:"publiclyAccessible"`
}

func listWorkgroups(c *call, in tokens) (any, error) {
	r := c.region()
	var all []workgroupView
	for _, w := range r.Warehouses {
		if w.Serverless {
			all = append(all, workgroupView{
				Name: w.ID, ARN: c.fill("arn:aws:redshift-serverless:{region}:{account}:workgroup/" + made("", w.ID)), Namespace: w.ID, Status: w.Status,
				Endpoint: workgroupEndpoint{w.Endpoint, w.Port, []workgroupIn{{c.subnetGroup(r, "", w.Subnets).VPC}}}, Groups: w.Groups, Subnets: w.Subnets,
			})
		}
	}
	return paged(c, in, 100, "workgroups", "nextToken", all)
}

func searchService() *service {
	wire := restWire{map[string]string{"GET /2021-01-01/domain": "ListDomainNames", "POST /2021-01-01/opensearch/domain-info": "DescribeDomains"}}
	return &service{name: "es", wire: wire, operations: map[string]operation{
		"ListDomainNames": {"*", listDomainNames},
		"DescribeDomains": jsonOp("", describeDomains),
	}}
}

type domainName struct{ DomainName, EngineType string }

func listDomainNames(c *call) (any, error) {
	all := []domainName{}
	for _, d := range c.region().SearchDomains {
		all = append(all, domainName{d.Name, "OpenSearch"})
	}
	return struct{ DomainNames []domainName }{all}, nil
}

type domainView struct {
	DomainID                       string `json:"DomainId"`
	DomainName, ARN, EngineVersion string
	Created, Deleted, Processing   bool
	Endpoints                      map[string]string `json:",omitempty"`
	VPCOptions                     domainNetwork
	DomainEndpointOptions          struct{ EnforceHTTPS bool }
}

type domainNetwork struct {
	VPCId             string //nolint:revive // AWS's spelling
	SubnetIds         []string
	SecurityGroupIds  []string
	AvailabilityZones []string
}

// describeDomains takes five names at most.
func describeDomains(c *call, in struct{ DomainNames []string }) (any, error) {
	if n := len(in.DomainNames); n < 1 || n > 5 {
		return nil, &Error{"ValidationException", "1 to 5 domain names can be given", http.StatusBadRequest}
	}
	r := c.region()
	all := []domainView{}
	for _, d := range r.SearchDomains {
		if !slices.Contains(in.DomainNames, d.Name) {
			continue
		}
		arn := c.fill("arn:aws:es:{region}:{account}:domain/" + d.Name)
		if err := c.permit("es:DescribeDomains", arn, nil); err != nil {
			return nil, err
		}
		v := domainView{
			DomainID: c.place.Account + "/" + d.Name, DomainName: d.Name, ARN: arn, EngineVersion: d.Version, Created: !d.Creating, Processing: d.Creating,
			VPCOptions: domainNetwork{c.subnetGroup(r, "", d.Subnets).VPC, d.Subnets, d.Groups, []string{zone(r, d.Subnets)}},
		}
		v.DomainEndpointOptions.EnforceHTTPS = true
		if !d.Creating {
			v.Endpoints = map[string]string{"vpc": d.Endpoint}
		}
		all = append(all, v)
	}
	return struct{ DomainStatusList []domainView }{all}, nil
}
