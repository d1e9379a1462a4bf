package setup

import "slices"

// Commands lists every command that asks AWS for something. docs/iam.md is this table; a test holds both to what the commands
// really call.
func Commands() []Command {
	look := join(identity(), lookAround())
	open := join(look, paths(), tunnel())
	return []Command{
		{"ls", join(look, paths())},
		{"connect", open},
		{"exec", open},
		{"screen", join(open, limits(), ending())},
		{"sessions", join(identity(), []Call{call("ssm:DescribeSessions", Anything, "sessions that are open", "")}, ending())},
		{"doctor", without(join(open, limits(), examination()), "ssm:DescribeSessions", "ssm:GetConnectionStatus")}, // it takes no notice of other sessions, and waits for none so long
		{"setup", join(identity(), lookAround(), sites())},
		{"profiles", join(identity(), []Call{call("organizations:ListAccounts", Anything, "the accounts to make profiles of", "profiles import reads an organization")})},
	}
}

func join(parts ...[]Call) []Call {
	var all []Call
	for _, c := range slices.Concat(parts...) {
		at := slices.IndexFunc(all, func(x Call) bool { return x.Action == c.Action && x.On == c.On })
		switch {
		case at < 0:
			all = append(all, c)
		case all[at].When != "" && c.When == "": // needed in any case beats needed at times
			all[at] = c
		}
	}
	return all
}

func without(calls []Call, actions ...string) []Call {
	return slices.DeleteFunc(calls, func(c Call) bool { return slices.Contains(actions, c.Action) })
}

// call is a call; when is "" for one that is always made.
func call(action string, on On, why, when string) Call {
	return Call{Action: action, On: on, Why: why, When: when}
}

func identity() []Call {
	return []Call{
		call("sts:GetCallerIdentity", Free, "which account the profile leads to", ""),
		call("sts:AssumeRole", Role, "the credentials of a profile with role_arn", "the profile assumes a role"),
	}
}

func lookAround() []Call {
	return []Call{
		call("ssm:DescribeInstanceProperties", Anything, "instances that Systems Manager knows, and whether they are online", ""),
		{Action: "ssm:DescribeInstanceInformation", On: Anything, Why: "the same, fifty at a time", When: "ssm:DescribeInstanceProperties is refused", Spare: true},
		call("ec2:DescribeInstances", Anything, "their names, networks and security groups", ""),
		call("rds:DescribeDBInstances", Anything, "databases", ""),
		call("rds:DescribeDBClusters", Anything, "clusters with their writer and reader", ""),
		call("rds:DescribeDBClusterEndpoints", Anything, "custom endpoints of clusters", ""),
		call("rds:DescribeDBClusterParameters", Anything, "the port of Babelfish", "an Aurora PostgreSQL cluster has a parameter group of its own"),
		call("rds:DescribeDBProxies", Anything, "proxies", ""),
		call("rds:DescribeDBProxyEndpoints", Anything, "further endpoints of proxies", ""),
		call("elasticache:DescribeReplicationGroups", Anything, "caches", ""),
		call("elasticache:DescribeCacheClusters", Anything, "their nodes and security groups", ""),
		call("elasticache:DescribeCacheSubnetGroups", Anything, "their networks", ""),
		call("elasticache:DescribeServerlessCaches", Anything, "serverless caches", ""),
		call("memorydb:DescribeClusters", Anything, "MemoryDB", ""),
		call("memorydb:DescribeSubnetGroups", Anything, "its networks", "there is a MemoryDB cluster"),
		call("redshift:DescribeClusters", Anything, "Redshift", ""),
		call("redshift-serverless:ListWorkgroups", Anything, "Redshift Serverless", ""),
		call("es:ListDomainNames", Anything, "OpenSearch", ""),
		call("es:DescribeDomains", Anything, "its endpoints", "there is a domain"),
		call("ecs:ListClusters", Anything, "containers that can carry a tunnel", ""),
		call("ecs:ListTasks", Anything, "their tasks", "there is a cluster of ECS"),
		call("ecs:DescribeTasks", Anything, "which of them take sessions", "there is a task"),
	}
}

