package api

import (
	"slices"
	"strings"

	"github.com/rdsx/rdsx/sim/world"
)

type dbInstanceView struct {
	ID               string `xml:"DBInstanceIdentifier"`
	Class            string `xml:"DBInstanceClass"`
	Engine           string
	Status           string       `xml:"DBInstanceStatus"`
	MasterUsername   string       `xml:"MasterUsername"`
	DBName           string       `xml:"DBName,omitempty"`
	Endpoint         *rdsEndpoint `xml:"Endpoint"`
	Storage          int          `xml:"AllocatedStorage"`
	Created          string       `xml:"InstanceCreateTime,omitempty"`
	Retention        int          `xml:"BackupRetentionPeriod"`
	Groups           []rdsGroup   `xml:"VpcSecurityGroups>VpcSecurityGroupMembership"`
	AZ               string       `xml:"AvailabilityZone,omitempty"`
	SubnetGroup      subnetGroup  `xml:"DBSubnetGroup"`
	MultiAZ          bool
	EngineVersion    string
	AutoMinorVersion bool   `xml:"AutoMinorVersionUpgrade"`
	ReplicaOf        string `xml:"ReadReplicaSourceDBInstanceIdentifier,omitempty"`
	Replicas         struct {
		IDs []string `xml:"ReadReplicaDBInstanceIdentifier"`
	} `xml:"ReadReplicaDBInstanceIdentifiers"`
	License     string `xml:"LicenseModel"`
	Public      bool   `xml:"PubliclyAccessible"`
	StorageType string
	DbPort      int          `xml:"DbInstancePort"` // 0 in every answer of RDS
	Cluster     string       `xml:"DBClusterIdentifier,omitempty"`
	Encrypted   bool         `xml:"StorageEncrypted"`
	ResourceID  string       `xml:"DbiResourceId"`
	CA          string       `xml:"CACertificateIdentifier"`
	Monitoring  int          `xml:"MonitoringInterval"`
	Tier        *int         `xml:"PromotionTier"`
	ARN         string       `xml:"DBInstanceArn"`
	IAMAuth     bool         `xml:"IAMDatabaseAuthenticationEnabled"`
	Protected   bool         `xml:"DeletionProtection"`
	Listener    *rdsEndpoint `xml:"ListenerEndpoint"`
	Tags        rdsTags      `xml:"TagList"`
	NetworkType string
	Secret      *rdsSecret `xml:"MasterUserSecret"`
}

func describeDBInstances(c *call) (any, error) {
	r := c.region()
	var all []dbInstanceView
	wanted := identifier(c.form.Get("DBInstanceIdentifier"))
	for _, d := range r.DBInstances {
		if wanted != "" && strings.ToLower(d.ID) != wanted {
			continue
		}
		ok, err := rdsFilter(c, func(name string) []string {
			return map[string][]string{
				"db-instance-id": {d.ID}, "db-cluster-id": {d.Cluster}, "dbi-resource-id": {d.ResourceID}, "engine": {d.Engine}, "domain": {"-"},
			}[name]
		})
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, c.dbInstance(r, d))
		}
	}
	if wanted != "" && len(all) == 0 {
		return nil, missing("DBInstanceNotFound", "DBInstance %s not found.", wanted)
	}
	slices.SortFunc(all, func(a, b dbInstanceView) int { return strings.Compare(a.ID, b.ID) })
	return listed(c, "DBInstances", "DBInstance", all)
}

func (c *call) dbInstance(r world.Region, d world.DBInstance) dbInstanceView {
	v := dbInstanceView{
		ID: d.ID, Class: d.Class, Engine: d.Engine, Status: d.Status, MasterUsername: d.MasterUser, DBName: d.DBName, Storage: d.AllocatedGB,
		Retention: 7, Groups: rdsGroups(d.Groups), AZ: d.AZ, SubnetGroup: c.subnetGroup(r, d.SubnetGroup, d.Subnets), MultiAZ: d.MultiAZ,
		EngineVersion: d.EngineVersion, AutoMinorVersion: true, ReplicaOf: d.ReplicaOf, License: license(d.Engine), Public: d.Public, StorageType: "gp3",
		Cluster: d.Cluster, Encrypted: true, ResourceID: d.ResourceID, CA: "rds-ca-rsa2048-g1", ARN: c.fill("arn:aws:rds:{region}:{account}:db:" + d.ID),
		IAMAuth: d.IAMAuth, Protected: d.DeleteProtected, Tags: tagsOf(d.Tags), NetworkType: "IPV4",
	}
	if d.Cluster != "" {
		one := 1
		v.Tier, v.StorageType, v.Storage = &one, "aurora", 1
	}
	if d.HasEndpoint() {
		v.Endpoint = &rdsEndpoint{d.Endpoint, d.Port, hostedZone}
		v.Created = isoTime(c.ago(400 * 24 * 3600e9))
	}
	if d.ListenerPort > 0 {
		v.Listener = &rdsEndpoint{d.Endpoint, d.ListenerPort, hostedZone}
	}
	if d.MasterSecret {
		v.Secret = c.secret("db", d.ResourceID)
	}
	for _, other := range r.DBInstances {
		if other.ReplicaOf == d.ID {
			v.Replicas.IDs = append(v.Replicas.IDs, other.ID)
		}
	}
	return v
}

