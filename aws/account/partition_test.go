package account

import (
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ssooidc"
)

// TestPortalsOfPartitions holds the page of a sign-in to the portal's region and partition.
func TestPortalsOfPartitions(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{
		"eu-west-1": "oidc.eu-west-1.amazonaws.com", "cn-north-1": "oidc.cn-north-1.amazonaws.com.cn",
		"us-gov-west-1": "oidc.us-gov-west-1.amazonaws.com", "eusc-de-east-1": "oidc.eusc-de-east-1.amazonaws.eu",
	} {
		s := &signing{portal: Portal{Region: region}, client: ssooidc.New(ssooidc.Options{Region: region})}
		page, err := s.authorizeURL(t.Context(), registration{ClientID: "c", Scopes: []string{defaultScope}}, "http://127.0.0.1:1"+callbackPath, "s", "v")
		if err != nil {
			t.Errorf("%s: %v", region, err)
			continue
		}
		if u, err := url.Parse(page); err != nil || u.Scheme != "https" || u.Host != want || u.Path != "/authorize" {
			t.Errorf("%s: %s", region, page)
		}
	}
	for region, want := range map[string]string{"cn-north-1": "aws-cn", "us-gov-east-1": "aws-us-gov", "eusc-de-east-1": "aws-eusc", "eu-west-1": "aws"} {
		if got := Partition(region); got != want {
			t.Errorf("%s is in %s", region, got)
		}
	}
}
