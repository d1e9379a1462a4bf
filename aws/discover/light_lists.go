package discover

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
)

// lightMachines makes ec2:DescribeInstances give what machineOf reads.
func lightMachines(o *ec2.Options) {
	o.APIOptions = append(o.APIOptions, lightly(func(b []byte) (any, error) { return readMachines(b) }))
}

func readMachines(b []byte) (*ec2.DescribeInstancesOutput, error) {
	x, out := newLightXML(b), &ec2.DescribeInstancesOutput{}
	err := x.root("DescribeInstancesResponse", func(name string) {
		switch name {
		case "nextToken":
			out.NextToken = x.pointer()
		case "reservationSet":
			x.each(func(string) {
				var r ec2types.Reservation
				x.each(func(name string) {
					if name == "instancesSet" {
						x.each(func(string) { r.Instances = append(r.Instances, x.machine()) })
					}
				})
				out.Reservations = append(out.Reservations, r)
			})
		}
	})
	return out, err
}

func (x *lightXML) pointer() *string {
	s := x.text()
	return &s
}

func (x *lightXML) machine() (m ec2types.Instance) {
	x.each(func(name string) {
		switch name {
		case "instanceId":
			m.InstanceId = x.pointer()
		case "vpcId":
			m.VpcId = x.pointer()
		case "subnetId":
			m.SubnetId = x.pointer()
		case "privateIpAddress":
			m.PrivateIpAddress = x.pointer()
		case "instanceState":
			m.State = &ec2types.InstanceState{}
			x.each(func(name string) {
				if name == "name" {
					m.State.Name = ec2types.InstanceStateName(x.text())
				}
			})
		case "placement":
			m.Placement = &ec2types.Placement{}
			x.each(func(name string) {
				if name == "availabilityZone" {
					m.Placement.AvailabilityZone = x.pointer()
				}
			})
		case "groupSet":
			m.SecurityGroups = x.machineGroups()
		case "networkInterfaceSet":
			x.each(func(string) {
				var eni ec2types.InstanceNetworkInterface
				x.each(func(name string) {
					if name == "groupSet" {
						eni.Groups = x.machineGroups()
					}
				})
				m.NetworkInterfaces = append(m.NetworkInterfaces, eni)
			})
		case "tagSet":
			x.each(func(string) {
				key, value := x.pair("key", "value")
				m.Tags = append(m.Tags, ec2types.Tag{Key: &key, Value: &value})
			})
		}
	})
	return m
}

func (x *lightXML) machineGroups() (all []ec2types.GroupIdentifier) {
	x.each(func(string) {
		id, _ := x.pair("groupId", "groupName")
		all = append(all, ec2types.GroupIdentifier{GroupId: &id})
	})
	return all
}

// pair reads the texts of two children.
func (x *lightXML) pair(first, second string) (a, b string) {
	x.each(func(name string) {
		switch name {
		case first:
			a = x.text()
		case second:
			b = x.text()
		}
	})
	return a, b
}

// lightDatabases makes rds:DescribeDBInstances give what known.database reads.
func lightDatabases(o *rds.Options) {
	o.APIOptions = append(o.APIOptions, lightly(func(b []byte) (any, error) { return readDatabases(b) }))
}

func readDatabases(b []byte) (*rds.DescribeDBInstancesOutput, error) {
	x, out := newLightXML(b), &rds.DescribeDBInstancesOutput{}
	err := x.root("DescribeDBInstancesResponse", func(name string) {
		if name != "DescribeDBInstancesResult" {
			return
		}
		x.each(func(name string) {
			switch name {
			case "Marker":
				out.Marker = x.pointer()
			case "DBInstances":
				x.each(func(string) { out.DBInstances = append(out.DBInstances, x.dbInstance()) })
			}
		})
	})
	return out, err
}

func (x *lightXML) dbInstance() (d rdstypes.DBInstance) {
	texts := map[string]**string{
		"DBInstanceIdentifier": &d.DBInstanceIdentifier, "DBClusterIdentifier": &d.DBClusterIdentifier, "Engine": &d.Engine, "EngineVersion": &d.EngineVersion,
		"DBInstanceStatus": &d.DBInstanceStatus, "AvailabilityZone": &d.AvailabilityZone, "DBInstanceArn": &d.DBInstanceArn, "DbiResourceId": &d.DbiResourceId,
		"CACertificateIdentifier": &d.CACertificateIdentifier,
	}
	x.each(func(name string) {
		if at := texts[name]; at != nil {
			*at = x.pointer()
			return
		}
		switch name {
		case "MultiAZ":
			d.MultiAZ = x.flag()
		case "IAMDatabaseAuthenticationEnabled":
			d.IAMDatabaseAuthenticationEnabled = x.flag()
		case "Endpoint":
			d.Endpoint = x.dbEndpoint()
		case "ListenerEndpoint":
			d.ListenerEndpoint = x.dbEndpoint()
		case "MasterUserSecret":
			arn, status := x.pair("SecretArn", "SecretStatus")
			d.MasterUserSecret = &rdstypes.MasterUserSecret{SecretArn: &arn, SecretStatus: &status}
		case "VpcSecurityGroups":
			x.each(func(string) {
				id, status := x.pair("VpcSecurityGroupId", "Status")
				d.VpcSecurityGroups = append(d.VpcSecurityGroups, rdstypes.VpcSecurityGroupMembership{VpcSecurityGroupId: &id, Status: &status})
			})
		case "DBSubnetGroup":
			d.DBSubnetGroup = x.dbSubnets()
		case "TagList":
			x.each(func(string) {
				key, value := x.pair("Key", "Value")
				d.TagList = append(d.TagList, rdstypes.Tag{Key: &key, Value: &value})
			})
		}
	})
	return d
}

func (x *lightXML) dbSubnets() *rdstypes.DBSubnetGroup {
	g := &rdstypes.DBSubnetGroup{}
	x.each(func(name string) {
		switch name {
		case "VpcId":
			g.VpcId = x.pointer()
		case "Subnets":
			x.each(func(string) {
				id, _ := x.pair("SubnetIdentifier", "SubnetStatus")
				g.Subnets = append(g.Subnets, rdstypes.Subnet{SubnetIdentifier: &id})
			})
		}
	})
	return g
}

func (x *lightXML) dbEndpoint() *rdstypes.Endpoint {
	host, port := x.pair("Address", "Port")
	n, err := strconv.ParseInt(port, 10, 32)
	if err != nil && port != "" {
		x.fail("the port %.20q", port)
	}
	small := int32(n)
	return &rdstypes.Endpoint{Address: &host, Port: &small}
}

func (x *lightXML) flag() *bool {
	s := x.text()
	v, err := strconv.ParseBool(s)
	if err != nil {
		x.fail("%.20q is no truth", s)
	}
	return &v
}
