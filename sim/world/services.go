package world

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
)

// Cache is what ElastiCache runs: a replication group, a cluster of Memcached nodes, or a serverless cache.
type Cache struct {
	ID             string            `yaml:"id"`
	Engine         string            `yaml:"engine"` // valkey, redis or memcached; valkey when empty
	EngineVersion  string            `yaml:"engine_version"`
	Serverless     bool              `yaml:"serverless"`
	Shards         int               `yaml:"shards"` // from 2 upward the cache is in cluster mode; 1 when empty
	Status         string            `yaml:"status"` // available when empty
	Endpoint       string            `yaml:"endpoint"`
	ReaderEndpoint string            `yaml:"reader_endpoint"` // of one shard and of serverless caches
	Port           int               `yaml:"port"`
	IP             string            `yaml:"ip"`
	Subnets        []string          `yaml:"subnets"`
	SubnetGroup    string            `yaml:"subnet_group"`
	Groups         []string          `yaml:"groups"`
	TLS            string            `yaml:"tls"` // required, preferred or off; required when empty
	AuthToken      bool              `yaml:"auth_token"`
	Tags           map[string]string `yaml:"tags"`
}

// MemoryDB is a cluster of MemoryDB.
type MemoryDB struct {
	ID            string   `yaml:"id"`
	Engine        string   `yaml:"engine"` // valkey or redis; valkey when empty
	EngineVersion string   `yaml:"engine_version"`
	Status        string   `yaml:"status"`
	Shards        int      `yaml:"shards"`
	Endpoint      string   `yaml:"endpoint"`
	Port          int      `yaml:"port"`
	IP            string   `yaml:"ip"`
	Subnets       []string `yaml:"subnets"`
	SubnetGroup   string   `yaml:"subnet_group"`
	Groups        []string `yaml:"groups"`
	PlainText     bool     `yaml:"plain_text"` // no TLS
}

// Warehouse is a Redshift cluster, or with Serverless a workgroup of Redshift Serverless.
type Warehouse struct {
	ID           string            `yaml:"id"`
	Serverless   bool              `yaml:"serverless"`
	Status       string            `yaml:"status"` // available, or AVAILABLE for a workgroup, when empty
	Endpoint     string            `yaml:"endpoint"`
	Port         int               `yaml:"port"`
	IP           string            `yaml:"ip"`
	Subnets      []string          `yaml:"subnets"`
	Groups       []string          `yaml:"groups"`
	AZ           string            `yaml:"az"`
	DBName       string            `yaml:"db_name"`
	MasterUser   string            `yaml:"master_user"`
	MasterSecret bool              `yaml:"master_secret"`
	Tags         map[string]string `yaml:"tags"`
}

// SearchDomain is a domain of OpenSearch inside a VPC.
type SearchDomain struct {
	Name     string   `yaml:"name"`
	Version  string   `yaml:"version"`  // OpenSearch_2.17 when empty
	Endpoint string   `yaml:"endpoint"` // of the VPC
	Creating bool     `yaml:"creating"` // no endpoint yet
	IP       string   `yaml:"ip"`
	Subnets  []string `yaml:"subnets"`
	Groups   []string `yaml:"groups"`
}

// ECSCluster is a cluster of ECS with its running tasks.
type ECSCluster struct {
	Name  string    `yaml:"name"`
	Tasks []ECSTask `yaml:"tasks"`
}

// ECSTask is one task with one container.
type ECSTask struct {
	ID        string   `yaml:"id"`         // 32 hexadecimal digits; made from Name when empty
	Name      string   `yaml:"name"`       // of the container and of the service
	RuntimeID string   `yaml:"runtime_id"` // ID and ten digits when empty, as on Fargate
	NoExec    bool     `yaml:"no_exec"`    // started without execute-command
	AgentDown bool     `yaml:"agent_down"` // its ExecuteCommandAgent has stopped
	Subnet    string   `yaml:"subnet"`
	Groups    []string `yaml:"groups"`
	IP        string   `yaml:"ip"`
}

// Target is the name under which Session Manager knows the task of a cluster.
func (t ECSTask) Target(cluster string) string {
	return "ecs:" + cluster + "_" + t.ID + "_" + t.RuntimeID
}

