package api

import (
	"slices"
	"strings"

	"github.com/rdsx/rdsx/sim/world"
)

type memberView struct {
	ID        string `xml:"DBInstanceIdentifier"`
	Writer    bool   `xml:"IsClusterWriter"`
	Parameter string `xml:"DBClusterParameterGroupStatus"`
	Tier      int    `xml:"PromotionTier"`
}

type clusterView struct {
	ID             string `xml:"DBClusterIdentifier"`
	ARN            string `xml:"DBClusterArn"`
	Status         string `xml:"Status"`
	Engine         string
	EngineVersion  string
	EngineMode     string
	DatabaseName   string          `xml:",omitempty"`
	Endpoint       string          `xml:",omitempty"`
	ReaderEndpoint string          `xml:",omitempty"`
	Custom         members[string] `xml:"CustomEndpoints"`
	Port           int
	MultiAZ        bool
	MasterUsername string
	SubnetGroup    string `xml:"DBSubnetGroup"` // the name only
	Parameters     string `xml:"DBClusterParameterGroup"`
	AZs            struct {
		Names []string `xml:"AvailabilityZone"`
	} `xml:"AvailabilityZones"`
	Members struct {
		Items []memberView `xml:"DBClusterMember"`
	} `xml:"DBClusterMembers"`
	Groups      []rdsGroup `xml:"VpcSecurityGroups>VpcSecurityGroupMembership"`
	HostedZone  string     `xml:"HostedZoneId"`
	Encrypted   bool       `xml:"StorageEncrypted"`
	ResourceID  string     `xml:"DbClusterResourceId"`
	IAMAuth     bool       `xml:"IAMDatabaseAuthenticationEnabled"`
	Created     string     `xml:"ClusterCreateTime"`
	Retention   int        `xml:"BackupRetentionPeriod"`
	NetworkType string
	Secret      *rdsSecret `xml:"MasterUserSecret"`
	Tags        rdsTags    `xml:"TagList"`
}

func describeDBClusters(c *call) (any, error) {
	r := c.region()
	var all []clusterView
	wanted := identifier(c.form.Get("DBClusterIdentifier"))
	for _, d := range r.DBClusters {
		if wanted != "" && strings.ToLower(d.ID) != wanted {
			continue
		}
		ok, err := rdsFilter(c, func(name string) []string {
			return map[string][]string{
				"db-cluster-id": {d.ID}, "db-cluster-resource-id": {d.ResourceID}, "engine": {d.Engine}, "clone-group-id": {"-"}, "domain": {"-"},
			}[name]
		})
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, c.cluster(r, d))
		}
	}
	if wanted != "" && len(all) == 0 {
		return nil, missing("DBClusterNotFoundFault", "DBCluster %s not found.", wanted)
	}
	slices.SortFunc(all, func(a, b clusterView) int { return strings.Compare(a.ID, b.ID) })
	return listed(c, "DBClusters", "DBCluster", all)
}

func (c *call) cluster(r world.Region, d world.DBCluster) clusterView {
	v := clusterView{
		ID: d.ID, ARN: c.fill("arn:aws:rds:{region}:{account}:cluster:" + d.ID), Status: d.Status, Engine: d.Engine, EngineVersion: d.EngineVersion,
		EngineMode: d.EngineMode, DatabaseName: d.DBName, Endpoint: d.Endpoint, ReaderEndpoint: d.ReaderEndpoint, Port: d.Port, MasterUsername: d.MasterUser,
		SubnetGroup: d.SubnetGroup, Groups: rdsGroups(d.Groups), HostedZone: hostedZone, Encrypted: true, ResourceID: d.ResourceID, IAMAuth: d.IAMAuth,
		Created: isoTime(c.ago(400 * 24 * 3600e9)), Retention: 7, NetworkType: "IPV4", Tags: tagsOf(d.Tags),
	}
	v.Parameters = parameterGroup(d)
	for _, e := range d.Custom {
		v.Custom.Items = append(v.Custom.Items, e.Endpoint)
	}
	for _, s := range c.subnetGroup(r, "", d.Subnets).Subnets {
		v.AZs.Names = append(v.AZs.Names, s.AZ)
	}
	for _, m := range r.DBInstances {
		if m.Cluster == d.ID {
			v.Members.Items = append(v.Members.Items, memberView{m.ID, m.ID == d.Writer, "in-sync", 1})
		}
	}
	v.MultiAZ = len(v.Members.Items) > 1
	if d.MasterSecret {
		v.Secret = c.secret("cluster", d.ResourceID)
	}
	return v
}

type clusterEndpointView struct {
	ID         string          `xml:"DBClusterEndpointIdentifier,omitempty"` // custom endpoints only
	Cluster    string          `xml:"DBClusterIdentifier"`
	ResourceID string          `xml:"DBClusterEndpointResourceIdentifier,omitempty"`
	Endpoint   string          `xml:"Endpoint"`
	Status     string          `xml:"Status"`
	Type       string          `xml:"EndpointType"`
	CustomType string          `xml:"CustomEndpointType,omitempty"`
	Static     members[string] `xml:"StaticMembers"`
	Excluded   members[string] `xml:"ExcludedMembers"`
	ARN        string          `xml:"DBClusterEndpointArn,omitempty"`
}

// describeDBClusterEndpoints lists writer and reader of each cluster, which have no identifier, and its custom endpoints.
func describeDBClusterEndpoints(c *call) (any, error) {
	var all []clusterEndpointView
	cluster, wanted := identifier(c.form.Get("DBClusterIdentifier")), identifier(c.form.Get("DBClusterEndpointIdentifier"))
	known := cluster == ""
	for _, d := range c.region().DBClusters {
		if cluster != "" && strings.ToLower(d.ID) != cluster {
			continue
		}
		known = true
		for _, e := range c.clusterEndpoints(d) {
			if wanted != "" && strings.ToLower(e.ID) != wanted {
				continue
			}
			ok, err := rdsFilter(c, func(name string) []string {
				return map[string][]string{
					"db-cluster-endpoint-type": {strings.ToLower(e.Type), e.Type}, "db-cluster-endpoint-custom-type": {strings.ToLower(e.CustomType), e.CustomType},
					"db-cluster-endpoint-id": {e.ID}, "db-cluster-endpoint-status": {e.Status},
				}[name]
			})
			if err != nil {
				return nil, err
			}
			if ok {
				all = append(all, e)
			}
		}
	}
	if !known {
		return nil, missing("DBClusterNotFoundFault", "DBCluster %s not found.", cluster)
	}
	return listed(c, "DBClusterEndpoints", "DBClusterEndpointList", all)
}

func (c *call) clusterEndpoints(d world.DBCluster) []clusterEndpointView {
	all := []clusterEndpointView{
		{Cluster: d.ID, Endpoint: d.Endpoint, Status: d.Status, Type: "WRITER"},
		{Cluster: d.ID, Endpoint: d.ReaderEndpoint, Status: d.Status, Type: "READER"},
	}
	for _, e := range d.Custom {
		all = append(all, clusterEndpointView{
			ID: e.ID, Cluster: d.ID, ResourceID: strings.ToUpper(made("cluster-endpoint-", e.ID)), Endpoint: e.Endpoint, Status: e.Status, Type: "CUSTOM",
			CustomType: e.Type, Static: members[string]{e.Members}, ARN: c.fill("arn:aws:rds:{region}:{account}:cluster-endpoint:" + e.ID),
		})
	}
	return all
}