func license(engine string) string {
	switch {
	case strings.Contains(engine, "postgres"):
		return "postgresql-license"
	case strings.HasPrefix(engine, "sqlserver"):
		return "license-included"
	case strings.HasPrefix(engine, "oracle"), strings.HasPrefix(engine, "db2"):
		return "bring-your-own-license"
	}
	return "general-public-license"
}

type rdsAuth struct {
	Scheme string `xml:"AuthScheme"`
	Secret string `xml:"SecretArn"`
	IAM    string `xml:"IAMAuth"`
}

type proxyView struct {
	Name     string           `xml:"DBProxyName"`
	ARN      string           `xml:"DBProxyArn"`
	Status   string           `xml:"Status"`
	Family   string           `xml:"EngineFamily"`
	VPC      string           `xml:"VpcId"`
	Groups   members[string]  `xml:"VpcSecurityGroupIds"`
	Subnets  members[string]  `xml:"VpcSubnetIds"`
	Auth     members[rdsAuth] `xml:"Auth"`
	Role     string           `xml:"RoleArn"`
	Endpoint string           `xml:"Endpoint"`
	TLS      bool             `xml:"RequireTLS"`
	Idle     int              `xml:"IdleClientTimeout"` // seconds
	Debug    bool             `xml:"DebugLogging"`
	Created  string           `xml:"CreatedDate"`
	Updated  string           `xml:"UpdatedDate"`
}

func describeDBProxies(c *call) (any, error) {
	r := c.region()
	var all []proxyView
	wanted := c.form.Get("DBProxyName")
	for _, p := range r.DBProxies {
		if wanted != "" && !strings.EqualFold(p.Name, wanted) {
			continue
		}
		auth := "DISABLED"
		if p.IAMAuth {
			auth = "REQUIRED"
		}
		when := isoTime(c.ago(200 * 24 * 3600e9))
		all = append(all, proxyView{
			Name: p.Name, ARN: c.fill("arn:aws:rds:{region}:{account}:db-proxy:" + made("prx-", p.Name)), Status: p.Status, Family: p.Engine,
			VPC: c.subnetGroup(r, "", p.Subnets).VPC, Groups: members[string]{p.Groups}, Subnets: members[string]{p.Subnets},
			Auth: members[rdsAuth]{[]rdsAuth{{"SECRETS", c.fill("arn:aws:secretsmanager:{region}:{account}:secret:proxy-" + made("", p.Name)), auth}}},
			Role: c.fill("arn:aws:iam::{account}:role/rds-proxy"), Endpoint: p.Endpoint, TLS: p.RequireTLS, Idle: 1800, Created: when, Updated: when,
		})
	}
	if wanted != "" && len(all) == 0 {
		return nil, missing("DBProxyNotFoundFault", "The specified proxy name %s doesn't correspond to a proxy owned by your account in the specified AWS Region.", wanted)
	}
	return listed(c, "DBProxies", "member", all)
}

type proxyEndpointView struct {
	Name     string          `xml:"DBProxyEndpointName"`
	ARN      string          `xml:"DBProxyEndpointArn"`
	Proxy    string          `xml:"DBProxyName"`
	Status   string          `xml:"Status"`
	VPC      string          `xml:"VpcId"`
	Groups   members[string] `xml:"VpcSecurityGroupIds"`
	Subnets  members[string] `xml:"VpcSubnetIds"`
	Endpoint string          `xml:"Endpoint"`
	Created  string          `xml:"CreatedDate"`
	Role     string          `xml:"TargetRole"`
	Default  bool            `xml:"IsDefault"`
}

// describeDBProxyEndpoints lists each proxy's own endpoint, the default one, before its further ones, as RDS does.
func describeDBProxyEndpoints(c *call) (any, error) {
	r := c.region()
	var all []proxyEndpointView
	proxy, wanted := c.form.Get("DBProxyName"), c.form.Get("DBProxyEndpointName")
	known := proxy == ""
	for _, p := range r.DBProxies {
		if proxy != "" && !strings.EqualFold(p.Name, proxy) {
			continue
		}
		known = true
		own := world.ProxyEndpoint{Name: "default", Role: "READ_WRITE", Endpoint: p.Endpoint, Status: p.Status, Subnets: p.Subnets, Groups: p.Groups}
		for i, e := range append([]world.ProxyEndpoint{own}, p.Endpoints...) {
			if wanted != "" && !strings.EqualFold(e.Name, wanted) {
				continue
			}
			all = append(all, proxyEndpointView{
				Name: e.Name, ARN: c.fill("arn:aws:rds:{region}:{account}:db-proxy-endpoint:" + made("prx-endpoint-", p.Name+e.Name)), Proxy: p.Name,
				Status: e.Status, VPC: c.subnetGroup(r, "", e.Subnets).VPC, Groups: members[string]{e.Groups}, Subnets: members[string]{e.Subnets},
				Endpoint: e.Endpoint, Created: isoTime(c.ago(200 * 24 * 3600e9)), Role: e.Role, Default: i == 0,
			})
		}
	}
	switch {
	case !known:
		return nil, missing("DBProxyNotFoundFault", "The specified proxy name %s doesn't correspond to a proxy owned by your account in the specified AWS Region.", proxy)
	case wanted != "" && len(all) == 0:
		return nil, missing("DBProxyEndpointNotFoundFault", "The DB proxy endpoint %s doesn't exist.", wanted)
	}
	return listed(c, "DBProxyEndpoints", "member", all)
}
