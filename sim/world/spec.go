package world

import (
	"time"

	"github.com/rdsx/rdsx/sim/world/iam"
)

// Spec is a world as it is written down. Its YAML keys are the tags below; unknown keys are errors.
type Spec struct {
	MFACode    string    `yaml:"mfa_code"` // the six digits every MFA device shows; 123456 when empty
	NotOptedIn []string  `yaml:"not_opted_in"`
	Accounts   []Account `yaml:"accounts"`
	Peerings   []Peering `yaml:"peerings"`         // between VPCs of whatever account and region
	Transits   []Transit `yaml:"transit_gateways"` //

	Portals      []Portal     `yaml:"portals"`
	Organization Organization `yaml:"organization"`
	// Dials says where "host:port" leads: "127.0.0.1:PORT" of a real server, or one of Silent, Refused, Unresolvable.
	Dials map[string]string `yaml:"dials"`
}

// Account is one AWS account.
type Account struct {
	ID      string   `yaml:"id"` // 12 digits
	Name    string   `yaml:"name"`
	Users   []User   `yaml:"users"`
	Roles   []Role   `yaml:"roles"`
	Regions []Region `yaml:"regions"`

	ManagedPolicies  []ManagedPolicy   `yaml:"managed_policies"`  // the account's own; AWS's are built in
	InstanceProfiles []InstanceProfile `yaml:"instance_profiles"` // one of each instance's profile and the role of that name is added
}

// User is an IAM user. Its keys are made up and work nowhere else.
type User struct {
	Name      string       `yaml:"name"`
	ID        string       `yaml:"id"` // AIDA…; made from the name when empty
	AccessKey string       `yaml:"access_key"`
	SecretKey string       `yaml:"secret_key"`
	MFASerial string       `yaml:"mfa_serial"` // arn:aws:iam::ACCOUNT:mfa/NAME, "" without a device
	MFASeed   string       `yaml:"mfa_seed"`   // base32: the device shows TOTP codes of it, each good once; "" for the world's fixed code
	Policies  []iam.Policy `yaml:"policies"`
	Attached  []string     `yaml:"attached"` // ARNs of managed policies
}

// Role is an IAM role.
type Role struct {
	Name       string        `yaml:"name"`
	ID         string        `yaml:"id"`          // AROA…; made from the name when empty
	Path       string        `yaml:"path"`        // "/" when empty
	MaxSession time.Duration `yaml:"max_session"` // 1 h…12 h; 1 h when empty
	Trust      iam.Policy    `yaml:"trust"`
	Policies   []iam.Policy  `yaml:"policies"`
	Attached   []string      `yaml:"attached"` // ARNs of managed policies
}

// Region is what an account has in one region.
type Region struct {
	Name           string          `yaml:"name"`
	VPCs           []VPC           `yaml:"vpcs"`
	Subnets        []Subnet        `yaml:"subnets"`
	RouteTables    []RouteTable    `yaml:"route_tables"`
	NetworkACLs    []NetworkACL    `yaml:"network_acls"`
	SecurityGroups []SecurityGroup `yaml:"security_groups"`
	PrefixLists    []PrefixList    `yaml:"prefix_lists"`
	VPCEndpoints   []VPCEndpoint   `yaml:"vpc_endpoints"`
	Instances      []Instance      `yaml:"instances"`
	DBInstances    []DBInstance    `yaml:"db_instances"`
	DBClusters     []DBCluster     `yaml:"db_clusters"`
	DBProxies      []DBProxy       `yaml:"db_proxies"`
	Caches         []Cache         `yaml:"caches"`
	MemoryDBs      []MemoryDB      `yaml:"memory_dbs"`
	Warehouses     []Warehouse     `yaml:"warehouses"`
	SearchDomains  []SearchDomain  `yaml:"search_domains"`
	ECSClusters    []ECSCluster    `yaml:"ecs_clusters"`
	Documents      []Document      `yaml:"documents"` // the account's own Session documents; AWS's are built in
	Preferences    Preferences     `yaml:"session_preferences"`
	Associations   []Association   `yaml:"associations"`  // of State Manager; Quick Setup makes those named AWS-QuickSetup-…
	HostRole       string          `yaml:"host_role"`     // of Default Host Management: a role's name, with its path; "" is off
	StandardTier   bool            `yaml:"standard_tier"` // hybrid nodes take no sessions without the advanced-instances tier
}

// Preferences are the session limits that SSM-SessionManagerRunShell holds for a region (docs/aws.md §5).
type Preferences struct {
	Idle time.Duration `yaml:"idle"` // 1…60 min, 20 when empty
	Max  time.Duration `yaml:"max"`  // 1…1440 min, 0 for no maximum
}

// VPC is a network.
type VPC struct {
	ID      string            `yaml:"id"`
	CIDR    string            `yaml:"cidr"`
	CIDR6   string            `yaml:"cidr6"` // IPv6, "" without
	Owner   string            `yaml:"owner"` // the account that shares it with this one, "" for its own
	NoDNS   bool              `yaml:"no_dns_support"`
	OwnDNS  bool              `yaml:"own_name_servers"` // its DHCP options name servers that know every name
	Default bool              `yaml:"default"`
	Tags    map[string]string `yaml:"tags"`
}