func (r *Region) completeServices(account string) {
	for i := range r.Caches {
		r.Caches[i].complete(account, r)
	}
	for i := range r.MemoryDBs {
		m := &r.MemoryDBs[i]
		fill(&m.Engine, "valkey")
		fill(&m.EngineVersion, "7.3")
		fill(&m.Status, "available")
		fill(&m.Shards, 1)
		fill(&m.Port, 6379)
		fill(&m.SubnetGroup, "default")
		fill(&m.Endpoint, "clustercfg."+m.ID+"."+code(account, r.Name)+".memorydb."+r.Name+".amazonaws.com")
		fill(&m.IP, r.address(m.ID, m.Subnets...))
	}
	for i := range r.Warehouses {
		r.Warehouses[i].complete(account, r)
	}
	for i := range r.SearchDomains {
		d := &r.SearchDomains[i]
		fill(&d.Version, "OpenSearch_2.17")
		fill(&d.Endpoint, "vpc-"+d.Name+"-"+code(account, r.Name)+"."+r.Name+".es.amazonaws.com")
		fill(&d.IP, r.address(d.Name, d.Subnets...))
	}
	for i := range r.ECSClusters {
		for j := range r.ECSClusters[i].Tasks {
			t := &r.ECSClusters[i].Tasks[j]
			fill(&t.ID, digits(32, account, r.Name, r.ECSClusters[i].Name, t.Name))
			fill(&t.RuntimeID, t.ID+"-"+decimals(10, t.ID))
			fill(&t.IP, r.address(t.ID, t.Subnet))
		}
	}
}

func (c *Cache) complete(account string, r *Region) {
	fill(&c.Engine, "valkey")
	fill(&c.EngineVersion, map[string]string{"valkey": "8.0", "redis": "7.1", "memcached": "1.6.22"}[c.Engine])
	fill(&c.Shards, 1)
	fill(&c.Status, "available")
	fill(&c.Port, map[string]int{"memcached": 11211}[c.Engine])
	fill(&c.Port, 6379)
	fill(&c.SubnetGroup, "default")
	if c.Engine == "memcached" {
		fill(&c.TLS, "off")
	}
	fill(&c.TLS, "required")
	fill(&c.IP, r.address(c.ID, c.Subnets...))
	tail := "." + code(account, r.Name) + "." + shortRegion(r.Name) + ".cache.amazonaws.com"
	switch {
	case c.Serverless:
		fill(&c.Endpoint, c.ID+"-"+code(account, r.Name)+".serverless."+shortRegion(r.Name)+".cache.amazonaws.com")
		fill(&c.ReaderEndpoint, c.Endpoint)
	case c.Shards > 1:
		fill(&c.Endpoint, "clustercfg."+c.ID+tail)
	case c.Engine == "memcached":
		fill(&c.Endpoint, c.ID+"."+code(account, r.Name)+".cfg."+shortRegion(r.Name)+".cache.amazonaws.com")
	default:
		fill(&c.Endpoint, "master."+c.ID+tail)
		fill(&c.ReaderEndpoint, "replica."+c.ID+tail)
	}
}

func (w *Warehouse) complete(account string, r *Region) {
	fill(&w.Port, 5439)
	fill(&w.DBName, "dev")
	fill(&w.MasterUser, "admin")
	fill(&w.IP, r.address(w.ID, w.Subnets...))
	if w.Serverless {
		fill(&w.Status, "AVAILABLE")
		fill(&w.Endpoint, w.ID+"."+account+"."+r.Name+".redshift-serverless.amazonaws.com")
		return
	}
	fill(&w.Status, "available")
	fill(&w.Endpoint, w.ID+"."+code(account, r.Name)+"."+r.Name+".redshift.amazonaws.com")
	for _, s := range r.Subnets {
		if len(w.Subnets) > 0 && s.ID == w.Subnets[0] {
			fill(&w.AZ, s.AZ)
		}
	}
}

// code is the part of a host name that tells accounts apart.
func code(account, region string) string { return strings.ToLower(letters(6, account, region)) }

// shortRegion is a region as the names of ElastiCache spell it: eu-west-1 → euw1.
func shortRegion(region string) string {
	parts := strings.Split(region, "-")
	if len(parts) != 3 || parts[1] == "" {
		return region
	}
	return parts[0] + parts[1][:1] + parts[2]
}

// decimals makes n decimal digits out of a seed.
func decimals(n int, seed string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' {
			return r - 'a' + '0'
		}
		return r
	}, digits(n, "decimals", seed))
}

// serviceEndpoint is a name of one of the services above.
type serviceEndpoint struct {
	Named
	subnets, groups []string
	status, ip      string
}

func (r *Region) serviceEndpoints(account string) []serviceEndpoint {
	var all []serviceEndpoint
	at := Place{account, r.Name}
	add := func(id, role, engine, host string, port int, subnets, groups []string, status, ip string) {
		if host != "" {
			all = append(all, serviceEndpoint{Named{id, role, id, engine, host, port, at}, subnets, groups, strings.ToLower(status), ip})
		}
	}
	for _, c := range r.Caches {
		role := "writer"
		if c.Shards > 1 || c.Serverless || c.Engine == "memcached" {
			role = "config"
		}
		add(c.ID, role, c.Engine, c.Endpoint, c.Port, c.Subnets, c.Groups, c.Status, c.IP)
		if c.ReaderEndpoint != c.Endpoint {
			add(c.ID, "reader", c.Engine, c.ReaderEndpoint, c.Port, c.Subnets, c.Groups, c.Status, c.IP)
		}
	}
	for _, m := range r.MemoryDBs {
		add(m.ID, "config", m.Engine, m.Endpoint, m.Port, m.Subnets, m.Groups, m.Status, m.IP)
	}
	for _, w := range r.Warehouses {
		add(w.ID, "instance", "redshift", w.Endpoint, w.Port, w.Subnets, w.Groups, w.Status, w.IP)
	}
	for _, d := range r.SearchDomains {
		if !d.Creating {
			add(d.Name, "instance", "opensearch", d.Endpoint, 443, d.Subnets, d.Groups, "available", d.IP)
		}
	}
	return all
}

