package iam

import (
	"strings"
	"testing"
)

// operator is the policy of a person who may open tunnels: tagged instances, one document, own sessions.
const operatorPolicy = `{"Version":"2012-10-17","Statement":[
 {"Sid":"Read","Effect":"Allow","Action":["ssm:Describe*","ssm:GetConnectionStatus"],"Resource":"*"},
 {"Sid":"Nodes","Effect":"Allow","Action":"ssm:StartSession","Resource":["arn:aws:ec2:*:*:instance/*"],
  "Condition":{"StringEquals":{"aws:ResourceTag/rdsx":"bastion"},"BoolIfExists":{"ssm:SessionDocumentAccessCheck":"true"}}},
 {"Sid":"Document","Effect":"Allow","Action":"ssm:StartSession","Resource":"arn:aws:ssm:*::document/AWS-StartPort*"},
 {"Sid":"Own","Effect":"Allow","Action":["ssm:TerminateSession"],"Resource":"arn:aws:ssm:*:*:session/${aws:username}-*"},
 {"Sid":"NotProd","Effect":"Deny","Action":"ssm:*","Resource":"*","Condition":{"StringLike":{"aws:ResourceTag/env":["prod*"]}}}]}`

func TestDecide(t *testing.T) {
	p, err := Parse([]byte(operatorPolicy))
	if err != nil {
		t.Fatal(err)
	}
	node := "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0"
	base := Request{}.With("aws:username", "dev")
	tagged := base.With("aws:ResourceTag/rdsx", "bastion")
	for name, c := range map[string]struct {
		r                Request
		action, resource string
		want             Decision
	}{
		"wildcard action, other case":     {base, "ssm:describesessions", "*", Allow},
		"action of another service":       {base, "rds:DescribeDBInstances", "*", Silent},
		"tagged instance":                 {tagged, "ssm:StartSession", node, Allow},
		"untagged instance":               {base, "ssm:StartSession", node, Silent},
		"other tag value":                 {base.With("aws:resourcetag/rdsx", "db"), "ssm:StartSession", node, Silent},
		"document check on":               {tagged.With("ssm:SessionDocumentAccessCheck", "true"), "ssm:StartSession", node, Allow},
		"document check off":              {tagged.With("ssm:SessionDocumentAccessCheck", "false"), "ssm:StartSession", node, Silent},
		"document":                        {base, "ssm:StartSession", "arn:aws:ssm:eu-west-1::document/AWS-StartPortForwardingSession", Allow},
		"document of an account":          {base, "ssm:StartSession", "arn:aws:ssm:eu-west-1:111122223333:document/AWS-StartPortForwardingSession", Silent},
		"own session":                     {base, "ssm:TerminateSession", "arn:aws:ssm:eu-west-1:111122223333:session/dev-0123", Allow},
		"session of another":              {base, "ssm:TerminateSession", "arn:aws:ssm:eu-west-1:111122223333:session/ops-0123", Silent},
		"variable that the request lacks": {Request{}, "ssm:TerminateSession", "arn:aws:ssm:eu-west-1:111122223333:session/-0123", Silent},
		"deny beats allow":                {tagged.With("aws:ResourceTag/env", "production"), "ssm:StartSession", node, Deny},
	} {
		c.r.Action, c.r.Resource = c.action, c.resource
		if got := Decide([]Policy{p}, c.r); got != c.want {
			t.Errorf("%s: decision %d, want %d", name, got, c.want)
		}
	}
}

func TestConditions(t *testing.T) {
	for name, c := range map[string]struct {
		condition string
		context   map[string][]string
		want      bool
	}{
		"Bool on a missing key":         {`{"Bool":{"aws:MultiFactorAuthPresent":true}}`, nil, false},
		"BoolIfExists on a missing key": {`{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}`, nil, true},
		"Bool false":                    {`{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`, map[string][]string{"aws:multifactorauthpresent": {"false"}}, false},
		"negated on a missing key":      {`{"StringNotEquals":{"sts:ExternalId":"x"}}`, nil, true},
		"negated":                       {`{"StringNotEquals":{"sts:ExternalId":["x","y"]}}`, map[string][]string{"sts:externalid": {"y"}}, false},
		"any of several":                {`{"StringEquals":{"k":["a","b"]}}`, map[string][]string{"k": {"b"}}, true},
		"two keys, one fails":           {`{"StringEquals":{"k":"a","l":"b"}}`, map[string][]string{"k": {"a"}, "l": {"c"}}, false},
		"all values":                    {`{"ForAllValues:StringEquals":{"k":["a","b"]}}`, map[string][]string{"k": {"a", "c"}}, false},
		"any value":                     {`{"ForAnyValue:StringEquals":{"k":["a","b"]}}`, map[string][]string{"k": {"c", "a"}}, true},
		"null":                          {`{"Null":{"k":"true"}}`, nil, true},
		"MFA age":                       {`{"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}}`, map[string][]string{"aws:multifactorauthage": {"3599"}}, true},
		"address":                       {`{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, map[string][]string{"aws:sourceip": {"10.9.8.7"}}, true},
		"ARN pattern":                   {`{"ArnLike":{"k":"arn:aws:iam::*:role/*"}}`, map[string][]string{"k": {"arn:aws:iam::1:role/a/b"}}, true},
	} {
		p, err := Parse([]byte(`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":` + c.condition + `}}`))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := Decide([]Policy{p}, Request{Action: "a:B", Resource: "*", Context: c.context}) == Allow; got != c.want {
			t.Errorf("%s: holds = %v, want %v", name, got, c.want)
		}
	}
}

