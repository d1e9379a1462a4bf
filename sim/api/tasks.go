package api

import (
	"slices"
	"strings"

	"github.com/rdsx/rdsx/sim/world"
)

func ecsService() *service {
	return &service{name: "ecs", wire: jsonWire{"AmazonEC2ContainerServiceV20141113"}, operations: map[string]operation{
		"ListClusters":  jsonOp("*", listTaskClusters),
		"ListTasks":     jsonOp("", listTasks),
		"DescribeTasks": jsonOp("", describeTasks),
	}}
}

// ecsPage are the parameters of the lists of ECS, which spells them with a small letter.
type ecsPage struct {
	Cluster    string `json:"cluster"`
	MaxResults *int   `json:"maxResults"`
	NextToken  string `json:"nextToken"`
}

func (p ecsPage) tokens() tokens { return tokens{p.MaxResults, p.NextToken} }

func (c *call) clusterARN(name string) string {
	return c.fill("arn:aws:ecs:{region}:{account}:cluster/" + name)
}

func (c *call) taskARN(cluster, id string) string {
	return c.fill("arn:aws:ecs:{region}:{account}:task/" + cluster + "/" + id)
}

func listTaskClusters(c *call, in ecsPage) (any, error) {
	var all []string
	for _, x := range c.region().TaskClusters() {
		all = append(all, c.clusterARN(x.Name))
	}
	return paged(c, in.tokens(), 100, "clusterArns", "nextToken", all)
}

// taskCluster is the cluster of a name or an ARN.
func (c *call) taskCluster(name string) (world.ECSCluster, error) {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		name = name[i+1:]
	}
	for _, x := range c.region().ECSClusters {
		if x.Name == name {
			return x, nil
		}
	}
	return world.ECSCluster{}, failf("ClusterNotFoundException", "Cluster not found.")
}

func listTasks(c *call, in ecsPage) (any, error) {
	if err := c.permit("ecs:ListTasks", c.fill("arn:aws:ecs:{region}:{account}:container-instance/*"), nil); err != nil {
		return nil, err
	}
	cluster, err := c.taskCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, t := range cluster.Tasks {
		all = append(all, c.taskARN(cluster.Name, t.ID))
	}
	return paged(c, in.tokens(), 100, "taskArns", "nextToken", all)
}

type nameValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type taskAttachment struct {
	Type    string      `json:"type"`
	Status  string      `json:"status"`
	Details []nameValue `json:"details"`
}

type managedAgentView struct {
	Name   string `json:"name"`
	Status string `json:"lastStatus"`
}

type containerView struct {
	Name    string             `json:"name"`
	Runtime string             `json:"runtimeId"`
	Status  string             `json:"lastStatus"`
	Agents  []managedAgentView `json:"managedAgents,omitempty"`
}

type taskView struct {
	ARN         string           `json:"taskArn"`
	Cluster     string           `json:"clusterArn"`
	Status      string           `json:"lastStatus"`
	Exec        bool             `json:"enableExecuteCommand"`
	Group       string           `json:"group"`
	Launch      string           `json:"launchType"`
	AZ          string           `json:"availabilityZone"`
	Containers  []containerView  `json:"containers"`
	Attachments []taskAttachment `json:"attachments"`
}

func describeTasks(c *call, in struct {
	Cluster string   `json:"cluster"`
	Tasks   []string `json:"tasks"`
},
) (any, error) {
	cluster, err := c.taskCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	if len(in.Tasks) < 1 || len(in.Tasks) > 100 {
		return nil, failf("InvalidParameterException", "Tasks can have 1 to 100 entries.")
	}
	all := []taskView{}
	for _, t := range cluster.Tasks {
		arn := c.taskARN(cluster.Name, t.ID)
		if !slices.Contains(in.Tasks, arn) && !slices.Contains(in.Tasks, t.ID) {
			continue
		}
		if err := c.permit("ecs:DescribeTasks", arn, nil); err != nil {
			return nil, err
		}
		v := taskView{ARN: arn, Cluster: c.clusterARN(cluster.Name), Status: "RUNNING", Exec: !t.NoExec, Group: "service:" + t.Name, Launch: "FARGATE", AZ: zone(c.region(), []string{t.Subnet})}
		x := containerView{Name: t.Name, Runtime: t.RuntimeID, Status: "RUNNING"}
		if !t.NoExec {
			x.Agents = []managedAgentView{{"ExecuteCommandAgent", "RUNNING"}}
			if t.AgentDown {
				x.Agents[0].Status = "STOPPED"
			}
		}
		v.Containers = []containerView{x}
		v.Attachments = []taskAttachment{{"ElasticNetworkInterface", "ATTACHED", []nameValue{{"subnetId", t.Subnet}, {"networkInterfaceId", made("eni-", t.ID)}, {"privateIPv4Address", t.IP}}}}
		all = append(all, v)
	}
	return struct {
		Tasks    []taskView `json:"tasks"`
		Failures []struct{} `json:"failures"`
	}{all, []struct{}{}}, nil
}
