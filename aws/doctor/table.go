package doctor

// The checks. Each has its section in docs/doctor.md.
const (
	Config       ID = "config"
	CABundle     ID = "ca-bundle"
	Proxy        ID = "proxy"
	Clock        ID = "clock"
	Identity     ID = "identity"
	AssumeRole   ID = "assume-role"
	TargetFound  ID = "target"
	Database     ID = "database"
	OnInstance   ID = "permission-instance"
	OnDocument   ID = "permission-document"
	DocumentSeen ID = "document"
	Preferences  ID = "preferences"
	Running      ID = "instance-state"
	InstanceRole ID = "instance-profile"
	HostRole     ID = "default-host-management"
	QuickSetup   ID = "quick-setup"
	HTTPS        ID = "https-out"
	Endpoints    ID = "endpoints"
	Registered   ID = "registered"
	Online       ID = "online"
	Agent        ID = "agent-version"
	Reach        ID = "reachability"
	LocalPort    ID = "local-port"
	Client       ID = "client"
	Session      ID = "session"
)

// checks is the table of docs/aws.md §6, from what is nearest to the user to the database.
func checks() []check {
	machine := []ID{Identity, AssumeRole}
	on := []ID{Identity, AssumeRole, TargetFound}
	ill := []ID{Running, InstanceRole, HostRole, HTTPS, Endpoints}
	return []check{
		{Config, "config file", nil, nil, lint},
		{CABundle, "CA bundle", nil, nil, caBundle},
		{Proxy, "proxy", nil, nil, proxy},
		{Clock, "clock", nil, []ID{CABundle, Proxy}, clock},
		{Identity, "identity", nil, []ID{Config, CABundle, Proxy, Clock}, identity},
		{AssumeRole, "assumed role", []ID{Identity}, nil, assumeRole},
		{TargetFound, "target", machine, nil, targetFound},
		{Database, "database", on, nil, database},
		{OnInstance, "permission on the instance", on, nil, onInstance},
		{OnDocument, "permission on the document", machine, nil, onDocument},
		{DocumentSeen, "session document", machine, nil, documentSeen},
		{Preferences, "session preferences", machine, nil, preferences},
		{Running, "instance", on, nil, instanceState},
		{InstanceRole, "instance profile", on, nil, instanceProfile},
		{HostRole, "Default Host Management", machine, nil, hostManagement},
		{QuickSetup, "Quick Setup", machine, nil, quickSetup},
		{HTTPS, "port 443 out", on, nil, httpsOut},
		{Endpoints, "way to Systems Manager", on, []ID{HTTPS}, endpoints},
		{Registered, "registered", on, ill, registered},
		{Online, "online", []ID{Identity, AssumeRole, TargetFound, Registered}, ill, online},
		{Agent, "agent version", []ID{Identity, AssumeRole, TargetFound, Registered}, nil, agentVersion},
		{Reach, "reachability", on, []ID{Database, Running, Registered, Online, Agent}, reachability},
		{LocalPort, "local port", nil, nil, localPort},
		{Client, "client program", nil, nil, clientProgram},
		{
			Session, "session",
			[]ID{
				Identity, AssumeRole, TargetFound, Database, OnInstance, OnDocument, DocumentSeen, Running, InstanceRole, HostRole, HTTPS, Endpoints,
				Registered, Online, Agent, Reach,
			},
			nil, conclusive,
		},
	}
}
