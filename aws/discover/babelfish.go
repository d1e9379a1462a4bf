package discover

import (
	"context"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
)

// babelfishPort is the port of TDS where the parameter group names no other.
const babelfishPort = 1433

// listClusters lists the clusters, then asks the parameter groups of those that may speak TDS as well whether they do. That the
// question may not be asked is no failure of the list: it leaves a port unsaid.
func (c clients) listClusters(ctx context.Context, add func(page)) error {
	groups := map[string][]string{} // clusters by parameter group
	err := eachPage(ctx, "rds:DescribeDBClusters", c.clusterPage, func(p page) {
		for _, cluster := range p.clusters {
			if group := sdk.ToString(cluster.DBClusterParameterGroup); mayBabelfish(cluster) {
				groups[group] = append(groups[group], sdk.ToString(cluster.DBClusterIdentifier))
			}
		}
		add(p)
	})
	if err != nil {
		return err
	}
	for group, ids := range groups {
		port, err := c.babelfish(ctx, group)
		if err != nil {
			return ctx.Err()
		}
		if port > 0 {
			ports := map[string]int{}
			for _, id := range ids {
				ports[id] = port
			}
			add(page{babelfish: ports})
		}
	}
	return nil
}

// mayBabelfish leaves out the groups of AWS's own, in which Babelfish is off and cannot be switched on.
func mayBabelfish(cluster rdstypes.DBCluster) bool {
	group := sdk.ToString(cluster.DBClusterParameterGroup)
	return sdk.ToString(cluster.Engine) == "aurora-postgresql" && group != "" && !strings.HasPrefix(group, "default.")
}

// babelfish is the port of Babelfish in a cluster parameter group, 0 when it is off.
func (c clients) babelfish(ctx context.Context, group string) (port int, err error) {
	on := false
	port = babelfishPort
	err = eachPage(ctx, "rds:DescribeDBClusterParameters", func(ctx context.Context, token *string) (page, *string, error) {
		out, err := c.endpoints.DescribeDBClusterParameters(ctx, &rds.DescribeDBClusterParametersInput{
			DBClusterParameterGroupName: &group, Source: sdk.String("user"), MaxRecords: sdk.Int32(rdsPage), Marker: token,
		})
		if err != nil {
			return page{}, nil, err
		}
		for _, p := range out.Parameters {
			switch sdk.ToString(p.ParameterName) {
			case "rds.babelfish_status":
				on = sdk.ToString(p.ParameterValue) == "on"
			case "babelfishpg_tds.port":
				if n, err := strconv.Atoi(sdk.ToString(p.ParameterValue)); err == nil && n > 0 {
					port = n
				}
			}
		}
		return page{}, out.Marker, nil
	}, func(page) {})
	if !on {
		port = 0
	}
	return port, err
}
