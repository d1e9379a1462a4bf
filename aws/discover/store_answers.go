package discover

// The fields of the JSON services' answers that a search keeps. encoding/json takes names in any case: some of these services
// begin theirs with a small letter.

// jsonPage asks for a page, in the spelling of MemoryDB.
type jsonPage struct {
	MaxResults int
	NextToken  *string `json:",omitempty"`
}

// smallPage is the same with small letters, and what ecs:ListTasks asks for besides.
type smallPage struct {
	MaxResults    int     `json:"maxResults"`
	NextToken     *string `json:"nextToken,omitempty"`
	Cluster       string  `json:"cluster,omitempty"`
	DesiredStatus string  `json:"desiredStatus,omitempty"`
}

// address is a host and a port.
type address struct {
	Address string
	Port    int
}

type memoryCluster struct {
	Name, Status, ARN, Engine, EngineVersion, SubnetGroupName, AvailabilityMode string
	ClusterEndpoint                                                             *address
	SecurityGroups                                                              []struct {
		SecurityGroupID string `json:"SecurityGroupId"`
	}
	TLSEnabled bool
}

type memorySubnets struct {
	Name    string
	VpcID   string `json:"VpcId"`
	Subnets []struct{ Identifier string }
}

type workgroup struct {
	WorkgroupName, WorkgroupARN, WorkgroupVersion, Status string
	Endpoint                                              *struct {
		address
		VpcEndpoints []struct {
			VpcID string `json:"vpcId"`
		}
	}
	SecurityGroupIDs []string `json:"securityGroupIds"`
	SubnetIDs        []string `json:"subnetIds"`
}

type searchDomain struct {
	DomainName, ARN, EngineVersion string
	Deleted                        bool
	Endpoints                      map[string]string
	VPCOptions                     *struct {
		VPCID            string   `json:"VPCId"`
		SubnetIDs        []string `json:"SubnetIds"`
		SecurityGroupIDs []string `json:"SecurityGroupIds"`
	}
	DomainEndpointOptions *struct{ EnforceHTTPS bool }
}

type ecsTask struct {
	TaskARN, ClusterARN, Group, LastStatus, AvailabilityZone string
	EnableExecuteCommand                                     bool
	Containers                                               []ecsContainer
	Attachments                                              []struct {
		Details []struct{ Name, Value string }
	}
}

type ecsContainer struct {
	Name          string
	RuntimeID     string `json:"runtimeId"`
	ManagedAgents []struct{ Name, LastStatus string }
}
