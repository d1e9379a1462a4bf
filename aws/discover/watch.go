package discover

import (
	"context"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
)

// Whereabouts are where RDS says that an endpoint leads now. They are compared by Mark: a change is a fail-over.
type Whereabouts struct {
	Mark    string
	What    string   // that moves: "writer", "set of readers", "set of instances", "instance"
	At      string   // where it is: instances, or a zone
	Members []Member // of the cluster behind a writer endpoint
}

// Member is an instance of a cluster.
type Member struct {
	ID     string
	Host   string // its endpoint, which the certificate of its server names; "" when the cluster's does not tell it
	Writer bool
}

// Moves says whether the endpoint can come to lead elsewhere under its name, as far as one call of RDS tells. A proxy follows
// the writer by itself, and what does not belong to RDS is not asked about.
func Moves(db *aws.Database) bool {
	if db == nil || db.ID == "" || db.Service != "" && db.Service != "rds" {
		return false
	}
	switch db.Role {
	case aws.RoleInstance, aws.RoleWriter, aws.RoleReader, aws.RoleCustom:
		return true
	}
	return false
}

// Locate asks RDS, in one call, where the endpoint of db leads now. Errors are explained.
func Locate(ctx context.Context, cfg sdk.Config, db aws.Database) (Whereabouts, error) {
	return locate(ctx, rds.NewFromConfig(cfg), db)
}

func locate(ctx context.Context, api databaseLister, db aws.Database) (Whereabouts, error) {
	if db.Role == aws.RoleInstance {
		out, err := api.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: sdk.String(db.ID)})
		if err != nil {
			return Whereabouts{}, fmt.Errorf("look where %s is: %w", db.ID, account.Explain(err))
		}
		if len(out.DBInstances) != 1 {
			return Whereabouts{}, fmt.Errorf("look where %s is: RDS gives %d instances", db.ID, len(out.DBInstances))
		}
		return ofInstance(out.DBInstances[0]), nil
	}
	cluster := db.Cluster
	if cluster == "" {
		cluster = db.ID
	}
	out, err := api.DescribeDBClusters(ctx, &rds.DescribeDBClustersInput{DBClusterIdentifier: sdk.String(cluster)})
	if err != nil {
		return Whereabouts{}, fmt.Errorf("look where %s is: %w", cluster, account.Explain(err))
	}
	if len(out.DBClusters) != 1 {
		return Whereabouts{}, fmt.Errorf("look where %s is: RDS gives %d clusters", cluster, len(out.DBClusters))
	}
	return ofCluster(out.DBClusters[0], db.Role), nil
}

// ofInstance: in a Multi-AZ fail-over the zones change places.
func ofInstance(i rdstypes.DBInstance) Whereabouts {
	host := ""
	if i.Endpoint != nil {
		host = sdk.ToString(i.Endpoint.Address)
	}
	zone := sdk.ToString(i.AvailabilityZone)
	return Whereabouts{Mark: mark(host, zone), What: "instance", At: zone}
}

// ofCluster: without a writer, in the middle of a fail-over, nothing is known.
func ofCluster(c rdstypes.DBCluster, role aws.Role) Whereabouts {
	var writers, readers []string
	var members []Member
	for _, m := range c.DBClusterMembers {
		id := sdk.ToString(m.DBInstanceIdentifier)
		members = append(members, Member{ID: id, Host: memberHost(sdk.ToString(c.Endpoint), id), Writer: sdk.ToBool(m.IsClusterWriter)})
		if sdk.ToBool(m.IsClusterWriter) {
			writers = append(writers, id)
		} else {
			readers = append(readers, id)
		}
	}
	slices.Sort(readers)
	switch role {
	case aws.RoleWriter:
		if len(writers) != 1 {
			return Whereabouts{}
		}
		return Whereabouts{Mark: mark(sdk.ToString(c.Endpoint), writers[0]), What: "writer", At: writers[0], Members: members}
	case aws.RoleReader:
		if len(readers) == 0 { // the reader endpoint leads to the writer then
			readers = writers
		}
		return Whereabouts{Mark: mark(sdk.ToString(c.ReaderEndpoint), readers...), What: "set of readers", At: strings.Join(readers, ", ")}
	}
	// Which of the members are behind a custom endpoint is not told, so any that comes or goes may be a change.
	all, at := slices.Concat(writers, readers), strings.Join(readers, ", ")
	if len(writers) > 0 {
		at = strings.Join(slices.Concat([]string{strings.Join(writers, ", ") + " (writer)"}, readers), ", ")
	}
	return Whereabouts{Mark: mark("", all...), What: "set of instances", At: at}
}

// memberHost is the endpoint of a cluster's member: SHOP.cluster-XYZ.REGION.rds.amazonaws.com has SHOP-1.XYZ.REGION.rds.amazonaws.com.
// DescribeDBClusters does not give it, and asking for each member would need more calls and rights.
func memberHost(cluster, id string) string {
	_, domain, _ := strings.Cut(cluster, ".")
	domain, ok := strings.CutPrefix(domain, "cluster-")
	if !ok || id == "" {
		return ""
	}
	return strings.ToLower(id + "." + domain)
}

func mark(host string, members ...string) string {
	if host == "" && len(members) == 0 {
		return ""
	}
	return host + " " + strings.Join(members, " ")
}
