package discover

import (
	"context"
	"errors"
	"slices"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/rdsx/rdsx/aws"
)

// oneCluster is an RDS with one cluster and one instance.
type oneCluster struct {
	members  []rdstypes.DBClusterMember
	endpoint *string
	zone     string
	err      error
	asked    string
}

func (o *oneCluster) DescribeDBInstances(_ context.Context, in *rds.DescribeDBInstancesInput, _ ...func(*rds.Options)) (*rds.DescribeDBInstancesOutput, error) {
	o.asked = sdk.ToString(in.DBInstanceIdentifier)
	return &rds.DescribeDBInstancesOutput{DBInstances: []rdstypes.DBInstance{{
		AvailabilityZone: sdk.String(o.zone), Endpoint: &rdstypes.Endpoint{Address: sdk.String("shop.example")},
	}}}, o.err
}

func (o *oneCluster) DescribeDBClusters(_ context.Context, in *rds.DescribeDBClustersInput, _ ...func(*rds.Options)) (*rds.DescribeDBClustersOutput, error) {
	o.asked = sdk.ToString(in.DBClusterIdentifier)
	return &rds.DescribeDBClustersOutput{DBClusters: []rdstypes.DBCluster{{DBClusterMembers: o.members, Endpoint: o.endpoint}}}, o.err
}

func cluster(writer string, readers ...string) []rdstypes.DBClusterMember {
	var out []rdstypes.DBClusterMember
	for _, r := range readers {
		out = append(out, rdstypes.DBClusterMember{DBInstanceIdentifier: sdk.String(r)})
	}
	if writer != "" {
		out = append(out, rdstypes.DBClusterMember{DBInstanceIdentifier: sdk.String(writer), IsClusterWriter: sdk.Bool(true)})
	}
	return out
}

// TestLocate: what is a fail-over for each kind of endpoint, and what is not.
func TestLocate(t *testing.T) {
	for name, c := range map[string]struct {
		db            aws.Database
		before, after *oneCluster
		asked         string
		moved         bool
		at            string // after
	}{
		"writer": {
			aws.Database{ID: "shop", Role: aws.RoleWriter},
			&oneCluster{members: cluster("a", "b", "c")}, &oneCluster{members: cluster("b", "a", "c")},
			"shop", true, "b",
		},
		"writer, another reader": {
			aws.Database{ID: "shop", Role: aws.RoleWriter},
			&oneCluster{members: cluster("a", "b")}, &oneCluster{members: cluster("a", "c")},
			"shop", false, "a",
		},
		"readers": {
			aws.Database{ID: "shop", Role: aws.RoleReader},
			&oneCluster{members: cluster("a", "b", "c")}, &oneCluster{members: cluster("b", "a", "c")},
			"shop", true, "a, c",
		},
		"readers in another order": {
			aws.Database{ID: "shop", Role: aws.RoleReader},
			&oneCluster{members: cluster("a", "b", "c")}, &oneCluster{members: cluster("a", "c", "b")},
			"shop", false, "b, c",
		},
		"readers, none": {
			aws.Database{ID: "shop", Role: aws.RoleReader},
			&oneCluster{members: cluster("a", "b")}, &oneCluster{members: cluster("a")},
			"shop", true, "a",
		},
		"custom": {
			aws.Database{ID: "shop-reports", Cluster: "shop", Role: aws.RoleCustom},
			&oneCluster{members: cluster("a", "b")}, &oneCluster{members: cluster("b", "a")},
			"shop", true, "b (writer), a",
		},
		"custom, another reader": {
			aws.Database{ID: "shop-reports", Cluster: "shop", Role: aws.RoleCustom},
			&oneCluster{members: cluster("a", "b")}, &oneCluster{members: cluster("a", "b", "c")},
			"shop", true, "a (writer), b, c",
		},
		"custom, no writer for now": {
			aws.Database{ID: "shop-reports", Cluster: "shop", Role: aws.RoleCustom},
			&oneCluster{members: cluster("a", "b")}, &oneCluster{members: cluster("", "a", "b")},
			"shop", false, "a, b",
		},
		"instance in the other zone": {
			aws.Database{ID: "orders", Role: aws.RoleInstance},
			&oneCluster{zone: "eu-west-1a"}, &oneCluster{zone: "eu-west-1b"},
			"orders", true, "eu-west-1b",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if !Moves(&c.db) {
				t.Error("is said not to move")
			}
			was, err := locate(t.Context(), c.before, c.db)
			if err != nil || was.Mark == "" {
				t.Fatalf("%+v, %v", was, err)
			}
			now, err := locate(t.Context(), c.after, c.db)
			if err != nil || now.Mark == "" || (now.Mark != was.Mark) != c.moved || now.At != c.at || c.after.asked != c.asked {
				t.Errorf("before %+v, after %+v, %v; asked for %s", was, now, err, c.after.asked)
			}
			if c.moved && now.At == was.At {
				t.Errorf("%s is said to have moved, from %s to the same", now.What, now.At)
			}
		})
	}
}

// TestLocateNothing: what is not known is not taken for a move.
func TestLocateNothing(t *testing.T) {
	writer := aws.Database{ID: "shop", Role: aws.RoleWriter}
	if now, err := locate(t.Context(), &oneCluster{members: cluster("", "a", "b")}, writer); err != nil || now.Mark != "" {
		t.Errorf("a cluster without a writer is at %+v, %v", now, err)
	}
	broken := errors.New("no network")
	if _, err := locate(t.Context(), &oneCluster{err: broken}, writer); !errors.Is(err, broken) {
		t.Errorf("the failure is %v", err)
	}
	for _, db := range []*aws.Database{nil, {ID: "p", Role: aws.RoleProxy}, {ID: "cache", Role: aws.RoleWriter, Service: "elasticache"}} {
		if Moves(db) {
			t.Errorf("%+v is watched", db)
		}
	}
}

// TestLocateMembers: the members behind a writer endpoint, under the names that their certificates have. Other endpoints have none.
func TestLocateMembers(t *testing.T) {
	members := cluster("Shop-A", "shop-b")
	for endpoint, domain := range map[string]string{
		"shop.cluster-c1x.eu-west-1.rds.amazonaws.com":     ".c1x.eu-west-1.rds.amazonaws.com",
		"shop.cluster-c1x.rds.cn-north-1.amazonaws.com.cn": ".c1x.rds.cn-north-1.amazonaws.com.cn",
		"shop.cluster-c1x.eu-west-1.docdb.amazonaws.com":   ".c1x.eu-west-1.docdb.amazonaws.com",
		"shop.global-c1x.global.rds.amazonaws.com":         "",
		"shop.example": "",
		"":             "",
	} {
		now, err := locate(t.Context(), &oneCluster{members: members, endpoint: sdk.String(endpoint)}, aws.Database{ID: "shop", Role: aws.RoleWriter})
		want := []Member{{ID: "shop-b"}, {ID: "Shop-A", Writer: true}}
		if domain != "" {
			want[0].Host, want[1].Host = "shop-b"+domain, "shop-a"+domain
		}
		if err != nil || !slices.Equal(now.Members, want) {
			t.Errorf("%s: %+v, %v; want %+v", endpoint, now.Members, err, want)
		}
	}
	now, err := locate(t.Context(), &oneCluster{members: members}, aws.Database{ID: "shop", Role: aws.RoleReader})
	if err != nil || now.Members != nil {
		t.Errorf("behind a reader endpoint: %+v, %v", now.Members, err)
	}
}
