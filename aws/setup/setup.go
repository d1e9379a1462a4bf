// Package setup writes what a new account needs before rdsx can open anything in it: roles and policies, an instance that
// carries tunnels, Session documents. It renders the same plan as Terraform, CloudFormation, a script of aws commands or JSON,
// and touches AWS only in Apply.
package setup

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/aws"
)

// Shape is how an account is set up.
type Shape string

// The shapes. Classic is the routine that most guides describe, with the rights that they leave out; Recommended keeps the
// people's role apart from the instance's and allows no more than the named databases.
const (
	Classic     Shape = "classic"
	Recommended Shape = "recommended"
)

// Part is which half of a set-up is wanted.
type Part string

// The parts. Bastion needs the instance profile of IAM to exist.
const (
	PartIAM     Part = "iam"
	PartBastion Part = "bastion"
	PartAll     Part = "all"
)

// Options are the choices of a set-up.
type Options struct {
	Shape  Shape
	Part   Part
	Name   string // what every name begins with; "rdsx" when empty
	Tag    string // value of the tag rdsx on the instance; "bastion" when empty
	Region string
	// Account and Partition are needed for a script and for JSON; templates ask AWS for them.
	Account   string // 12 digits
	Partition string // "aws" when empty
	Operators []string
	Source    string // profile whose credentials assume the operators' role, for what is to be typed next; "default" when empty
	MFA       bool   // the operators' role asks for MFA (recommended only)

	VPC       string
	VPCCIDR   string // classic only, whose rules name address ranges
	Subnet    string
	Type      string // of the instance; t4g.nano, classic t3.micro, when empty
	Databases []Database
}

// Database is what a tunnel may lead to.
type Database struct {
	Name   string
	Host   string
	Port   int
	Groups []string // its security groups, sg-…
}

// What a classic set-up is called everywhere; Quick Setup uses the same role.
const (
	ClassicRole       = "AmazonSSMRoleForInstancesQuickSetup"
	ClassicUserPolicy = "AssumeSSMRolePermissionPolicy"
)

var (
	namePattern    = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9-]{0,31}$`)
	hostPattern    = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)
	accountPattern = regexp.MustCompile(`^\d{12}$`)
	regionPattern  = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-\d$`)
	groupPattern   = regexp.MustCompile(`^sg-[0-9a-f]{8,17}$`)
	subnetPattern  = regexp.MustCompile(`^subnet-[0-9a-f]{8,17}$`)
	vpcPattern     = regexp.MustCompile(`^vpc-[0-9a-f]{8,17}$`)
	cidrPattern    = regexp.MustCompile(`^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$`)
	typePattern    = regexp.MustCompile(`^[a-z0-9-]+\.[a-z0-9]+$`)
	userPattern    = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)
	arnPattern     = regexp.MustCompile(`^arn:[a-z-]+:iam::\d{12}:(root|user/[\w+=,.@/-]+|role/[\w+=,.@/-]+)$`)
	armPattern     = regexp.MustCompile(`^[a-z]+\d+g[a-z]*\.`) // t4g, m7g, c6gn
	tagPattern     = regexp.MustCompile(`^[\w.:/=+@-]{1,64}$`)
)

// Complete fills in what may be left out and refuses what could not work. Errors are usage errors that name the flag; each
// value that ends in a text is held to a pattern here, so no writer has to fear what a shell or a template would make of it.
func (o Options) Complete() (Options, error) {
	fill(&o.Name, "rdsx")
	fill(&o.Tag, "bastion")
	fill(&o.Partition, partitionOf(o.Region))
	fill(&o.Type, map[Shape]string{Classic: "t3.micro", Recommended: "t4g.nano"}[o.Shape])
	checks := []struct {
		ok   bool
		text string
	}{
		{o.Shape == Classic || o.Shape == Recommended, fmt.Sprintf("--shape %q is neither classic nor recommended", o.Shape)},
		{o.Part == PartIAM || o.Part == PartBastion || o.Part == PartAll, fmt.Sprintf("%q is none of iam, bastion, all", o.Part)},
		{namePattern.MatchString(o.Name), fmt.Sprintf("--name %q: a letter, then letters, digits and hyphens, 32 at most", o.Name)},
		{tagPattern.MatchString(o.Tag), fmt.Sprintf("--tag %q is not a tag's value", o.Tag)},
		{o.Account == "" || accountPattern.MatchString(o.Account), fmt.Sprintf("--account %q is not twelve digits", o.Account)},
		{o.Region == "" || regionPattern.MatchString(o.Region), fmt.Sprintf("--region %q is not a region", o.Region)},
		{slices.Contains([]string{"aws", "aws-cn", "aws-us-gov", "aws-eusc"}, o.Partition), fmt.Sprintf("partition %q is none of aws, aws-cn, aws-us-gov, aws-eusc", o.Partition)},
		{typePattern.MatchString(o.Type), fmt.Sprintf("--instance-type %q is not an instance type", o.Type)},
	}
	for _, c := range checks {
		if !c.ok {
			return o, usage(c.text)
		}
	}
	if err := o.checkOperators(); err != nil {
		return o, err
	}
	return o, o.checkNetwork()
}

