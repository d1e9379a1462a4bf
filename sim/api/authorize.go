package api

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/rdsx/rdsx/sim/world/iam"
)

// request is what the policies are asked: the action on the resource, with the condition keys that AWS always sets and more.
func (c *call) request(action, resource string, more map[string][]string) iam.Request {
	p := c.id.Principal
	r := iam.Request{Action: action, Resource: resource, Context: map[string][]string{}}
	set := func(key string, values ...string) { r.Context[strings.ToLower(key)] = values }
	set("aws:userid", p.UserID)
	set("aws:PrincipalAccount", p.Account)
	set("aws:PrincipalArn", c.id.principalARN())
	set("aws:PrincipalType", "User")
	set("aws:RequestedRegion", c.place.Region)
	set("aws:SecureTransport", "true")
	set("aws:SourceIp", net.IPv4(127, 0, 0, 1).String())
	if p.User != "" {
		set("aws:username", p.User)
	} else {
		set("aws:PrincipalType", "AssumedRole")
	}
	if p.Temporary { // a long-term key has no such context key at all
		set("aws:MultiFactorAuthPresent", strconv.FormatBool(p.MFA))
	}
	if p.MFA {
		set("aws:MultiFactorAuthAge", strconv.Itoa(int(c.api.now().Sub(c.id.mfaAt).Seconds())))
	}
	for key, values := range more {
		set(key, values...)
	}
	return r
}

// principalARN is the user's or role's own ARN, without a session.
func (id identity) principalARN() string {
	if id.Role == "" {
		return id.ARN
	}
	return "arn:aws:iam::" + id.Account + ":role/" + id.Role
}

// permit asks the identity policies, and the session policy if there is one. A refusal is a denial in AWS's words.
func (c *call) permit(action, resource string, more map[string][]string) error {
	r := c.request(action, resource, more)
	err := c.judge(r)
	c.api.asked.add(Asked{c.id.ARN, c.svc.name + ":" + c.name, r, err != nil})
	return err
}

func (c *call) judge(r iam.Request) error {
	action, resource := r.Action, r.Resource
	d := iam.Decide(c.id.policies, r)
	if d == iam.Allow && c.id.session != nil {
		if narrowed := iam.Decide([]iam.Policy{*c.id.session}, r); narrowed != iam.Allow {
			return c.denied(action, resource, narrowed, "session")
		}
	}
	if d == iam.Allow {
		return nil
	}
	return c.denied(action, resource, d, "identity-based")
}

func (c *call) denied(action, resource string, d iam.Decision, kind string) error {
	text := fmt.Sprintf("User: %s is not authorized to perform: %s", c.id.ARN, action)
	if resource != "" && resource != "*" {
		text += " on resource: " + resource
	}
	if d == iam.Deny {
		article := "an "
		if kind == "session" {
			article = "a "
		}
		return &denial{text + " with an explicit deny in " + article + kind + " policy"}
	}
	return &denial{text + fmt.Sprintf(" because no %s policy allows the %s action", kind, action)}
}
