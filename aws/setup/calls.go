package setup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/aws"
)

// On is what an action is done to; it decides the resources and conditions of the statement that allows it.
type On string

// The kinds of resource. Free needs no permission at all.
const (
	Free        On = "free"
	Anything    On = "anything"
	Instance    On = "the instance"
	Document    On = "the session document"
	Preferences On = "the document SSM-SessionManagerRunShell"
	Session     On = "own sessions"
	Channel     On = "the session"
	Role        On = "the role of the profile"
	Principals  On = "users and roles"
	Secrets     On = "master user secrets"
)

// Call is one permission that a command uses.
type Call struct {
	Action string `json:"action"` // ssm:StartSession
	On     On     `json:"on"`
	Why    string `json:"why"`
	When   string `json:"when,omitempty"` // "" always; else what must be so
}

// Command is a command and the calls that it makes of AWS.
type Command struct {
	Name  string
	Calls []Call
}

// Commands lists every command that asks AWS for something. docs/iam.md is this table; a test holds both to what the commands
// really call.
func Commands() []Command {
	look := join(identity(), lookAround())
	return []Command{
		{"ls", join(look, paths())},
		{"connect", join(look, paths(), tunnel())},
		{"screen", join(look, paths(), tunnel(), []Call{{"ssm:GetDocument", Preferences, "the time after which Session Manager ends a session, for the countdown", ""}})},
		{"setup", join(identity(), lookAround(), sites())},
	}
}

func join(parts ...[]Call) []Call {
	var all []Call
	for _, c := range slices.Concat(parts...) {
		if !slices.ContainsFunc(all, func(x Call) bool { return x.Action == c.Action && x.On == c.On }) {
			all = append(all, c)
		}
	}
	return all
}

func identity() []Call {
	return []Call{
		{"sts:GetCallerIdentity", Free, "which account the profile leads to", ""},
		{"sts:AssumeRole", Role, "the credentials of a profile with role_arn", "the profile assumes a role"},
	}
}

func lookAround() []Call {
	return []Call{
		{"ssm:DescribeInstanceInformation", Anything, "instances that Systems Manager knows, and whether they are online", ""},
		{"ec2:DescribeInstances", Anything, "their names, networks and security groups", ""},
		{"rds:DescribeDBInstances", Anything, "databases", ""},
		{"rds:DescribeDBClusters", Anything, "clusters with their writer and reader", ""},
		{"rds:DescribeDBClusterEndpoints", Anything, "custom endpoints of clusters", ""},
		{"rds:DescribeDBProxies", Anything, "proxies", ""},
		{"rds:DescribeDBProxyEndpoints", Anything, "further endpoints of proxies", ""},
	}
}

// paths are the calls that tell whether an instance reaches a database.
func paths() []Call {
	const several, gateway = "instances or databases are in several VPCs", "a route leads to a transit gateway"
	return []Call{
		{"ec2:DescribeNetworkInterfaces", Anything, "the addresses and groups of instances and databases", ""},
		{"ec2:DescribeSecurityGroups", Anything, "the rules of their security groups", ""},
		{"ec2:DescribeSubnets", Anything, "the subnets that they are in", ""},
		{"ec2:DescribeRouteTables", Anything, "the routes there and back", ""},
		{"ec2:DescribeNetworkAcls", Anything, "the network ACLs on the way", ""},
		{"ec2:DescribeVpcs", Anything, "the address ranges of their VPCs", ""},
		{"ec2:DescribeVpcAttribute", Anything, "whether names resolve there", ""},
		{"ssm:DescribeSessions", Anything, "how many sessions each instance carries, for a fair choice", ""},
		{"ec2:DescribeDhcpOptions", Anything, "whose name servers are asked", "DNS support is off in a VPC"},
		{"ec2:GetManagedPrefixListEntries", Anything, "the entries of prefix lists", "a rule or route names a prefix list"},
		{"ec2:DescribePrefixLists", Anything, "AWS's own prefix lists", "the entries of a prefix list may not be read"},
		{"ec2:DescribeVpcPeeringConnections", Anything, "peerings between them", several},
		{"ec2:DescribeTransitGateways", Anything, "whether a transit gateway knows groups", gateway},
		{"ec2:DescribeTransitGatewayAttachments", Anything, "what is attached to it", gateway},
		{"ec2:DescribeTransitGatewayVpcAttachments", Anything, "in which subnets it is attached", gateway},
		{"ec2:SearchTransitGatewayRoutes", Anything, "its routes", gateway},
	}
}

// tunnel is what opening a tunnel takes.
func tunnel() []Call {
	return []Call{
		{"ssm:StartSession", Instance, "the session to the instance", ""},
		{"ssm:StartSession", Document, "with the document that says where it leads", ""},
		{"ssmmessages:OpenDataChannel", Channel, "the session's websocket, whose request is signed", ""},
		{"ssm:GetDocument", Document, "which parameters a document of your own takes, and where it leads", "a document is named"},
		{"ssm:ResumeSession", Session, "a new websocket when the old one is lost", "the connection breaks"},
		{"ssm:TerminateSession", Session, "the end of the session", ""},
	}
}

