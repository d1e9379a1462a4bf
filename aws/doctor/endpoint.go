package doctor

import (
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/rdsx/rdsx/aws"
)

// endpointFix makes the endpoint of a service, with a group of its own that lets 443 in from the instance's group: that one may
// let nobody in.
func endpointFix(m ec2types.Instance, service string) aws.Fix {
	vpc, subnet := sdk.ToString(m.VpcId), sdk.ToString(m.SubnetId)
	group := "THE-GROUP-OF-THE-INSTANCE"
	if mine := groupsOf(m); len(mine) > 0 {
		group = mine[0]
	}
	short := service[strings.LastIndexByte(service, '.')+1:]
	name := "rdsx-" + short + "-endpoint"
	return aws.Fix{
		Text: "make the endpoint, with a group of its own that lets 443 in from " + group,
		Command: "group=$(aws ec2 create-security-group --group-name " + name + " --description 'rdsx: the endpoint of " + short + "' --vpc-id " + vpc +
			" --query GroupId --output text{region}) && aws ec2 authorize-security-group-ingress --group-id \"$group\" --protocol tcp --port 443 --source-group " + group +
			"{region} && aws ec2 create-vpc-endpoint --vpc-endpoint-type Interface --vpc-id " + vpc + " --service-name " + service +
			" --subnet-ids " + subnet + " --security-group-ids \"$group\" --private-dns-enabled{region}",
		Terraform: endpointBlock(vpc, subnet, group, service, name),
		Console:   "VPC › Endpoints › Create endpoint › " + service + ", with a new security group: HTTPS from " + group,
	}
}

func endpointBlock(vpc, subnet, group, service, name string) string {
	return `resource "aws_security_group" "endpoint" {
  name   = "` + name + `"
  vpc_id = "` + vpc + `"
}

resource "aws_vpc_security_group_ingress_rule" "endpoint" {
  security_group_id            = aws_security_group.endpoint.id
  referenced_security_group_id = "` + group + `"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_endpoint" "this" {
  vpc_id              = "` + vpc + `"
  service_name        = "` + service + `"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = ["` + subnet + `"]
  security_group_ids  = [aws_security_group.endpoint.id]
  private_dns_enabled = true
}`
}