func TestTrust(t *testing.T) {
	const user = "arn:aws:iam::111122223333:user/dev"
	r := Request{Action: "sts:AssumeRole", Resource: "arn:aws:iam::444455556666:role/ops", Principals: []string{user, "arn:aws:iam::111122223333:root"}}
	for name, c := range map[string]struct {
		principal string
		want      Decision
		named     bool
	}{
		"the user":        {`{"AWS":"` + user + `"}`, Allow, true},
		"the account":     {`{"AWS":["arn:aws:iam::111122223333:root"]}`, Allow, false},
		"account number":  {`{"AWS":"111122223333"}`, Allow, false},
		"everybody":       {`"*"`, Allow, false},
		"another account": {`{"AWS":"arn:aws:iam::999900001111:root"}`, Silent, false},
		"a service":       {`{"Service":"ec2.amazonaws.com"}`, Silent, false},
	} {
		p, err := Parse([]byte(`{"Statement":[{"Effect":"Allow","Principal":` + c.principal + `,"Action":"sts:AssumeRole"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if d, named := Trust(p, r); d != c.want || named != c.named {
			t.Errorf("%s: %d named %v, want %d named %v", name, d, named, c.want, c.named)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, part := range map[string]string{
		`{}`: "Statement",
		`{"Statement":[{"Effect":"Maybe","Action":"*","Resource":"*"}]}`:                                               "Effect",
		`{"Statement":[{"Effect":"Allow","Resource":"*"}]}`:                                                            "Action",
		`{"Statement":[{"Effect":"Allow","Action":"StartSession","Resource":"*"}]}`:                                    "no service",
		`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateLessThan":{"k":"v"}}}]}`:        "DateLessThan",
		`{"Statement":[{"Effect":"Allow","Action":"*","Resources":"*"}]}`:                                              "Resources",
		`{"Version":"2020-01-01","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`:                        "Version",
		`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"k":{"a":"b"}}}}]}`:  "not a string",
		`{"Statement":[{"Effect":"Allow","NotPrincipal":{"AWS":"*"},"Action":"*"}]}`:                                   "NotPrincipal",
		`{"Statement":[{"Effect":"Allow","Principal":{"Canonical":"x"},"Action":"*"}]} `:                               "Canonical",
		`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]} {`:                                             "after",
		`{"Statement":[{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}]}`:                               "NotAction",
		`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","NotResource":"*"}]}`:                             "exclude",
		`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"BoolNot":{"k":"v"}}}],"Extra":"x"}`: "Extra",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: error %v does not name %q", text, err, part)
		}
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add([]byte(operatorPolicy), "ssm:StartSession", "arn:aws:ec2:eu-west-1:1:instance/i-1", "bastion")
	f.Add([]byte(`{"Statement":{"Effect":"Deny","Principal":"*","NotAction":["a:*?*b"],"NotResource":"${k,'d'}"}}`), "a:xxb", "d", "${k}")
	f.Fuzz(func(t *testing.T, text []byte, action, resource, value string) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		r := Request{Action: action, Resource: resource, Principals: []string{value}}.With("aws:ResourceTag/rdsx", value)
		for _, st := range p.Statements {
			if len(st.Actions) == 0 && len(st.NotActions) == 0 {
				t.Fatal("a statement without actions passed the parser")
			}
		}
		// A policy never allows more once a deny of everything stands beside it.
		all := Policy{Statements: []Statement{{Deny: true, Actions: []string{"*"}, Resources: []string{"*"}}}}
		if d := Decide([]Policy{p, all}, r); d != Deny {
			t.Fatalf("decision %d beside a deny of everything", d)
		}
		Trust(p, r)
	})
}
