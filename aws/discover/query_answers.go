package discover

// The fields of the Query services' answers that a search keeps.

type cacheGroups struct {
	Marker *string      `xml:"DescribeReplicationGroupsResult>Marker"`
	Groups []cacheGroup `xml:"DescribeReplicationGroupsResult>ReplicationGroups>ReplicationGroup"`
}

type cacheGroup struct {
	ID            string `xml:"ReplicationGroupId"`
	Engine        string
	Status        string
	ARN           string
	MultiAZ       string   // enabled, disabled
	Encrypted     bool     `xml:"TransitEncryptionEnabled"`
	EncryptedMode string   `xml:"TransitEncryptionMode"` // preferred, required
	Members       []string `xml:"MemberClusters>ClusterId"`
	Configuration *address `xml:"ConfigurationEndpoint"`
	Shards        []struct {
		Primary *address `xml:"PrimaryEndpoint"`
		Reader  *address `xml:"ReaderEndpoint"`
	} `xml:"NodeGroups>NodeGroup"`
}

type cacheClusters struct {
	Marker   *string        `xml:"DescribeCacheClustersResult>Marker"`
	Clusters []cacheCluster `xml:"DescribeCacheClustersResult>CacheClusters>CacheCluster"`
}

type cacheCluster struct {
	ID            string `xml:"CacheClusterId"`
	Group         string `xml:"ReplicationGroupId"`
	Engine        string
	EngineVersion string
	Status        string `xml:"CacheClusterStatus"`
	ARN           string
	AZ            string   `xml:"PreferredAvailabilityZone"`
	Encrypted     bool     `xml:"TransitEncryptionEnabled"`
	EncryptedMode string   `xml:"TransitEncryptionMode"`
	SubnetGroup   string   `xml:"CacheSubnetGroupName"`
	Groups        []string `xml:"SecurityGroups>member>SecurityGroupId"`
	Configuration *address `xml:"ConfigurationEndpoint"`
	Nodes         []struct {
		Endpoint *address
	} `xml:"CacheNodes>CacheNode"`
}

type cacheSubnetGroups struct {
	Marker *string `xml:"DescribeCacheSubnetGroupsResult>Marker"`
	Groups []struct {
		Name    string   `xml:"CacheSubnetGroupName"`
		VpcID   string   `xml:"VpcId"`
		Subnets []string `xml:"Subnets>Subnet>SubnetIdentifier"`
	} `xml:"DescribeCacheSubnetGroupsResult>CacheSubnetGroups>CacheSubnetGroup"`
}

type serverlessCaches struct {
	NextToken *string           `xml:"DescribeServerlessCachesResult>NextToken"`
	Caches    []serverlessCache `xml:"DescribeServerlessCachesResult>ServerlessCaches>member"`
}

type serverlessCache struct {
	Name         string `xml:"ServerlessCacheName"`
	Engine       string
	Status       string
	ARN          string
	FullVersion  string   `xml:"FullEngineVersion"`
	MajorVersion string   `xml:"MajorEngineVersion"`
	Groups       []string `xml:"SecurityGroupIds>SecurityGroupId"`
	Subnets      []string `xml:"SubnetIds>SubnetId"`
	Endpoint     *address
	Reader       *address `xml:"ReaderEndpoint"`
}

type warehouses struct {
	Marker   *string     `xml:"DescribeClustersResult>Marker"`
	Clusters []warehouse `xml:"DescribeClustersResult>Clusters>Cluster"`
}

type warehouse struct {
	ID       string   `xml:"ClusterIdentifier"`
	Version  string   `xml:"ClusterVersion"`
	Status   string   `xml:"ClusterStatus"`
	ARN      string   `xml:"ClusterNamespaceArn"`
	VpcID    string   `xml:"VpcId"`
	AZ       string   `xml:"AvailabilityZone"`
	Secret   string   `xml:"MasterPasswordSecretArn"`
	Groups   []string `xml:"VpcSecurityGroups>VpcSecurityGroup>VpcSecurityGroupId"`
	Endpoint *address
	Tags     []struct{ Key, Value string } `xml:"Tags>Tag"`
}