// Services lists the endpoints of ElastiCache, MemoryDB, Redshift and OpenSearch in the whole world, as Endpoints lists RDS's.
func (w *World) Services() []Named {
	var all []Named
	for _, a := range w.spec.Load().Accounts {
		for i := range a.Regions {
			for _, e := range a.Regions[i].serviceEndpoints(a.ID) {
				all = append(all, e.Named)
			}
		}
	}
	return all
}

// task gives a task as the instance that Session Manager makes of it.
func (r *Region) task(target string) (Instance, bool) {
	for _, c := range r.ECSClusters {
		for _, t := range c.Tasks {
			if t.Target(c.Name) != target {
				continue
			}
			i := Instance{ID: target, Name: t.Name, Type: "task", State: "running", Subnet: t.Subnet, Groups: t.Groups, IP: t.IP, Platform: "Linux", AgentVersion: latestTaskAgent, PingStatus: "Online"}
			if t.NoExec || t.AgentDown {
				i.PingStatus = "Inactive"
			}
			return i, true
		}
	}
	return Instance{}, false
}

// latestTaskAgent is the agent that ECS puts into a container with execute-command.
const latestTaskAgent = "3.3.1802.0"

var (
	serviceID = regexp.MustCompile(`^[a-z]([a-z0-9]|-[a-z0-9]){0,39}$`)
	taskID    = regexp.MustCompile(`^[0-9a-f]{32}$`)
	ecsName   = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,255}$`)
)

func (c *regionChecker) services() {
	host := func(path, name string, port int) {
		c.once(path, "host", name)
		c.ports(path, port, port)
	}
	one := func(list string, i int, kind, id string, subnets, groups []string) string {
		at := fmt.Sprintf("%s.%s[%d]", c.at, list, i)
		c.match(at+".id", id, serviceID, "a name of small letters, digits and single hyphens")
		c.once(at+".id", kind, c.at+"/"+id)
		c.subnets(at, subnets)
		c.groups(at, groups)
		return at
	}
	for i, x := range c.r.Caches {
		at := one("caches", i, "cache", x.ID, x.Subnets, x.Groups)
		c.oneOf(at+".engine", x.Engine, "valkey", "redis", "memcached")
		c.oneOf(at+".tls", x.TLS, "required", "preferred", "off")
		host(at+".endpoint", x.Endpoint, x.Port)
	}
	for i, x := range c.r.MemoryDBs {
		at := one("memory_dbs", i, "MemoryDB cluster", x.ID, x.Subnets, x.Groups)
		c.oneOf(at+".engine", x.Engine, "valkey", "redis")
		host(at+".endpoint", x.Endpoint, x.Port)
	}
	for i, x := range c.r.Warehouses {
		at := one("warehouses", i, "warehouse", x.ID, x.Subnets, x.Groups)
		host(at+".endpoint", x.Endpoint, x.Port)
	}
	for i, x := range c.r.SearchDomains {
		at := one("search_domains", i, "search domain", x.Name, x.Subnets, x.Groups)
		host(at+".endpoint", x.Endpoint, 443)
	}
	for i, x := range c.r.ECSClusters {
		at := fmt.Sprintf("%s.ecs_clusters[%d]", c.at, i)
		c.match(at+".name", x.Name, ecsName, "a name of an ECS cluster")
		c.once(at+".name", "ECS cluster", c.at+"/"+x.Name)
		for j, t := range x.Tasks {
			at := fmt.Sprintf("%s.tasks[%d]", at, j)
			c.match(at+".id", t.ID, taskID, "32 hexadecimal digits")
			c.once(at+".id", "task", t.ID)
			c.subnet(at+".subnet", t.Subnet)
			c.groups(at, t.Groups)
			if net.ParseIP(t.IP) == nil {
				c.bad(at+".ip", "%q is not an address", t.IP)
			}
		}
	}
}

// ClusterMode says whether clients must ask the cache where a key is.
func (c Cache) ClusterMode() bool { return c.Shards > 1 && !c.Serverless }

// TaskClusters are the clusters of ECS, sorted by name.
func (r Region) TaskClusters() []ECSCluster {
	all := slices.Clone(r.ECSClusters)
	slices.SortFunc(all, func(a, b ECSCluster) int { return strings.Compare(a.Name, b.Name) })
	return all
}
