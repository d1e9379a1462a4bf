package setup

import (
	"fmt"
	"strings"
)

// script renders the plan as a shell script of aws commands. It can be run again: what exists is left as it is. All that
// stands in it has passed Options.Complete.
func (p plan) script() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("#!/bin/sh")
	line("# rdsx, %s shape (%s), in account %s, region %s. Read it, then run it with the rights of an administrator.", p.Shape, p.Part, p.Account, p.Region)
	for _, n := range p.notes {
		line("# - %s", n)
	}
	b.WriteString(scriptHead)
	line("export AWS_REGION=%s AWS_DEFAULT_REGION=%s", p.Region, p.Region)
	line("[ \"$(aws sts get-caller-identity --query Account --output text)\" = %s ] || fail \"these credentials are of another account than %s\"", p.Account, p.Account)
	for _, r := range []*role{p.instanceRole, p.operator} {
		if r != nil {
			p.scriptRole(&b, r)
		}
	}
	if p.profile {
		line("\nmake aws iam create-instance-profile --instance-profile-name %s", p.InstanceRole())
		line("have=$(aws iam get-instance-profile --instance-profile-name %s --query 'InstanceProfile.Roles[0].RoleName' --output text)", p.InstanceRole())
		line("case $have in\n%[1]s) ;;\nNone) aws iam add-role-to-instance-profile --instance-profile-name %[1]s --role-name %[1]s ;;", p.InstanceRole())
		line("*) fail \"the instance profile %s has another role, $have\" ;;\nesac", p.InstanceRole())
	}
	for _, u := range p.users {
		line("\n# The user %s may assume the role.", u.user)
		p.file(&b, "policy.json", u.policy.tree())
		line("aws iam put-user-policy --user-name '%s' --policy-name %s --policy-document \"file://$dir/policy.json\"", u.user, u.name)
	}
	if p.group != nil {
		p.scriptGroup(&b)
		p.scriptInstance(&b)
		p.scriptDocuments(&b)
	}
	line("\necho 'done: %s'", strings.Join(p.made(), ", "))
	return b.String()
}

const scriptHead = `set -eu
export AWS_PAGER=''
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
  echo "$*" >&2
  exit 1
}

# make runs a command that creates something; what exists already is left as it is. A quota or a throttle is a failure.
make() {
  if ! out=$("$@" 2>&1); then
    case $out in
    *'(EntityAlreadyExists)'* | *'(DocumentAlreadyExists)'* | *'(InvalidPermission.Duplicate)'*) echo "exists already: $*" >&2 ;;
    *) fail "$out" ;;
    esac
  fi
}

`

// file writes a tree into a file of the script's own folder.
func (p plan) file(b *strings.Builder, name string, tree object) {
	text := jsonText(tree, func(s string) any { return p.place().fill(s) })
	fmt.Fprintf(b, "cat >\"$dir/%s\" <<'JSON'\n%s\nJSON\n", name, text)
}

func (p plan) scriptRole(b *strings.Builder, r *role) {
	fmt.Fprintf(b, "\n# The role %s: %s.\n", r.name, r.why)
	p.file(b, "trust.json", r.trust.tree())
	seconds := ""
	if r.maxSeconds > 0 {
		seconds = fmt.Sprintf(" --max-session-duration %d", r.maxSeconds)
	}
	fmt.Fprintf(b, "make aws iam create-role --role-name %s --description 'rdsx: %s'%s --tags Key=rdsx:setup,Value=%s --assume-role-policy-document \"file://$dir/trust.json\"\n",
		r.name, r.why, seconds, p.Name)
	for _, arn := range managedARNs(r.managed) {
		fmt.Fprintf(b, "aws iam attach-role-policy --role-name %s --policy-arn %s\n", r.name, p.place().fill(arn))
	}
	if r.policy != nil {
		p.file(b, "policy.json", r.policy.tree())
		fmt.Fprintf(b, "aws iam put-role-policy --role-name %s --policy-name %s --policy-document \"file://$dir/policy.json\"\n", r.name, r.inline)
	}
}

