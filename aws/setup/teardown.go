package setup

import (
	"fmt"
	"strings"
)

// Teardown is a script that removes what a set-up of these options made, last things first. Like the set-up's own it is text
// for a person to read and to run. Of the options it needs the shape, the name, the account, the region and, in the classic
// shape, the users.
func Teardown(o Options) (Text, error) {
	o.Part = PartIAM
	if o.Shape == Recommended {
		o.Operators = []string{"nobody"} // none of them is touched
		o.Databases = []Database{{Name: "any", Host: "any", Port: 1}}
	}
	o, err := o.Complete()
	if err != nil {
		return Text{}, err
	}
	if o.Account == "" || o.Region == "" {
		return Text{}, usage("the script holds whole ARNs: --account and --region are needed, or credentials that tell them")
	}
	p := newPlan(o)
	var b strings.Builder
	fmt.Fprintf(&b, "#!/bin/sh\n# Removes what `rdsx setup` made: %s shape, account %s, region %s. Read it, then run it with the rights of an administrator.\n",
		o.Shape, o.Account, o.Region)
	fmt.Fprintf(&b, "# Made with Terraform, it goes with `terraform destroy`; with CloudFormation: aws cloudformation delete-stack --stack-name %s --region %s\n", o.Name, o.Region)
	if o.Shape == Classic {
		fmt.Fprintf(&b, "# Should Quick Setup have made %s, other instances live by it: take the lines of the role and the profile out.\n", ClassicRole)
	}
	b.WriteString(teardownHead)
	fmt.Fprintf(&b, "export AWS_REGION=%s AWS_DEFAULT_REGION=%s\n", o.Region, o.Region)
	fmt.Fprintf(&b, "[ \"$(aws sts get-caller-identity --query Account --output text)\" = %s ] || fail \"these credentials are of another account than %s\"\n", o.Account, o.Account)
	p.dropBastion(&b)
	for _, u := range p.users {
		fmt.Fprintf(&b, "drop aws iam delete-user-policy --user-name '%s' --policy-name %s\n", u.user, u.name)
	}
	p.dropRoles(&b)
	b.WriteString("echo done\n")
	return Text{Name: o.Name + "-teardown.sh", Body: b.String(), Executable: true}, nil
}

const teardownHead = `set -eu
export AWS_PAGER=''

fail() {
  echo "$*" >&2
  exit 1
}

# drop runs a command that removes something; what is not there needs no removing.
drop() {
  if ! out=$("$@" 2>&1); then
    case $out in
    *NoSuchEntity* | *NotFound* | *InvalidDocument* | *DoesNotExist*) echo "not there: $*" >&2 ;;
    *) fail "$out" ;;
    esac
  fi
}

`

func (p plan) dropBastion(b *strings.Builder) {
	fmt.Fprintf(b, `
# The instance first: it holds the security group.
instances=$(aws ec2 describe-instances --filters Name=tag:rdsx:setup,Values=%[1]s Name=instance-state-name,Values=pending,running,stopping,stopped --query 'Reservations[].Instances[].InstanceId' --output text)
if [ -n "$instances" ]; then
  # shellcheck disable=SC2086
  aws ec2 terminate-instances --instance-ids $instances
  # shellcheck disable=SC2086
  aws ec2 wait instance-terminated --instance-ids $instances
fi

# Rules of the databases' groups that let it in, then its group.
group=$(aws ec2 describe-security-groups --filters Name=tag:rdsx:setup,Values=%[1]s --query 'SecurityGroups[0].GroupId' --output text)
if [ "$group" != None ]; then
  for peer in $(aws ec2 describe-security-groups --filters "Name=ip-permission.group-id,Values=$group" --query 'SecurityGroups[].GroupId' --output text); do
    for port in $(aws ec2 describe-security-groups --group-ids "$peer" --query "SecurityGroups[0].IpPermissions[?UserIdGroupPairs[?GroupId=='$group']].FromPort" --output text); do
      drop aws ec2 revoke-security-group-ingress --group-id "$peer" --ip-permissions "IpProtocol=tcp,FromPort=$port,ToPort=$port,UserIdGroupPairs=[{GroupId=$group}]"
    done
  done
  drop aws ec2 delete-security-group --group-id "$group"
fi
`, p.Name)
	if p.Shape == Classic {
		var names []string
		for _, a := range hostManagement(p.Name) {
			names = append(names, "AssociationName == '"+a.name+"'")
		}
		fmt.Fprintf(b, `
# The rules by address range stay: rdsx cannot tell them from yours. In the databases' groups they are called "rdsx tunnels".
for id in $(aws ssm list-associations --query "Associations[?%s].AssociationId" --output text); do
  drop aws ssm delete-association --association-id "$id"
done

`, strings.Join(names, " || "))
		return
	}
	fmt.Fprintf(b, `
# The Session documents.
for name in $(aws ssm list-documents --filters Key=Owner,Values=Self Key=DocumentType,Values=Session Key=tag:rdsx:setup,Values=%[1]s --query 'DocumentIdentifiers[].Name' --output text); do
  drop aws ssm delete-document --name "$name"
done

`, p.Name)
}

func (p plan) dropRoles(b *strings.Builder) {
	fmt.Fprintf(b, "drop aws iam remove-role-from-instance-profile --instance-profile-name %s --role-name %s\n", p.InstanceRole(), p.InstanceRole())
	fmt.Fprintf(b, "drop aws iam delete-instance-profile --instance-profile-name %s\n", p.InstanceRole())
	for _, r := range []*role{p.instanceRole, p.operator} {
		if r == nil {
			continue
		}
		for _, arn := range managedARNs(r.managed) {
			fmt.Fprintf(b, "drop aws iam detach-role-policy --role-name %s --policy-arn %s\n", r.name, p.place().fill(arn))
		}
		if r.policy != nil {
			fmt.Fprintf(b, "drop aws iam delete-role-policy --role-name %s --policy-name %s\n", r.name, r.inline)
		}
		fmt.Fprintf(b, "drop aws iam delete-role --role-name %s\n", r.name)
	}
}
