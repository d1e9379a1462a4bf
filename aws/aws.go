// Package aws holds the nouns of rdsx: what an account contains (Account, Instance, Database, Endpoint), what a user opens
// (Target), what a session says of itself (SessionStats), and how a failure speaks (Hint).
//
// It depends on the standard library alone, so that screens, the forwarder and the discovery can share it without knowing
// each other or the SDK. The SDK's own package of this name is always imported as sdk.
package aws

import (
	"net"
	"strconv"
	"strings"
	"time"
)

// Account is one AWS account as one profile sees it.
type Account struct {
	ID        string `json:"id"`
	ARN       string `json:"arn,omitempty"`       // the caller's, from sts:GetCallerIdentity
	Partition string `json:"partition,omitempty"` // aws, aws-cn, aws-us-gov, aws-eusc
	Profile   string `json:"profile,omitempty"`   // the name in ~/.aws/config; "" when the environment gave the credentials
	Region    string `json:"region"`
}

// Instance is a node that Systems Manager knows: an EC2 instance (i-…) or a hybrid one (mi-…).
type Instance struct {
	ID           string            `json:"id"`
	Name         string            `json:"name,omitempty"` // the Name tag, else the computer name
	PingStatus   string            `json:"ping_status"`    // Online, ConnectionLost, Inactive (ssm:DescribeInstanceInformation)
	LastPing     time.Time         `json:"last_ping,omitzero"`
	AgentVersion string            `json:"agent_version,omitempty"`
	Platform     string            `json:"platform,omitempty"` // Linux, Windows, MacOS
	State        string            `json:"state,omitempty"`    // of EC2: running, stopped…; "" for a hybrid node
	IP           string            `json:"ip,omitempty"`
	VPC          string            `json:"vpc,omitempty"`
	Subnet       string            `json:"subnet,omitempty"`
	AZ           string            `json:"az,omitempty"`
	Groups       []string          `json:"security_groups,omitempty"`
	Account      string            `json:"account,omitempty"`
	Region       string            `json:"region,omitempty"`
	Tags         map[string]string `json:"tags,omitempty"`
	Profiles     []string          `json:"profiles,omitempty"` // those through which it was seen, in the order of asking
}

// Task says whether the carrier is a container of ECS with execute-command: its ID is ecs:CLUSTER_TASK_RUNTIME.
func (i Instance) Task() bool { return strings.HasPrefix(i.ID, "ecs:") }

// Online says whether a session can be started on the instance now.
func (i Instance) Online() bool { return i.PingStatus == "Online" }

// Role is what an endpoint is for.
type Role string

// The roles of an endpoint.
const (
	RoleInstance Role = "instance" // one DB instance
	RoleWriter   Role = "writer"   // an Aurora or Multi-AZ cluster's read-write endpoint
	RoleReader   Role = "reader"   // its read-only endpoint
	RoleCustom   Role = "custom"   // a custom cluster endpoint
	RoleProxy    Role = "proxy"    // an RDS Proxy
	RoleConfig   Role = "config"   // the endpoint of a cluster that tells its clients where the shards are
)

// Database is one endpoint of a database service: an instance, one endpoint of a cluster, or a proxy. A cluster gives several.
type Database struct {
	ID            string            `json:"id"` // DBInstanceIdentifier, DBClusterIdentifier, custom endpoint or proxy name
	Role          Role              `json:"role"`
	Cluster       string            `json:"cluster,omitempty"` // the cluster that an instance or endpoint belongs to
	Engine        string            `json:"engine"`            // as RDS spells it: postgres, aurora-mysql, sqlserver-se…
	EngineVersion string            `json:"engine_version,omitempty"`
	Endpoint      Endpoint          `json:"endpoint"`
	Status        string            `json:"status"` // available, stopped, creating…
	MultiAZ       bool              `json:"multi_az,omitempty"`
	VPC           string            `json:"vpc,omitempty"`
	AZ            string            `json:"az,omitempty"`
	Subnets       []string          `json:"subnets,omitempty"`
	Groups        []string          `json:"security_groups,omitempty"`
	IAMAuth       bool              `json:"iam_auth,omitempty"`
	Account       string            `json:"account,omitempty"`
	Region        string            `json:"region,omitempty"`
	Tags          map[string]string `json:"tags,omitempty"`
	Service       string            `json:"service,omitempty"` // rds (DocumentDB and Neptune too), elasticache, memorydb, redshift, redshift-serverless, es
	ARN           string            `json:"arn,omitempty"`
	ResourceID    string            `json:"resource_id,omitempty"` // db-…, cluster-… or prx-…: what rds-db:connect names
	Ports         []Port            `json:"other_ports,omitempty"` // those that it answers on besides Endpoint.Port
	Secret        string            `json:"secret_arn,omitempty"`  // of Secrets Manager, with the master user's password
	CA            string            `json:"ca,omitempty"`          // of the server's certificate, as RDS spells it: rds-ca-rsa2048-g1
	TLS           TLS               `json:"tls,omitempty"`         // as far as the service says
	Profiles      []string          `json:"profiles,omitempty"`    // those through which it was seen, in the order of asking
}