// paths are the calls that tell whether an instance reaches a database.
func paths() []Call {
	const several, gateway = "instances or databases are in several VPCs", "a route leads to a transit gateway"
	return []Call{
		call("ec2:DescribeNetworkInterfaces", Anything, "the addresses and groups of instances and databases", ""),
		call("ec2:DescribeSecurityGroups", Anything, "the rules of their security groups", ""),
		call("ec2:DescribeSubnets", Anything, "the subnets that they are in", ""),
		call("ec2:DescribeRouteTables", Anything, "the routes there and back", ""),
		call("ec2:DescribeNetworkAcls", Anything, "the network ACLs on the way", ""),
		call("ec2:DescribeVpcs", Anything, "the address ranges of their VPCs", ""),
		call("ec2:DescribeVpcAttribute", Anything, "whether names resolve there", ""),
		call("ssm:DescribeSessions", Anything, "how many sessions each instance carries, for a fair choice", ""),
		call("ec2:DescribeDhcpOptions", Anything, "whose name servers are asked", "DNS support is off in a VPC"),
		call("ec2:GetManagedPrefixListEntries", Anything, "the entries of prefix lists", "a rule or route names a prefix list"),
		call("ec2:DescribePrefixLists", Anything, "AWS's own prefix lists", "the entries of a prefix list may not be read"),
		call("ec2:DescribeVpcPeeringConnections", Anything, "peerings between them", several),
		call("ec2:DescribeTransitGateways", Anything, "whether a transit gateway knows groups", gateway),
		call("ec2:DescribeTransitGatewayAttachments", Anything, "what is attached to it", gateway),
		call("ec2:DescribeTransitGatewayVpcAttachments", Anything, "in which subnets it is attached", gateway),
		call("ec2:SearchTransitGatewayRoutes", Anything, "its routes", gateway),
	}
}

// tunnel is what opening a tunnel takes.
func tunnel() []Call {
	return []Call{
		call("ssm:StartSession", Instance, "the session to the instance", ""),
		call("ssm:StartSession", Document, "with the document that says where it leads", ""),
		call("ssmmessages:OpenDataChannel", Channel, "the session's websocket, whose request is signed", ""),
		call("ssm:GetDocument", OwnDocument, "which parameters a document of your own takes, and where it leads", "a document of the account is named"),
		call("ssm:ResumeSession", Session, "a new websocket when the old one is lost", "the connection breaks"),
		call("ssm:TerminateSession", Session, "the end of the session", ""),
		call("ssm:GetConnectionStatus", Anything, "whether the instance's agent lives", "it acknowledges nothing for five minutes"),
		call("ssm:DescribeSessions", Anything, "whether sessions of a run that was killed are still open", "there was such a run"),
	}
}

func limits() []Call {
	return []Call{call("ssm:GetDocument", Preferences, "the time after which Session Manager ends a session", "")}
}

func ending() []Call {
	return []Call{call("ssm:TerminateSession", Session, "the end of sessions that are chosen", "")}
}

// examination is what the doctor reads beyond what a tunnel needs. It does without what it may not read, and says so.
func examination() []Call {
	return []Call{
		call("ssm:DescribeInstanceInformation", Anything, "whether the instance is registered, and with which agent", ""),
		call("ssm:GetDocument", Document, "whether the document can be seen", ""),
		call("ssm:GetServiceSetting", Anything, "Default Host Management", ""),
		call("ssm:ListAssociations", Anything, "Quick Setup", ""),
		call("ec2:DescribeRouteTables", Anything, "the way of the instance to Systems Manager", ""),
		call("ec2:DescribeSecurityGroups", Anything, "whether the instance may use 443", ""),
		call("ec2:DescribeVpcEndpoints", Anything, "endpoints for Systems Manager in the VPC", ""),
		call("iam:SimulatePrincipalPolicy", Principals, "whether the session is allowed", ""),
		call("iam:GetRole", Principals, "who may assume the role", "the profile assumes a role, or the instance's role is in doubt"),
		call("iam:GetInstanceProfile", Principals, "the role of the instance", ""),
		call("iam:ListAttachedRolePolicies", Principals, "whether it has what the agent needs", ""),
	}
}

// sites are what a set-up looks at to propose a place.
func sites() []Call {
	return []Call{
		call("ec2:DescribeVpcs", Anything, "the VPC's address range", ""),
		call("ec2:DescribeSubnets", Anything, "subnets for the instance", ""),
		call("ec2:DescribeRouteTables", Anything, "which of them have a way out to Systems Manager", ""),
	}
}