func (p plan) scriptGroup(b *strings.Builder) {
	g := p.group
	fmt.Fprintf(b, `
# The security group %[1]s: no way in, and out to Systems Manager and the databases only.
group=$(aws ec2 describe-security-groups --filters Name=group-name,Values=%[1]s Name=vpc-id,Values=%[2]s --query 'SecurityGroups[0].GroupId' --output text)
if [ "$group" = None ]; then
  group=$(aws ec2 create-security-group --group-name %[1]s --description 'rdsx: no way in' --vpc-id %[2]s \
    --tag-specifications 'ResourceType=security-group,Tags=[{Key=rdsx:setup,Value=%[3]s},{Key=Name,Value=%[1]s}]' --query GroupId --output text)
fi
# A new group lets everything out, also one of a run that was broken off here.
open=$(aws ec2 describe-security-groups --group-ids "$group" --query "SecurityGroups[?Tags[?Key=='rdsx:setup']].IpPermissionsEgress[] | [?IpProtocol=='-1'].IpRanges[] | [?CidrIp=='0.0.0.0/0'] | length(@)" --output text)
if [ "$open" != 0 ]; then
  aws ec2 revoke-security-group-egress --group-id "$group" --ip-permissions '[{"IpProtocol":"-1","IpRanges":[{"CidrIp":"0.0.0.0/0"}]}]'
fi
`, g.name, p.VPC, p.Name)
	for _, r := range g.egress {
		fmt.Fprintf(b, "make aws ec2 authorize-security-group-egress --group-id \"$group\" --ip-permissions %s\n", permission(r, r.peer))
	}
	for _, r := range g.peers {
		fmt.Fprintf(b, "make aws ec2 authorize-security-group-ingress --group-id %s --ip-permissions %s\n", r.into, permission(r, "$group"))
	}
}

// permission is a rule in the short form of the aws command, quoted for the shell.
func permission(r rule, peer string) string {
	if r.cidr != "" {
		return fmt.Sprintf(`"IpProtocol=tcp,FromPort=%d,ToPort=%d,IpRanges=[{CidrIp=%s,Description='%s'}]"`, r.port, r.port, r.cidr, r.text)
	}
	return fmt.Sprintf(`"IpProtocol=tcp,FromPort=%d,ToPort=%d,UserIdGroupPairs=[{GroupId=%s,Description='%s'}]"`, r.port, r.port, peer, r.text)
}

func (p plan) scriptInstance(b *strings.Builder) {
	options := ""
	if p.Shape == Recommended {
		options = "--metadata-options HttpTokens=required,HttpPutResponseHopLimit=1 "
	}
	fmt.Fprintf(b, `
# The instance. A new instance profile takes some seconds until EC2 knows it.
instance=$(aws ec2 describe-instances --filters Name=tag:Name,Values=%[1]s Name=instance-state-name,Values=pending,running --query 'Reservations[0].Instances[0].InstanceId' --output text)
tries=0
while [ "$instance" = None ]; do
  if ! instance=$(aws ec2 run-instances --image-id resolve:ssm:%[2]s \
    --instance-type %[3]s --subnet-id %[4]s --security-group-ids "$group" --iam-instance-profile Name=%[5]s %[6]s\
    --tag-specifications 'ResourceType=instance,Tags=[{Key=Name,Value=%[1]s},{Key=rdsx,Value=%[7]s},{Key=rdsx:setup,Value=%[8]s}]' \
    --query 'Instances[0].InstanceId' --output text 2>"$dir/err"); then
    instance=None
    tries=$((tries + 1))
    grep -q 'IAM Instance Profile' "$dir/err" && [ "$tries" -lt 12 ] || fail "$(cat "$dir/err")"
    sleep 5
  fi
done
`, p.Bastion(), p.image(), p.Type, p.Subnet, p.InstanceRole(), options, p.Tag, p.Name)
}

func (p plan) scriptDocuments(b *strings.Builder) {
	for _, d := range p.documents {
		fmt.Fprintf(b, "\n# The Session document %s leads to one database.\n", d.name)
		p.file(b, "document.json", d.tree)
		fmt.Fprintf(b, "make aws ssm create-document --name %s --document-type Session --document-format JSON --tags Key=rdsx:setup,Value=%s --content \"file://$dir/document.json\"\n", d.name, p.Name)
	}
	if len(p.associations) > 0 {
		b.WriteString("\n# Host Management, as Quick Setup does it.\nhave=$(aws ssm list-associations --query 'Associations[].AssociationName' --output text)\n")
	}
	for _, a := range p.associations {
		parameters := ""
		for _, f := range a.parameters {
			parameters = fmt.Sprintf(" --parameters %s=%s", f.name, f.value.(list)[0])
		}
		fmt.Fprintf(b, "case $have in\n*%s*) ;;\n*) aws ssm create-association --association-name %s --name %s --schedule-expression '%s'%s --targets \"Key=InstanceIds,Values=$instance\" >/dev/null ;;\nesac\n",
			a.name, a.name, a.document, a.schedule, parameters)
	}
	b.WriteString(`
tries=0
until [ "$(aws ssm describe-instance-information --filters "Key=InstanceIds,Values=$instance" --query 'InstanceInformationList[0].PingStatus' --output text)" = Online ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 60 ] || fail "$instance has not registered with Systems Manager in five minutes: has its subnet a way out to 443?"
  sleep 5
done
`)
}