// Port is a further port of an endpoint.
type Port struct {
	Port int    `json:"port"`           // 1…65535
	For  string `json:"for"`            // babelfish, listener, reader
	Host string `json:"host,omitempty"` // another name than the endpoint's
}

// TLS is what a server demands of its clients.
type TLS string

// What a service says of TLS. "" is nothing: the engine's own settings decide.
const (
	TLSRequired  TLS = "required"
	TLSPreferred TLS = "preferred" // taken, and plain connections as well
	TLSOff       TLS = "off"
)

// Available says whether RDS reports the database as serving connections. Backing-up, modifying and the like still serve.
func (d Database) Available() bool {
	switch d.Status {
	case "stopped", "stopping", "creating", "deleting", "failed", "starting", "inaccessible-encryption-credentials", "":
		return false
	}
	return d.Endpoint.Host != "" && d.Endpoint.Port > 0
}

// Endpoint is a host name and TCP port inside the VPC.
type Endpoint struct {
	Host string `json:"host"`
	Port int    `json:"port"` // 1…65535
}

// String is host:port, with brackets round an IPv6 address.
func (e Endpoint) String() string { return net.JoinHostPort(e.Host, strconv.Itoa(e.Port)) }

// Target is what a tunnel leads to: an endpoint, the instance that carries it, and the account both are in.
type Target struct {
	Account  Account   `json:"account"`
	Instance Instance  `json:"instance"`
	Database *Database `json:"database,omitempty"` // nil for a free host:port
	Endpoint Endpoint  `json:"endpoint"`
	Engine   string    `json:"engine,omitempty"` // "" when unknown
}

// Name is what a person calls the target: the database's identifier, else host:port.
func (t Target) Name() string {
	if t.Database != nil {
		return t.Database.ID
	}
	return t.Endpoint.String()
}

// LinkState is how a session stands with the service. The session and its connections live on in every state.
type LinkState string

// The states of a session's link.
const (
	LinkUp       LinkState = "up"
	LinkResuming LinkState = "resuming" // the websocket is lost and being opened again; what is sent waits
	LinkSuspect  LinkState = "suspect"  // the websocket is up, and nothing sent has been acknowledged for ten seconds: no place for newcomers
)

// SessionStats is one reading of a Session Manager session. Counters only grow.
type SessionStats struct {
	ID           string        `json:"session_id"`
	AgentVersion string        `json:"agent_version,omitempty"`
	Mux          bool          `json:"mux"` // false: basic mode, one connection at a time (docs/protocol.md §1.4)
	Started      time.Time     `json:"started"`
	RTT          time.Duration `json:"rtt_ns"`          // smoothed, message to acknowledgement (RFC 6298 SRTT); 0 before the first
	Window       int           `json:"window_bytes"`    // congestion window
	InFlight     int           `json:"in_flight_bytes"` // sent and not yet acknowledged
	Sent         uint64        `json:"sent_messages"`
	Received     uint64        `json:"received_messages"`
	Retransmits  uint64        `json:"retransmits"`
	Duplicates   uint64        `json:"duplicates"` // messages received again, and acknowledged again
	Pauses       uint64        `json:"pauses"`     // pause_publication messages
	Streams      int           `json:"streams"`    // open now

	Link      LinkState `json:"link,omitempty"`
	Attempt   int       `json:"resume_attempt,omitempty"`   // of this resume, from 1; 0 unless LinkResuming
	NextTry   time.Time `json:"next_try,omitzero"`          // when the next attempt begins, zero while one is running
	SignIn    bool      `json:"sign_in_needed,omitempty"`   // attempts fail for want of valid credentials
	Denied    bool      `json:"resume_denied,omitempty"`    // attempts fail for want of a permission; the session ends if that stays
	Trouble   string    `json:"trouble,omitempty"`          // why the link was lost, or why the latest attempt failed; "" when up
	Hint      string    `json:"hint,omitempty"`             // what to type, where SignIn or Denied says that it is for a person to mend
	Resumes   uint64    `json:"resumes"`                    // websockets opened in place of a lost one
	Resets    uint64    `json:"resets"`                     // connections that the session has cut
	LastReset string    `json:"last_reset,omitempty"`       // why the latest one was
	Payload   int       `json:"payload_bytes,omitempty"`    // of a message at most, as far as this session has found out
	Settled   bool      `json:"payload_settled,omitempty"`  // Payload stays: all sizes allowed are tried, or one was doubtful
	Legacy    bool      `json:"legacy_pacing,omitempty"`    // 1 KB each millisecond at most, as the official plugin sends
	Pending   int       `json:"pending_messages,omitempty"` // sent and not yet acknowledged
}
