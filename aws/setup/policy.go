package setup

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/aws"
)

// Policy is a policy document of IAM. Its ARNs may hold {partition}, {region} and {account}; each format fills them in its way.
type Policy []Statement

// Statement allows actions.
type Statement struct {
	Sid       string
	Service   string   // trust policies: a service that may assume
	AWS       []string // trust policies: ARNs that may assume
	Actions   []string
	Resources []string // none in a trust policy
	Condition []Condition
}

// Condition is one line of a Condition block.
type Condition struct {
	Op, Key string
	Values  []string
}

func (p Policy) tree() object {
	statements := list{}
	for _, s := range p {
		statements = append(statements, s.tree())
	}
	return object{{"Version", "2012-10-17"}, {"Statement", statements}}
}

func (s Statement) tree() object {
	var o object
	if s.Sid != "" {
		o = append(o, field{"Sid", s.Sid})
	}
	o = append(o, field{"Effect", "Allow"})
	var who object
	if s.Service != "" {
		who = append(who, field{"Service", s.Service})
	}
	if len(s.AWS) > 0 {
		who = append(who, field{"AWS", oneOrAll(s.AWS)})
	}
	if who != nil {
		o = append(o, field{"Principal", who})
	}
	o = append(o, field{"Action", oneOrAll(s.Actions)})
	if len(s.Resources) > 0 {
		o = append(o, field{"Resource", oneOrAll(s.Resources)})
	}
	var conditions object
	for _, c := range s.Condition {
		at := slices.IndexFunc(conditions, func(f field) bool { return f.name == c.Op })
		if at < 0 {
			conditions = append(conditions, field{c.Op, object{}})
			at = len(conditions) - 1
		}
		conditions[at].value = append(conditions[at].value.(object), field{c.Key, oneOrAll(c.Values)})
	}
	if conditions != nil {
		o = append(o, field{"Condition", conditions})
	}
	return o
}

func oneOrAll(all []string) any {
	if len(all) == 1 {
		return all[0]
	}
	return words(all)
}

// Text is the policy as JSON. at fills in partition, region and account; what it leaves empty stays a wildcard.
func (p Policy) Text(at Place) string {
	return jsonText(p.tree(), func(s string) any { return at.fill(s) }) + "\n"
}

// Place is where a policy holds. What is empty is anywhere; an empty partition is the region's.
type Place struct{ Partition, Region, Account string }

// Check refuses a region and an account that are none. Errors are usage errors.
func (p Place) Check() error {
	switch {
	case p.Region != "" && !regionPattern.MatchString(p.Region):
		return badPolicy(fmt.Sprintf("--region %q is not a region", p.Region))
	case p.Account != "" && !accountPattern.MatchString(p.Account):
		return badPolicy(fmt.Sprintf("--account %q is not twelve digits", p.Account))
	}
	return nil
}

// check refuses what no ARN and no tag can hold.
func (s Scope) check() error {
	if s.Tag != "" && !tagPattern.MatchString(s.Tag) {
		return badPolicy(fmt.Sprintf("--tag %q is not a tag's value", s.Tag))
	}
	for _, d := range s.Documents {
		if !documentPattern.MatchString(d) {
			return badPolicy(fmt.Sprintf("--document %q is not the name of a document of the account", d))
		}
	}
	for _, r := range s.Roles {
		if !rolePattern.MatchString(r) {
			return badPolicy(fmt.Sprintf("--role-arn %q is not a role's ARN, arn:aws:iam::ACCOUNT:role/NAME", r))
		}
	}
	return nil
}

func badPolicy(text string) error {
	return aws.Advise(errors.New(text), aws.ErrUsage, "rdsx policy --help")
}

var (
	documentPattern = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,128}$`)
	rolePattern     = regexp.MustCompile(`^arn:[a-z-]+:iam::(\d{12}|\*):role/[\w+=,.@/*-]+$`)
)

func (p Place) fill(s string) string {
	or := func(value, standard string) string {
		if value == "" {
			return standard
		}
		return value
	}
	return strings.NewReplacer("{partition}", or(p.Partition, partitionOf(p.Region)), "{region}", or(p.Region, "*"), "{account}", or(p.Account, "*")).Replace(s)
}

func (o Options) place() Place { return Place{o.Partition, o.Region, o.Account} }

// serviceTrust lets a service assume the role.
func serviceTrust(service string) Statement {
	return Statement{Service: service, Actions: []string{"sts:AssumeRole"}}
}

// principal is the ARN of an operator.
func principal(name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return "arn:{partition}:iam::{account}:user/" + name
}

func principals(names []string) []string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = principal(n)
	}
	return all
}

func roleARN(name string) string { return "arn:{partition}:iam::{account}:role/" + name }