// Subnet is a part of a VPC in one availability zone.
type Subnet struct {
	ID    string            `yaml:"id"`
	VPC   string            `yaml:"vpc"`
	CIDR  string            `yaml:"cidr"`
	CIDR6 string            `yaml:"cidr6"` // IPv6, "" without
	AZ    string            `yaml:"az"`
	Owner string            `yaml:"owner"` // the account that shares it with this one, "" for its own
	Tags  map[string]string `yaml:"tags"`
}

// RouteTable says where packets of its subnets go. A VPC without a main table gets one that holds the local route.
type RouteTable struct {
	ID      string            `yaml:"id"`
	VPC     string            `yaml:"vpc"`
	Main    bool              `yaml:"main"`
	Subnets []string          `yaml:"subnets"`
	Routes  []Route           `yaml:"routes"` // the local route is added
	Tags    map[string]string `yaml:"tags"`
}

// Route is one line of a route table.
type Route struct {
	CIDR       string `yaml:"cidr"`        // IPv4 or IPv6
	PrefixList string `yaml:"prefix_list"` // in the place of a CIDR
	Target     string `yaml:"target"`      // local, igw-…, nat-…, pcx-…, tgw-…, vgw-…, eni-…
	Blackhole  bool   `yaml:"blackhole"`
	Propagated bool   `yaml:"propagated"` // by a virtual private gateway
}

// NetworkACL filters what enters and leaves its subnets, without state. A VPC without a default one gets one that allows all.
type NetworkACL struct {
	ID      string            `yaml:"id"`
	VPC     string            `yaml:"vpc"`
	Default bool              `yaml:"default"`
	Subnets []string          `yaml:"subnets"`
	Entries []ACLEntry        `yaml:"entries"` // the closing deny (32767) is added
	Tags    map[string]string `yaml:"tags"`
}

// ACLEntry is one numbered rule; the lowest number that matches decides.
type ACLEntry struct {
	Number   int    `yaml:"number"` // 1…32766
	Egress   bool   `yaml:"egress"`
	Deny     bool   `yaml:"deny"`
	Protocol string `yaml:"protocol"` // tcp, udp, icmp or -1 for all; -1 when empty
	CIDR     string `yaml:"cidr"`
	From     int    `yaml:"from"` // ports, both included; 0 and 0 for all
	To       int    `yaml:"to"`
}

// SecurityGroup is a stateful filter on network interfaces.
type SecurityGroup struct {
	ID          string            `yaml:"id"`
	Name        string            `yaml:"name"`
	Description string            `yaml:"description"`
	VPC         string            `yaml:"vpc"`
	Ingress     []Rule            `yaml:"ingress"`
	Egress      []Rule            `yaml:"egress"`    // everything to 0.0.0.0/0 when left out
	NoEgress    bool              `yaml:"no_egress"` // no egress rule at all
	Tags        map[string]string `yaml:"tags"`
}

// Rule allows a peer, given as a CIDR or as a group, to use a range of ports.
type Rule struct {
	Protocol    string `yaml:"protocol"` // tcp, udp, icmp or -1 for all; tcp when empty and a port is given, else -1
	From        int    `yaml:"from"`     // ports, both included
	To          int    `yaml:"to"`       // From when empty
	CIDR        string `yaml:"cidr"`     // IPv4 or IPv6
	Group       string `yaml:"group"`    // sg-…
	PrefixList  string `yaml:"prefix_list"`
	Description string `yaml:"description"`
}

// Instance is an EC2 instance (i-…) or a hybrid node (mi-…).
type Instance struct {
	ID           string            `yaml:"id"`
	Name         string            `yaml:"name"` // the Name tag of an EC2 instance, the computer name of a hybrid node
	Type         string            `yaml:"type"`
	State        string            `yaml:"state"` // of EC2: pending, running, stopping, stopped, terminated; running when empty
	Subnet       string            `yaml:"subnet"`
	Groups       []string          `yaml:"groups"`
	IP           string            `yaml:"ip"`         // private IPv4
	IP6          string            `yaml:"ip6"`        // IPv6, "" without
	Interfaces   []NIC             `yaml:"interfaces"` // besides the primary one, which the fields above describe
	Platform     string            `yaml:"platform"`   // Linux, Windows, MacOS; Linux when empty
	PlatformName string            `yaml:"platform_name"`
	Profile      string            `yaml:"profile"`       // name of the instance profile
	AgentVersion string            `yaml:"agent_version"` // "" for an instance that Systems Manager does not know
	PingStatus   string            `yaml:"ping_status"`   // Online, ConnectionLost, Inactive; Online when there is an agent
	LastPing     time.Duration     `yaml:"last_ping"`     // how long ago
	Launched     time.Duration     `yaml:"launched"`      // how long ago; 30 days when empty
	ConnectTime  time.Duration     `yaml:"connect_time"`  // how long the agent takes to join a session
	Tags         map[string]string `yaml:"tags"`
}

