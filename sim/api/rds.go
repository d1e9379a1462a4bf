package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/rdsx/rdsx/sim/world"
)

const rdsVersion = "2014-10-31"

func rdsService() *service {
	const arn = "arn:aws:rds:{region}:{account}:"
	return &service{name: "rds", wire: queryWire{xmlns: "http://rds.amazonaws.com/doc/" + rdsVersion + "/"}, operations: map[string]operation{
		"DescribeDBInstances":         {"", rdsOp(arn+"db:", "DBInstanceIdentifier", describeDBInstances)},
		"DescribeDBClusters":          {"", rdsOp(arn+"cluster:", "DBClusterIdentifier", describeDBClusters)},
		"DescribeDBClusterEndpoints":  {"", rdsOp(arn+"cluster-endpoint:", "DBClusterEndpointIdentifier", describeDBClusterEndpoints)},
		"DescribeDBClusterParameters": {"", rdsOp(arn+"cluster-pg:", "DBClusterParameterGroupName", describeDBClusterParameters)},
		"DescribeDBProxies":           {"", rdsOp(arn+"db-proxy:", "", describeDBProxies)},
		"DescribeDBProxyEndpoints":    {"", rdsOp(arn+"db-proxy-endpoint:", "", describeDBProxyEndpoints)},
	}}
}

// rdsOp asks for the one thing that is named, or for all (RDS names it by identifier; proxies have ARNs of their own ids).
func rdsOp(arn, parameter string, run func(*call) (any, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		id := c.form.Get(parameter)
		if id == "" {
			id = "*"
		}
		if err := c.permit("rds:"+c.name, c.fill(arn)+identifier(id), nil); err != nil {
			return nil, err
		}
		return run(c)
	}
}

// identifier is the name in a name or an ARN; RDS takes both.
func identifier(s string) string {
	if strings.HasPrefix(s, "arn:") {
		s = s[strings.LastIndexByte(s, ':')+1:]
	}
	return strings.ToLower(s)
}

// rdsFilter says whether something passes all Filters; have gives its values for a filter name, nil for a name unknown to the
// operation.
func rdsFilter(c *call, have func(name string) []string) (bool, error) {
	passes := true
	for i := 1; ; i++ {
		at := "Filters.Filter." + strconv.Itoa(i)
		name := c.form.Get(at + ".Name")
		if name == "" {
			return passes, nil
		}
		values := have(name)
		if values == nil {
			return false, failf("InvalidParameterValue", "Unrecognized filter name: %s", name) //nolint:misspell // AWS's words
		}
		wanted := list(c.form, at+".Values.Value")
		if !slices.ContainsFunc(wanted, func(w string) bool { return slices.Contains(values, identifier(w)) || slices.Contains(values, w) }) {
			passes = false
		}
	}
}

func missing(code, format string, args ...any) error {
	e := failf(code, format, args...)
	e.Status = http.StatusNotFound
	return e
}

type rdsEndpoint struct {
	Address      string
	Port         int
	HostedZoneID string `xml:"HostedZoneId"`
}

const hostedZone = "Z29XKXDKYMONMX"

type rdsGroup struct {
	ID     string `xml:"VpcSecurityGroupId"`
	Status string
}

type rdsSubnet struct {
	ID     string `xml:"SubnetIdentifier"`
	AZ     string `xml:"SubnetAvailabilityZone>Name"`
	Status string `xml:"SubnetStatus"`
}

type subnetGroup struct {
	Name        string      `xml:"DBSubnetGroupName"`
	Description string      `xml:"DBSubnetGroupDescription"`
	VPC         string      `xml:"VpcId"`
	Status      string      `xml:"SubnetGroupStatus"`
	Subnets     []rdsSubnet `xml:"Subnets>Subnet"`
	ARN         string      `xml:"DBSubnetGroupArn"`
}

type rdsSecret struct {
	ARN    string `xml:"SecretArn"`
	Status string `xml:"SecretStatus"`
	Key    string `xml:"KmsKeyId"`
}

// members wraps a list, so that its element is written when it is empty too.
type members[T any] struct {
	Items []T `xml:"member"`
}

type rdsTags struct {
	Items []rdsTag `xml:"Tag"`
}

type rdsTag struct{ Key, Value string }

func tagsOf(tags map[string]string) rdsTags {
	var all rdsTags
	for _, t := range tagList(tags) {
		all.Items = append(all.Items, rdsTag(t))
	}
	return all
}

func rdsGroups(ids []string) []rdsGroup {
	var all []rdsGroup
	for _, id := range ids {
		all = append(all, rdsGroup{id, "active"})
	}
	return all
}

func (c *call) subnetGroup(r world.Region, name string, subnets []string) subnetGroup {
	g := subnetGroup{Name: name, Description: name, Status: "Complete", ARN: c.fill("arn:aws:rds:{region}:{account}:subgrp:" + name)}
	for _, id := range subnets {
		for _, s := range r.Subnets {
			if s.ID == id {
				g.VPC = s.VPC
				g.Subnets = append(g.Subnets, rdsSubnet{s.ID, s.AZ, "Active"})
			}
		}
	}
	return g
}

func (c *call) secret(kind, resourceID string) *rdsSecret {
	return &rdsSecret{
		ARN:    c.fill("arn:aws:secretsmanager:{region}:{account}:secret:rds!" + kind + "-" + made("", resourceID)),
		Status: "active", Key: c.fill("arn:aws:kms:{region}:{account}:key/11111111-2222-4333-8444-555555555555"),
	}
}
