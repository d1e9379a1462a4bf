package api

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rdsx/rdsx/sim/world"
)

const anySSM = "arn:aws:ssm:{region}:{account}:*"

func ssmService() *service {
	return &service{name: "ssm", wire: jsonWire{"AmazonSSM"}, operations: map[string]operation{
		"DescribeInstanceInformation": jsonOp(anySSM, describeInformation),
		"DescribeInstanceProperties":  jsonOp(anySSM, describeProperties),
		"GetConnectionStatus":         jsonOp("", getConnectionStatus),
		"StartSession":                jsonOp("", startSession),
		"ResumeSession":               jsonOp("", resumeSession),
		"TerminateSession":            jsonOp("", terminateSession),
		"DescribeSessions":            jsonOp(anySSM, describeSessions),
		"GetDocument":                 jsonOp("", getDocument),
		"DescribeDocument":            jsonOp("", describeDocument),
	}}
}

// node is an instance as Systems Manager describes it; a few fields are in one of the two listings only.
type node struct {
	InstanceID       string  `json:"InstanceId"`
	Name             string  `json:",omitempty"` // hybrid: the name it was registered with; properties: the Name tag too
	PingStatus       string  `json:",omitempty"`
	LastPingDateTime float64 `json:",omitempty"`
	AgentVersion     string  `json:",omitempty"`
	IsLatestVersion  *bool   `json:",omitempty"`
	PlatformType     string  `json:",omitempty"`
	PlatformName     string  `json:",omitempty"`
	PlatformVersion  string  `json:",omitempty"`
	ResourceType     string  `json:",omitempty"`
	IPAddress        string  `json:",omitempty"`
	ComputerName     string  `json:",omitempty"`
	IamRole          string  `json:",omitempty"`
	ActivationID     string  `json:"ActivationId,omitempty"`
	RegistrationDate float64 `json:",omitempty"`
	SourceID         string  `json:"SourceId,omitempty"`
	SourceType       string  `json:",omitempty"`

	InstanceType  string  `json:",omitempty"`
	InstanceRole  string  `json:",omitempty"`
	InstanceState string  `json:",omitempty"`
	Architecture  string  `json:",omitempty"`
	LaunchTime    float64 `json:",omitempty"`

	tags map[string]string
}

// latestAgent is what IsLatestVersion compares with.
const latestAgent = "3.3.4851.0"

// nodes are the managed nodes of the region in the order of their ids. Instances without an agent are unknown, stopped ones
// are left out (docs/aws.md §3).
func (c *call) nodes() []node {
	var all []node
	now := c.api.now()
	for _, i := range c.region().Instances {
		if i.AgentVersion == "" || !i.Hybrid() && i.State != "running" {
			continue
		}
		latest := i.AgentVersion == latestAgent
		n := node{
			InstanceID: i.ID, PingStatus: i.PingStatus, LastPingDateTime: epoch(now.Add(-i.LastPing)), AgentVersion: i.AgentVersion,
			IsLatestVersion: &latest, PlatformType: i.Platform, PlatformName: i.PlatformName, PlatformVersion: platformVersion(i),
			IPAddress: i.IP, ComputerName: i.Name, tags: i.Tags,
		}
		if i.Hybrid() {
			n.ResourceType, n.Name = "ManagedInstance", i.Name
			n.IamRole, n.ActivationID = "service-role/AmazonEC2RunCommandRoleForManagedInstances", "11111111-2222-4333-8444-555555555555"
			n.RegistrationDate = epoch(now.Add(-i.Launched))
		} else {
			n.ResourceType = "EC2Instance"
			n.ComputerName = "ip-" + strings.ReplaceAll(i.IP, ".", "-") + "." + c.place.Region + ".compute.internal"
			n.SourceID, n.SourceType = i.ID, "AWS::EC2::Instance"
		}
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b node) int { return cmp.Compare(a.InstanceID, b.InstanceID) })
	return all
}

func platformVersion(i world.Instance) string {
	switch i.Platform {
	case "Windows":
		return "10.0.20348"
	case "MacOS":
		return "15.1"
	}
	if i.PlatformName == "Ubuntu" {
		return "24.04"
	}
	return "2023"
}

// filter is one of the spellings of a filter; which are filled depends on the operation.
type filter struct {
	Key      string
	Values   []string
	ValueSet []string
	Value    string
	Operator string
}

func (f filter) values() []string {
	all := slices.Concat(f.Values, f.ValueSet)
	if f.Value != "" {
		all = append(all, f.Value)
	}
	return all
}

type nodesInput struct {
	Filters                       []filter
	InstanceInformationFilterList []filter
	InstancePropertyFilterList    []filter
	FiltersWithOperator           []filter
	MaxResults                    *int
	NextToken                     string
}

func describeInformation(c *call, in nodesInput) (any, error) {
	size, err := pageSize(in.MaxResults, 10, 5, 50)
	if err != nil {
		return nil, err
	}
	part, next, err := chosen(c, c.nodes(), slices.Concat(in.Filters, in.InstanceInformationFilterList), in.NextToken, size, "InvalidInstanceInformationFilterValue")
	if err != nil {
		return nil, err
	}
	return struct {
		InstanceInformationList []node
		NextToken               string `json:",omitempty"`
	}{part, next}, nil
}

func describeProperties(c *call, in nodesInput) (any, error) {
	size, err := pageSize(in.MaxResults, 50, 5, 1000)
	if err != nil {
		return nil, err
	}
	r := c.region()
	all := c.nodes()
	for i := range all {
		all[i].describeEC2(c, r)
	}
	part, next, err := chosen(c, all, slices.Concat(in.InstancePropertyFilterList, in.FiltersWithOperator), in.NextToken, size, "InvalidInstancePropertyFilterValue")
	if err != nil {
		return nil, err
	}
	return struct {
		InstanceProperties []node
		NextToken          string `json:",omitempty"`
	}{part, next}, nil
}

