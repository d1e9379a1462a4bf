package account

import (
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rdsx/rdsx/aws"
)

// InRegion gives the configuration of the same profile in another region: both share their credentials, so that a role is
// assumed once for all its regions. Errors are *aws.Hint.
func InRegion(cfg sdk.Config, of aws.Account, region string) (sdk.Config, aws.Account, error) {
	if strings.Trim(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || region == "" {
		return cfg, of, badRegion(region, "--regions")
	}
	cfg = cfg.Copy()
	cfg.Region, of.Region, of.Partition = region, region, Partition(region)
	return cfg, of, nil
}