// partitionOf is the partition that a region is in, by its name.
func partitionOf(region string) string {
	for prefix, partition := range map[string]string{"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"} {
		if strings.HasPrefix(region, prefix) {
			return partition
		}
	}
	return "aws"
}

func (o Options) checkOperators() error {
	if o.Part == PartBastion {
		return nil
	}
	if len(o.Operators) == 0 {
		return usage("who may open tunnels is not said: --operator NAME-OF-AN-IAM-USER, or an ARN")
	}
	for _, name := range o.Operators {
		if !userPattern.MatchString(name) && !arnPattern.MatchString(name) {
			return usage(fmt.Sprintf("--operator %q is neither the name of an IAM user nor the ARN of a user, a role or an account's root", name))
		}
		if o.Shape == Classic && !userPattern.MatchString(name) {
			return usage(fmt.Sprintf("--operator %q: the classic shape puts a policy on an IAM user, so it takes a user's name", name))
		}
	}
	return nil
}

func (o Options) checkNetwork() error {
	seen := map[string]bool{}
	for _, d := range o.Databases {
		switch {
		case !namePattern.MatchString(strings.ReplaceAll(d.Name, ".", "-")) && !hostPattern.MatchString(d.Name):
			return usage(fmt.Sprintf("--database: %q is not a name", d.Name))
		case len(o.DocumentName(d)) > 128:
			return usage(fmt.Sprintf("--database %s: the document %s would have more than 128 letters", d.Name, o.DocumentName(d)))
		case seen[documentSuffix(d)]:
			return usage(fmt.Sprintf("--database %s is there twice", d.Name))
		case !hostPattern.MatchString(d.Host):
			return usage(fmt.Sprintf("--database %s: %q is not a host's name", d.Name, d.Host))
		case d.Port < 1 || d.Port > 65535:
			return usage(fmt.Sprintf("--database %s: port %d is not 1 to 65535", d.Name, d.Port))
		}
		seen[documentSuffix(d)] = true
		for _, g := range d.Groups {
			if !groupPattern.MatchString(g) {
				return usage(fmt.Sprintf("--database %s: %q is not a security group's id", d.Name, g))
			}
		}
	}
	if o.Shape == Recommended && len(o.Databases) == 0 || o.Part != PartIAM && len(o.Databases) == 0 {
		return usage("which databases is not said: --database IDENTIFIER, or NAME=HOST:PORT@sg-…")
	}
	if o.Part == PartIAM {
		return nil
	}
	switch {
	case !vpcPattern.MatchString(o.VPC):
		return usage(fmt.Sprintf("--vpc %q is not a VPC's id", o.VPC))
	case !subnetPattern.MatchString(o.Subnet):
		return usage(fmt.Sprintf("--subnet %q is not a subnet's id", o.Subnet))
	case o.Shape == Classic && !cidrPattern.MatchString(o.VPCCIDR):
		return usage(fmt.Sprintf("--vpc-cidr %q: the classic shape's rules name the VPC's address range", o.VPCCIDR))
	}
	for _, d := range o.Databases {
		if len(d.Groups) == 0 {
			return usage(fmt.Sprintf("--database %s has no security group to let the instance in: NAME=HOST:PORT@sg-…", d.Name))
		}
	}
	return nil
}

func usage(text string) error { return aws.Advise(errors.New(text), aws.ErrUsage, "rdsx setup --help") }

func fill(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// The names of what is made.

// InstanceRole is the name of the instance's role and of its profile.
func (o Options) InstanceRole() string {
	if o.Shape == Classic {
		return ClassicRole
	}
	return o.Name + "-instance"
}

// OperatorRole is the name of the role that people assume.
func (o Options) OperatorRole() string {
	if o.Shape == Classic {
		return ClassicRole
	}
	return o.Name + "-operator"
}

// Bastion is the name of the instance and of its security group.
func (o Options) Bastion() string { return o.Name + "-bastion" }

// DocumentName is the name of the Session document that leads to a database; "" in the classic shape, which uses AWS's own.
func (o Options) DocumentName(d Database) string {
	if o.Shape == Classic {
		return ""
	}
	return o.Name + "-" + documentSuffix(d)
}

func documentSuffix(d Database) string { return strings.ReplaceAll(d.Name, ".", "-") }
