package account

import (
	"context"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// endpoints is a source of the SDK's configuration: the generated clients ask it for the address of their service before
// they ask the SDK's own sources. The order is that of the aws CLI: flag, AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL,
// then the profile. It also remembers which profile the configuration is of, and where
// its credentials come from.
type endpoints struct {
	flag    string
	env     environ
	profile string
	origin  *origin
}

// GetServiceBaseEndpoint is the SDK's interface of a source of endpoints; id is the service's name as "SSO OIDC".
func (e endpoints) GetServiceBaseEndpoint(_ context.Context, id string) (string, bool, error) {
	if e.flag != "" {
		return e.flag, true, nil
	}
	url := e.env["AWS_ENDPOINT_URL_"+strings.ToUpper(strings.ReplaceAll(id, " ", "_"))]
	return url, url != "", nil
}

// GetIgnoreConfiguredEndpoints is the SDK's interface too: only a flag is stronger than the switch.
func (e endpoints) GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error) {
	if e.flag != "" {
		return false, true, nil
	}
	ignore := e.ignore()
	return ignore, ignore, nil
}

func (e endpoints) ignore() bool {
	return e.flag == "" && e.env.isTrue("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
}

// apply makes e the first source of cfg. base is the profile's endpoint_url.
func (e endpoints) apply(cfg *sdk.Config, base string) {
	cfg.ConfigSources = append([]any{e}, cfg.ConfigSources...)
	switch {
	case e.flag != "":
		cfg.BaseEndpoint = sdk.String(e.flag)
	case e.ignore():
		cfg.BaseEndpoint = nil
	default:
		if url := firstOf(e.env["AWS_ENDPOINT_URL"], base); url != "" {
			cfg.BaseEndpoint = sdk.String(url)
		}
	}
}

// chained is the STS client for a link of the credential chain, pointed to where the endpoints say. The SDK builds its
// own before it has read AWS_ENDPOINT_URL and the profile's endpoint_url, and so ignores both (docs/aws.md §1.1).
func (e endpoints) chained(options sts.Options, base string) *sts.Client {
	own, _, _ := e.GetServiceBaseEndpoint(context.Background(), sts.ServiceID)
	switch {
	case e.flag != "":
		options.BaseEndpoint = sdk.String(e.flag)
	case e.ignore():
		options.BaseEndpoint = nil
	case own != "":
		options.BaseEndpoint = sdk.String(own)
	case options.BaseEndpoint == nil:
		if url := firstOf(e.env["AWS_ENDPOINT_URL"], base); url != "" {
			options.BaseEndpoint = sdk.String(url)
		}
	}
	return sts.New(options)
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
