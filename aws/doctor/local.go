package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/engine"
)

// getenv is the last value of any of the names, the first name that has one winning.
func (l Local) getenv(names ...string) (name, value string) {
	for _, n := range names {
		for _, kv := range l.Env {
			if v, found := strings.CutPrefix(kv, n+"="); found && v != "" {
				name, value = n, v
			}
		}
		if value != "" {
			return name, value
		}
	}
	return "", ""
}

// lint says what the readers of the config file would stumble on.
func lint(_ context.Context, x *exam) Result {
	if x.Local.Lint == nil {
		return skipped("no file to read")
	}
	faults, err := x.Local.Lint()
	if err != nil {
		return failed(aws.ErrUsage, err.Error(), aws.Fix{Text: "make the file readable", Command: "rdsx profiles check"})
	}
	if len(faults) == 0 {
		return ok("read alike by the AWS CLI and the SDKs")
	}
	first := faults[0]
	r := failed(nil, first.Where+": "+first.Text, aws.Fix{Text: "correct the line", Command: "rdsx profiles check"})
	// The worst fault is told; what --fix can mend may be another.
	if at := slices.IndexFunc(faults, func(f Fault) bool { return f.Edit != nil }); at >= 0 {
		byHand := r.Fixes
		r = local(r, *faults[at].Edit, "write "+faults[at].Where+" as both read it")
		if at > 0 {
			r.Fixes = append(byHand, r.Fixes...)
		}
	}
	if n := len(faults) - 1; n > 0 {
		r.Text += fmt.Sprintf(" (and %d more)", n)
	}
	if !first.Serious {
		r.Status = Warned
	}
	return r
}

// caBundle says whether the file of root certificates is one.
func caBundle(_ context.Context, x *exam) Result {
	file := x.Local.CAFile
	if file == "" {
		return ok("the system's own")
	}
	fix := aws.Fix{Text: "name a file of PEM certificates in " + x.Local.CAOrigin + ", or take the setting away"}
	if strings.HasPrefix(x.Local.CAOrigin, "AWS_") {
		fix.Command = "unset " + x.Local.CAOrigin
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return failed(nil, fmt.Sprintf("%s: %v", x.Local.CAOrigin, err), fix)
	}
	count := 0
	for len(text) > 0 {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if _, err := x509.ParseCertificate(block.Bytes); err == nil {
			count++
		}
	}
	if count == 0 {
		return failed(nil, fmt.Sprintf("%s: %s holds no certificate", x.Local.CAOrigin, file), fix)
	}
	if count == 1 {
		return ok("1 certificate in %s", file)
	}
	return ok("%d certificates in %s", count, file)
}

// proxy says whether the proxy of the environment answers.
func proxy(ctx context.Context, x *exam) Result {
	name, value := x.Local.getenv("HTTPS_PROXY", "https_proxy")
	if value == "" {
		return ok("none")
	}
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	fix := aws.Fix{Text: "correct it, or take it away; NO_PROXY leaves single hosts out", Command: "unset " + name}
	at, err := url.Parse(value)
	if err != nil || at.Hostname() == "" {
		return failed(nil, name+" is not the URL of a proxy", fix) // not shown: it may hold a password
	}
	port := at.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080"}[at.Scheme]
	}
	within, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(within, "tcp", net.JoinHostPort(at.Hostname(), port))
	if err != nil {
		return failed(nil, fmt.Sprintf("%s leads to %s, which does not answer: %v", name, at.Host, err), fix)
	}
	_ = conn.Close()
	return ok("%s leads to %s, which answers", name, at.Host)
}

// skew is how wrong a clock may be: AWS refuses a signature that is five minutes off.
const skew = 4 * time.Minute

// clock compares this machine's clock with the Date of an answer of AWS.
func clock(ctx context.Context, x *exam) Result {
	if x.Account.Region == "" && x.Config.BaseEndpoint == nil {
		return skipped("no region to ask in")
	}
	endpoint, err := stsAt(ctx, x.Account.Region, x.Config.BaseEndpoint)
	if err != nil {
		return unknown("could not check: "+err.Error(), "")
	}
	within, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(within, http.MethodGet, endpoint, nil)
	if err != nil {
		return unknown("could not check: "+err.Error(), "")
	}
	client := http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: x.roots(), DisableKeepAlives: true},
		// The first answer has the date; where it points to is of no interest.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(request)
	if err != nil {
		return unknown(fmt.Sprintf("could not check: %v", err), "")
	}
	_ = answer.Body.Close()
	theirs, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return unknown("could not check: the answer has no date", "")
	}
	off := x.now().Sub(theirs).Round(time.Second)
	if off.Abs() > skew {
		word := "ahead"
		if off < 0 {
			word = "behind"
		}
		return failed(aws.ErrSignIn, fmt.Sprintf("this machine's clock is %s %s: AWS refuses what it signs", off.Abs(), word), aws.Fix{
			Text: "set the clock", Command: "sudo timedatectl set-ntp true", Console: "the settings of this machine › Date and time › automatic",
		})
	}
	return ok("within %s of AWS's", max(off.Abs(), time.Second))
}

// stsAt is where STS answers in a region, whose partition may have a domain of its own.
func stsAt(ctx context.Context, region string, base *string) (string, error) {
	if base != nil {
		return *base, nil
	}
	at, err := sts.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sts.EndpointParameters{Region: &region})
	return at.URI.String(), err
}

// roots trusts the CA bundle as the SDK does.
func (x *exam) roots() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if text, err := os.ReadFile(x.Local.CAFile); err == nil {
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(text)
	}
	return config
}

// localPort says whether the local end of the tunnel can be bound.
func localPort(ctx context.Context, x *exam) Result {
	port := x.Local.Port
	bind := x.Local.Bind
	if bind == "" {
		bind = "127.0.0.1"
	}
	if port == 0 {
		return ok("the next free one will be taken")
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(bind, strconv.Itoa(port)))
	if err == nil {
		_ = l.Close()
		return ok("%d is free on %s", port, bind)
	}
	fix := aws.Fix{Text: "take another one, or leave --port out: the next free one is taken then"}
	if free, err := lc.Listen(ctx, "tcp", net.JoinHostPort(bind, "0")); err == nil {
		_, other, _ := net.SplitHostPort(free.Addr().String())
		_ = free.Close()
		fix.Command = "rdsx connect TARGET --port " + other
	}
	return failed(nil, fmt.Sprintf("%s:%d cannot be bound: %v", bind, port, err), fix)
}

// clientProgram says whether a client of the database's engine is installed.
func clientProgram(ctx context.Context, x *exam) Result {
	t, err := x.target(ctx)
	e := engine.Of(t.Engine)
	if err != nil || len(e.Programs) == 0 {
		return skipped("no engine to have a client for")
	}
	if x.Local.LookPath == nil {
		return skipped("not looked for")
	}
	for _, name := range e.Programs {
		if path, err := x.Local.LookPath(name); err == nil {
			return ok("%s", path)
		}
	}
	return warned("none of "+strings.Join(e.Programs, ", ")+" is on PATH: the tunnel works for any other client of "+e.Name, aws.Fix{Text: "install " + e.Programs[0] + ", or use a client of your own on the address that rdsx connect prints"})
}