// describeEC2 adds what DescribeInstanceProperties knows beyond the agent's own report.
func (n *node) describeEC2(c *call, r world.Region) {
	n.IsLatestVersion = nil
	for _, i := range r.Instances {
		if i.ID != n.InstanceID || i.Hybrid() {
			continue
		}
		n.Name, n.InstanceType, n.InstanceState = i.Name, i.Type, i.State
		n.Architecture = architecture(i)
		n.LaunchTime = epoch(c.api.now().Add(-i.Launched))
		if i.Profile != "" {
			n.InstanceRole = "arn:aws:iam::" + c.place.Account + ":instance-profile/" + i.Profile
		}
	}
}

func pageSize(given *int, usual, least, most int) (int, error) {
	switch {
	case given == nil:
		return usual, nil
	case *given < least:
		return 0, invalid("maxResults", strconv.Itoa(*given), "have value greater than or equal to "+strconv.Itoa(least))
	case *given > most:
		return 0, invalid("maxResults", strconv.Itoa(*given), "have value less than or equal to "+strconv.Itoa(most))
	}
	return *given, nil
}

func chosen(c *call, all []node, filters []filter, token string, size int, badValue string) ([]node, string, error) {
	for _, f := range filters {
		if len(f.values()) == 0 || len(f.values()) > 100 {
			return nil, "", failf(badValue, "The filter value is not valid: %s needs 1 to 100 values.", f.Key)
		}
		if _, ok := (node{}).property(f.Key); !ok {
			return nil, "", failf("InvalidFilterKey", "%s is not a valid filter key.", f.Key)
		}
		all = slices.DeleteFunc(all, func(n node) bool { return !n.passes(f) })
	}
	part, next, ok := page(all, c.name, token, c.atMost(size))
	if !ok {
		return nil, "", failf("InvalidNextToken", "The specified token is not valid.")
	}
	if part == nil {
		part = []node{}
	}
	return part, next, nil
}

// property gives what a filter key looks at.
func (n node) property(key string) ([]string, bool) {
	switch key {
	case "InstanceIds":
		return []string{n.InstanceID}, true
	case "AgentVersion":
		return []string{n.AgentVersion}, true
	case "PingStatus":
		return []string{n.PingStatus}, true
	case "PlatformTypes", "PlatformType":
		return []string{n.PlatformType}, true
	case "ActivationIds":
		return []string{n.ActivationID}, true
	case "IamRole":
		return []string{n.IamRole}, true
	case "ResourceType":
		return []string{n.ResourceType}, true
	case "SourceIds":
		return []string{n.SourceID}, true
	case "SourceTypes":
		return []string{n.SourceType}, true
	case "AssociationStatus":
		return nil, true
	case "tag-key":
		var keys []string
		for k := range n.tags {
			keys = append(keys, k)
		}
		return keys, true
	}
	if tag, ok := strings.CutPrefix(key, "tag:"); ok {
		if v, ok := n.tags[tag]; ok {
			return []string{v}, true
		}
		return nil, true
	}
	return nil, false
}

func (n node) passes(f filter) bool {
	have, _ := n.property(f.Key)
	match := func(want string) bool {
		return slices.ContainsFunc(have, func(v string) bool {
			switch f.Operator {
			case "BeginWith":
				return strings.HasPrefix(v, want)
			case "LessThan":
				return v < want
			case "GreaterThan":
				return v > want
			}
			return v == want || f.Key == "ResourceType" && v == resourceAlias(want)
		})
	}
	return slices.ContainsFunc(f.values(), match) != (f.Operator == "NotEqual")
}

// resourceAlias lets the documentation's spelling of a resource type stand for the API's.
func resourceAlias(s string) string {
	return map[string]string{"AWS::EC2::Instance": "EC2Instance", "AWS::SSM::ManagedInstance": "ManagedInstance"}[s]
}

func getConnectionStatus(c *call, in struct{ Target string }) (any, error) {
	if err := c.permit("ssm:GetConnectionStatus", c.targetARN(in.Target), nil); err != nil {
		return nil, err
	}
	status := "notconnected"
	if i, ok := c.instance(in.Target); ok && connected(i) {
		status = "connected"
	}
	return struct{ Target, Status string }{in.Target, status}, nil
}

// instance finds a node of the caller's account and region.
func (c *call) instance(id string) (world.Instance, bool) {
	i, at, ok := c.api.world.Instance(id)
	return i, ok && at == c.place
}

func connected(i world.Instance) bool {
	return i.PingStatus == "Online" && (i.Hybrid() || i.State == "running")
}

func (c *call) targetARN(id string) string {
	if strings.HasPrefix(id, "mi-") {
		return c.fill("arn:aws:ssm:{region}:{account}:managed-instance/" + id)
	}
	if task, ok := strings.CutPrefix(id, "ecs:"); ok {
		if parts := strings.Split(task, "_"); len(parts) >= 3 {
			// Names of clusters may hold underscores; ids of tasks and containers hold none.
			return c.taskARN(strings.Join(parts[:len(parts)-2], "_"), parts[len(parts)-2])
		}
	}
	return c.fill("arn:aws:ec2:{region}:{account}:instance/" + id)
}

func architecture(i world.Instance) string {
	if family, _, ok := strings.Cut(i.Type, "."); ok && strings.Contains(family, "g") {
		return "arm64"
	}
	return "x86_64"
}

// ago is a time in the past as the world counts it.
func (c *call) ago(d time.Duration) time.Time { return c.api.now().Add(-d) }