// sites are what a set-up looks at to propose a place.
func sites() []Call {
	return []Call{
		{"ec2:DescribeVpcs", Anything, "the VPC's address range", ""},
		{"ec2:DescribeSubnets", Anything, "subnets for the instance", ""},
		{"ec2:DescribeRouteTables", Anything, "which of them have a way out to Systems Manager", ""},
	}
}

// Scope narrows what Least allows. The zero value allows every instance and AWS's own document.
type Scope struct {
	Tag       string   // instances with this value of the tag rdsx; "" for all
	Documents []string // the account's own that may be used in place of AWS's
	Roles     []string // ARNs that may be assumed; all roles of the account when empty
}

const remoteHost = "AWS-StartPortForwardingSessionToRemoteHost"

// CallsOf are the calls of the named commands together; a name that is no command is a usage error.
func CallsOf(names []string) ([]Call, error) {
	var all [][]Call
	commands := Commands()
	for _, name := range names {
		at := slices.IndexFunc(commands, func(c Command) bool { return c.Name == name })
		if at < 0 {
			var known []string
			for _, c := range commands {
				known = append(known, c.Name)
			}
			return nil, aws.Advise(fmt.Errorf("no command %q asks AWS for anything; these do: %s", name, strings.Join(known, ", ")), aws.ErrUsage, "rdsx policy connect")
		}
		all = append(all, commands[at].Calls)
	}
	return join(all...), nil
}

// Least is the smallest policy that lets the named commands do all they do.
func Least(names []string, s Scope) (Policy, error) {
	calls, err := CallsOf(names)
	if err != nil {
		return nil, err
	}
	var p Policy
	for _, on := range []On{Anything, Principals, Instance, Document, Preferences, Channel, Session, Role, Secrets} {
		st := s.statement(on)
		for _, c := range calls {
			if c.On == on {
				st.Actions = append(st.Actions, c.Action)
			}
		}
		if len(st.Actions) > 0 {
			p = append(p, s.split(st, on)...)
		}
	}
	return p, nil
}

// split keeps ssm:GetDocument off AWS's own document, whose parameters are known.
func (s Scope) split(st Statement, on On) []Statement {
	if on != Document || len(s.Documents) > 0 {
		return []Statement{st}
	}
	st.Actions = slices.DeleteFunc(st.Actions, func(a string) bool { return a == "ssm:GetDocument" })
	return []Statement{st}
}

// statement is a statement about a kind of resource, without its actions.
func (s Scope) statement(on On) Statement {
	switch on {
	case Instance:
		st := Statement{Sid: "StartOnInstances", Resources: []string{
			"arn:{partition}:ec2:{region}:{account}:instance/*", "arn:{partition}:ssm:{region}:{account}:managed-instance/*",
		}}
		if s.Tag != "" {
			st.Sid = "StartOnTaggedInstances"
			st.Condition = append(st.Condition, Condition{"StringEquals", "ssm:resourceTag/rdsx", []string{s.Tag}})
		}
		// Without the check, a StartSession that names no document would be asked about the instance alone (docs/aws.md §5).
		st.Condition = append(st.Condition, Condition{"BoolIfExists", "ssm:SessionDocumentAccessCheck", []string{"true"}})
		return st
	case Document:
		st := Statement{Sid: "WithThisDocument"}
		for _, d := range s.Documents {
			st.Resources = append(st.Resources, "arn:{partition}:ssm:{region}:{account}:document/"+d)
		}
		if len(s.Documents) == 0 {
			st.Resources = []string{"arn:{partition}:ssm:{region}::document/" + remoteHost}
		}
		return st
	case Preferences:
		return Statement{Sid: "SessionLimits", Resources: []string{"arn:{partition}:ssm:{region}:{account}:document/SSM-SessionManagerRunShell"}}
	case Channel:
		return Statement{Sid: "OpenTheChannel", Resources: []string{"arn:{partition}:ssm:{region}:{account}:session/*"}}
	case Session:
		return Statement{
			Sid: "OwnSessionsOnly", Resources: []string{"arn:{partition}:ssm:{region}:{account}:session/*"},
			Condition: []Condition{{"StringLike", "ssm:resourceTag/aws:ssmmessages:session-id", []string{"${aws:userid}"}}},
		}
	case Role:
		roles := s.Roles
		if len(roles) == 0 {
			roles = []string{roleARN("*")}
		}
		return Statement{Sid: "AssumeTheRole", Resources: roles}
	case Principals:
		return Statement{Sid: "ReadRights", Resources: []string{"*"}}
	case Secrets:
		return Statement{Sid: "MasterUserSecrets", Resources: []string{"arn:{partition}:secretsmanager:{region}:{account}:secret:rds!*"}}
	}
	return Statement{Sid: "Look", Resources: []string{"*"}}
}
