package setup

import (
	"fmt"
	"slices"
	"strconv"
)

// plan is what a set-up makes, whatever text it becomes.
type plan struct {
	Options
	instanceRole *role
	profile      bool // the instance profile is made here
	operator     *role
	users        []userPolicy
	group        *group
	documents    []document
	associations []association
	notes        []string
}

type role struct {
	name, why  string
	trust      Policy
	managed    []string // names of AWS's managed policies
	inline     string   // name of its inline policy
	policy     Policy   // nil for none
	maxSeconds int
}

type userPolicy struct {
	user, name string
	policy     Policy
}

// group is the instance's security group: no ingress, and this egress. Its peers let it in by the same ports.
type group struct {
	name   string
	egress []rule
	peers  []rule // ingress of the databases' groups
}

// rule is one port of a group. Of cidr and peer one is set; into is the group that an ingress rule goes into.
type rule struct {
	id   string // a name for templates
	port int
	cidr string
	peer string
	into string
	text string
}

type document struct {
	name string
	tree object
}

type association struct {
	name, document, schedule string
	parameters               []field // of lists
}

const sessionSeconds = 4 * 3600

// newPlan turns options that are complete into a plan.
func newPlan(o Options) plan {
	p := plan{Options: o}
	if o.Part != PartBastion {
		p.addIAM()
	}
	if o.Part != PartIAM {
		p.addBastion()
	}
	return p
}

func (p *plan) addIAM() {
	p.profile = true
	p.instanceRole = &role{
		name: p.InstanceRole(), why: "lets the agent of the instance talk to Systems Manager",
		trust: Policy{serviceTrust("ec2.amazonaws.com")}, managed: []string{"AmazonSSMManagedInstanceCore"},
	}
	if p.Shape == Classic {
		p.addClassicIAM()
		return
	}
	trust := Statement{AWS: principals(p.Operators), Actions: []string{"sts:AssumeRole"}}
	if p.MFA {
		trust.Condition = []Condition{{"Bool", "aws:MultiFactorAuthPresent", []string{"true"}}}
	}
	names := make([]string, len(p.Databases))
	for i, d := range p.Databases {
		names[i] = p.DocumentName(d)
	}
	rights, _ := Least(OperatorCommands(), Scope{Tag: p.Tag, Documents: names}) // its commands are in the table
	rights = slices.DeleteFunc(rights, func(s Statement) bool { return s.Sid == "AssumeTheRole" })
	p.operator = &role{
		name: p.OperatorRole(), why: "what people assume: sessions to the tagged instance, through the named documents only",
		trust: Policy{trust}, inline: p.Name + "-operator", policy: rights, maxSeconds: sessionSeconds,
	}
	if p.MFA {
		p.notes = append(p.notes, "The operators' role asks for MFA. People who sign in with IAM Identity Center pass MFA there, which AWS does not tell the role: for them use --mfa=false.")
	}
}

// addClassicIAM is the routine of the guides, and what they leave out: the managed policies hold no ssm:StartSession and no
// Describe of EC2 or RDS (docs/aws.md §6).
func (p *plan) addClassicIAM() {
	r := p.instanceRole
	r.why = "the role of the instance, which the users assume as well"
	r.trust = append(r.trust, Statement{AWS: principals(p.Operators), Actions: []string{"sts:AssumeRole"}})
	r.managed = append(r.managed, "AmazonSSMPatchAssociation")
	r.inline = p.Name + "-session-rights"
	rights, _ := Least(OperatorCommands(), Scope{}) // its commands are in the table
	r.policy = slices.DeleteFunc(rights, func(s Statement) bool { return s.Sid == "AssumeTheRole" })
	for _, user := range p.Operators {
		p.users = append(p.users, userPolicy{user, ClassicUserPolicy, Policy{{
			Actions: []string{"sts:AssumeRole"}, Resources: []string{roleARN(ClassicRole)},
		}}})
	}
	p.notes = append(
		p.notes,
		"The managed policies of the classic routine allow no ssm:StartSession and no look at EC2 or RDS: the inline policy "+r.inline+" adds both, or connect would be refused.",
		"In this shape the instance and the people share one role: each can do what the other may, the people can pass for the instance. The recommended shape keeps them apart.",
		"The role "+ClassicRole+" may exist already, made by Quick Setup: then its trust policy stays as it is, and the users have to be added to it.",
	)
}

// OperatorCommands are the commands that the operators' policy is for.
func OperatorCommands() []string { return []string{"connect", "ls", "screen"} }

func (p *plan) addBastion() {
	g := &group{name: p.Bastion(), egress: []rule{{id: "ssm", port: 443, cidr: "0.0.0.0/0", text: "Systems Manager"}}}
	for _, d := range p.Databases {
		for _, id := range d.Groups {
			name := fmt.Sprintf("db-%d-%s", d.Port, id)
			if slices.ContainsFunc(g.peers, func(r rule) bool { return r.id == name }) {
				continue
			}
			in := rule{id: name, port: d.Port, into: id, text: "rdsx tunnels"}
			out := rule{id: name, port: d.Port, peer: id, text: d.Name}
			if p.Shape == Classic {
				in.cidr, out.peer, out.cidr = p.VPCCIDR, "", p.VPCCIDR
				out.id = "db-" + strconv.Itoa(d.Port)
			}
			g.peers = append(g.peers, in)
			if !slices.ContainsFunc(g.egress, func(r rule) bool { return r.id == out.id }) {
				g.egress = append(g.egress, out)
			}
		}
		if name := p.DocumentName(d); name != "" {
			p.documents = append(p.documents, document{name, documentTree(d)})
		}
	}
	p.group = g
	if p.Shape == Classic {
		p.associations = hostManagement(p.Name)
	}
	p.notes = append(p.notes, "The instance needs a way out to Systems Manager on 443: a NAT gateway, or interface endpoints for ssm and ssmmessages in the VPC.")
}

// documentTree is a Session document whose destination is fixed: no condition key can limit a host, so this is the only way to
// allow one database and no other (docs/aws.md §5).
func documentTree(d Database) object {
	return object{
		{"schemaVersion", "1.0"},
		{"description", "rdsx: a tunnel to " + d.Name + " and nowhere else"},
		{"sessionType", "Port"},
		{"parameters", object{{"localPortNumber", object{
			{"type", "String"},
			{"description", "Port on the local machine, for the log"},
			{"default", "0"},
			{"allowedPattern", "^[0-9]{1,5}$"},
		}}}},
		{"properties", object{
			{"type", "LocalPortForwarding"},
			{"host", d.Host},
			{"portNumber", strconv.Itoa(d.Port)},
			{"localPortNumber", "{{ localPortNumber }}"},
		}},
	}
}

// hostManagement is what Quick Setup's Host Management runs: the agent is kept new, an inventory is taken, missing patches are
// found.
func hostManagement(name string) []association {
	const prefix = "AWS-QuickSetup-SSMHostMgmt-"
	return []association{
		{prefix + "UpdateSSMAgent-" + name, "AWS-UpdateSSMAgent", "rate(14 days)", nil},
		{prefix + "CollectInventory-" + name, "AWS-GatherSoftwareInventory", "rate(30 minutes)", nil},
		{prefix + "ScanForPatches-" + name, "AWS-RunPatchBaseline", "rate(1 day)", []field{{"Operation", list{"Scan"}}}},
	}
}

// images are the public parameters that name the newest Amazon Linux 2023. The minimal variant is no choice: it lacks the agent.
func (p plan) image() string {
	arch := "x86_64"
	if armPattern.MatchString(p.Type) {
		arch = "arm64"
	}
	return "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-" + arch
}
