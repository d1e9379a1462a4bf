package session

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// suffixes are the DNS suffixes that AWS serves ssmmessages under, one or two per partition, dual-stack names included.
func suffixes() []string {
	return []string{
		"amazonaws.com", "api.aws",
		"amazonaws.com.cn", "api.amazonwebservices.com.cn",
		"amazonaws.eu", "api.amazonwebservices.eu",
		"c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov",
	}
}

// checkStreamURL parses the stream URL that StartSession gave and refuses every address that is not a Session Manager
// endpoint of the region: the token and a signature would be sent there (docs/protocol.md §1.0). endpoint is the configured
// endpoint URL of the ssm API, or "": its host and port are accepted as well, and ws beside wss if it is plain http.
// Query parameters are kept.
func checkStreamURL(raw, region, endpoint string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: not a URL", ErrStreamURL) // the parser's text would repeat the URL, signature included
	}
	refuse := func(why string) (*url.URL, error) {
		return nil, fmt.Errorf("%w: %s://%s: %s", ErrStreamURL, u.Scheme, u.Host, why)
	}
	if u.User != nil || u.Opaque != "" || u.Fragment != "" || u.Host == "" {
		return refuse("neither user, fragment nor a missing host is allowed")
	}
	if e, err := url.Parse(endpoint); endpoint != "" && err == nil && e.Host != "" {
		plain := e.Scheme == "http"
		if sameHost(u, e) && (u.Scheme == "wss" || u.Scheme == "ws" && plain) {
			return u, nil
		}
	}
	if u.Scheme != "wss" {
		return refuse("the scheme must be wss")
	}
	if p := u.Port(); p != "" && p != "443" {
		return refuse("the port must be 443")
	}
	if !serviceHost(u.Hostname(), region) {
		return refuse("not a Session Manager endpoint of " + region)
	}
	return u, nil
}

// serviceHost says whether host is ssmmessages in the region: the public name, its FIPS form, or an interface endpoint's.
func serviceHost(host, region string) bool {
	host = strings.ToLower(host)
	for _, service := range []string{"ssmmessages", "ssmmessages-fips"} {
		prefix := service + "." + strings.ToLower(region) + "."
		for _, suffix := range suffixes() {
			if host == prefix+suffix {
				return true
			}
			id, ok := strings.CutSuffix(host, "."+prefix+"vpce."+suffix)
			if ok && strings.HasPrefix(id, "vpce-") && !strings.Contains(id, ".") {
				return true
			}
		}
	}
	return false
}

// sameHost compares host and port, with the schemes' default ports filled in.
func sameHost(a, b *url.URL) bool {
	return strings.EqualFold(hostPort(a), hostPort(b))
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
		if u.Scheme == "http" || u.Scheme == "ws" {
			port = "80"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// presigned says whether the URL carries its own signature: then a second one in the headers would be refused.
func presigned(u *url.URL) bool {
	for key := range u.Query() {
		if strings.HasPrefix(strings.ToLower(key), "x-amz-") {
			return true
		}
	}
	return false
}
