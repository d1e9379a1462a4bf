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
	OwnDocument On = "a session document of the account"
	Preferences On = "the document SSM-SessionManagerRunShell"
	Session     On = "own sessions"
	Channel     On = "the session"
	Role        On = "the role of the profile"
	Principals  On = "users and roles"
)

// Call is one permission that a command uses.
type Call struct {
	Action string `json:"action"` // ssm:StartSession
	On     On     `json:"on"`
	Why    string `json:"why"`
	When   string `json:"when,omitempty"`  // "" always; else what must be so
	Spare  bool   `json:"spare,omitempty"` // made only when another call is refused: no policy needs it
}

// Command is a command and the calls that it makes of AWS.
type Command struct {
	Name  string
	Calls []Call
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

// Least is the smallest policy that lets the named commands do all they do. Errors are usage errors.
func Least(names []string, s Scope) (Policy, error) {
	calls, err := CallsOf(names)
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return nil, err
	}
	var p Policy
	for _, on := range []On{Anything, Principals, Instance, Document, OwnDocument, Preferences, Channel, Session, Role} {
		st := s.statement(on)
		for _, c := range calls {
			if c.On == on && !c.Spare {
				st.Actions = append(st.Actions, c.Action)
			}
		}
		if len(st.Actions) > 0 && (on != OwnDocument || len(s.Documents) > 0) {
			p = append(p, st)
		}
	}
	return p, nil
}

// StatementsFor are the statements of Least that a call alone gives: one, or none when the scope has nothing for it.
func (s Scope) StatementsFor(c Call) []Statement {
	if c.On == Free || c.Spare || c.On == OwnDocument && len(s.Documents) == 0 {
		return nil
	}
	st := s.statement(c.On)
	st.Actions = []string{c.Action}
	return []Statement{st}
}

// statement is a statement about a kind of resource, without its actions.
func (s Scope) statement(on On) Statement {
	switch on {
	case Instance:
		st := Statement{Sid: "StartOnInstances", Resources: []string{
			"arn:{partition}:ec2:{region}:{account}:instance/*", "arn:{partition}:ssm:{region}:{account}:managed-instance/*",
		}}
		if s.Tag == "" {
			st.Resources = append(st.Resources, "arn:{partition}:ecs:{region}:{account}:task/*")
		} else {
			st.Sid = "StartOnTaggedInstances"
			st.Condition = append(st.Condition, Condition{"StringEquals", "ssm:resourceTag/rdsx", []string{s.Tag}})
		}
		// Without the check, a StartSession that names no document would be asked about the instance alone (docs/aws.md §5).
		st.Condition = append(st.Condition, Condition{"BoolIfExists", "ssm:SessionDocumentAccessCheck", []string{"true"}})
		return st
	case Document, OwnDocument:
		st := Statement{Sid: map[On]string{Document: "WithThisDocument", OwnDocument: "ReadThisDocument"}[on]}
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
		return Statement{Sid: "ReadRights", Resources: []string{"arn:{partition}:iam::{account}:user/*", "arn:{partition}:iam::{account}:role/*", "arn:{partition}:iam::{account}:instance-profile/*"}}
	}
	return Statement{Sid: "Look", Resources: []string{"*"}}
}
