package api

import (
	"strings"

	"github.com/rdsx/rdsx/sim/world"
)

// parameterGroup is the name of a cluster's parameter group: one of its own where it sets anything, else the engine's.
func parameterGroup(d world.DBCluster) string {
	if d.Babelfish {
		return d.ID + "-babelfish"
	}
	version, _, _ := strings.Cut(d.EngineVersion, ".")
	return "default." + d.Engine + version
}

type parameterView struct {
	Name   string `xml:"ParameterName"`
	Value  string `xml:"ParameterValue,omitempty"`
	Source string
	Type   string `xml:"DataType"`
}

// describeDBClusterParameters knows what the groups of the world's clusters set, and none of the engine's thousand defaults.
func describeDBClusterParameters(c *call) (any, error) {
	wanted := c.form.Get("DBClusterParameterGroupName")
	var all []parameterView
	known := strings.HasPrefix(wanted, "default.")
	for _, d := range c.region().DBClusters {
		if parameterGroup(d) != wanted {
			continue
		}
		known = true
		if d.Babelfish && c.form.Get("Source") != "system" {
			all = append(all, parameterView{"babelfishpg_tds.port", "1433", "user", "integer"}, parameterView{"rds.babelfish_status", "on", "user", "string"})
		}
	}
	if !known {
		return nil, missing("DBParameterGroupNotFound", "DBClusterParameterGroup not found: %s", wanted)
	}
	return listed(c, "Parameters", "Parameter", all)
}