// DBInstance is an RDS DB instance, a member of a cluster when Cluster is set.
type DBInstance struct {
	ID              string            `yaml:"id"`
	Engine          string            `yaml:"engine"`
	EngineVersion   string            `yaml:"engine_version"` // the cluster's, or the engine's usual one, when empty
	Class           string            `yaml:"class"`
	Status          string            `yaml:"status"`   // available when empty
	Endpoint        string            `yaml:"endpoint"` // made from id, account and region when empty
	NoEndpoint      bool              `yaml:"no_endpoint"`
	Port            int               `yaml:"port"` // the engine's own when empty
	ListenerPort    int               `yaml:"listener_port"`
	IP              string            `yaml:"ip"`  // made from the first subnet when empty
	IP6             string            `yaml:"ip6"` // of a dual-stack instance
	Cluster         string            `yaml:"cluster"`
	Subnets         []string          `yaml:"subnets"` // of the DB subnet group; the cluster's when empty
	SubnetGroup     string            `yaml:"subnet_group"`
	Groups          []string          `yaml:"groups"` // the cluster's when empty
	AZ              string            `yaml:"az"`
	MultiAZ         bool              `yaml:"multi_az"`
	Public          bool              `yaml:"public"`
	IAMAuth         bool              `yaml:"iam_auth"`
	DBName          string            `yaml:"db_name"`
	MasterUser      string            `yaml:"master_user"`
	MasterSecret    bool              `yaml:"master_secret"` // the password is in Secrets Manager
	ReplicaOf       string            `yaml:"replica_of"`
	ResourceID      string            `yaml:"resource_id"` // db-…; made from the id when empty
	AllocatedGB     int               `yaml:"allocated_gb"`
	DeleteProtected bool              `yaml:"deletion_protection"`
	Tags            map[string]string `yaml:"tags"`
}

// DBCluster is an Aurora or Multi-AZ cluster. Its members are the DBInstances that name it.
type DBCluster struct {
	ID             string            `yaml:"id"`
	Engine         string            `yaml:"engine"`
	EngineVersion  string            `yaml:"engine_version"`
	EngineMode     string            `yaml:"engine_mode"` // provisioned when empty
	Status         string            `yaml:"status"`
	Port           int               `yaml:"port"`
	Writer         string            `yaml:"writer"`          // the member that writes; the first when empty
	Endpoint       string            `yaml:"endpoint"`        // made when empty, as all names below
	ReaderEndpoint string            `yaml:"reader_endpoint"` //
	Custom         []CustomEndpoint  `yaml:"custom_endpoints"`
	Subnets        []string          `yaml:"subnets"`
	SubnetGroup    string            `yaml:"subnet_group"`
	Groups         []string          `yaml:"groups"`
	IAMAuth        bool              `yaml:"iam_auth"`
	DBName         string            `yaml:"db_name"`
	MasterUser     string            `yaml:"master_user"`
	MasterSecret   bool              `yaml:"master_secret"`
	ResourceID     string            `yaml:"resource_id"` // cluster-…
	Babelfish      bool              `yaml:"babelfish"`   // of aurora-postgresql: TDS on 1433, switched on by a parameter group of its own
	Tags           map[string]string `yaml:"tags"`
}

// CustomEndpoint is a name for some members of a cluster.
type CustomEndpoint struct {
	ID       string   `yaml:"id"`
	Type     string   `yaml:"type"` // READER or ANY
	Members  []string `yaml:"members"`
	Endpoint string   `yaml:"endpoint"`
	Status   string   `yaml:"status"`
}

// DBProxy is an RDS Proxy.
type DBProxy struct {
	Name       string            `yaml:"name"`
	Engine     string            `yaml:"engine"` // POSTGRESQL, MYSQL or SQLSERVER
	Status     string            `yaml:"status"`
	Target     string            `yaml:"target"` // the DB instance or cluster behind it
	Endpoint   string            `yaml:"endpoint"`
	Port       int               `yaml:"port"`
	IP         string            `yaml:"ip"`
	Subnets    []string          `yaml:"subnets"`
	Groups     []string          `yaml:"groups"`
	RequireTLS bool              `yaml:"require_tls"`
	IAMAuth    bool              `yaml:"iam_auth"`
	Endpoints  []ProxyEndpoint   `yaml:"endpoints"` // besides its own
	Tags       map[string]string `yaml:"tags"`
}

// ProxyEndpoint is a further name of a proxy.
type ProxyEndpoint struct {
	Name     string   `yaml:"name"`
	Role     string   `yaml:"role"` // READ_WRITE or READ_ONLY
	Endpoint string   `yaml:"endpoint"`
	Status   string   `yaml:"status"`
	Subnets  []string `yaml:"subnets"` // the proxy's when empty
	Groups   []string `yaml:"groups"`
}
