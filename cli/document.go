package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/rdsx/rdsx/aws"
)

// withSettings fills in what the configuration files say of a target where the command line says nothing.
func (a *app) withSettings(name string, flags connectFlags) (connectFlags, error) {
	all, err := a.settings()
	if err != nil {
		return flags, err
	}
	return all.targets[name].fill(flags), nil
}

// fill is flags with what they leave open taken from the settings.
func (t targetSettings) fill(flags connectFlags) connectFlags {
	flags.document, flags.via = cmp.Or(flags.document, t.document), cmp.Or(flags.via, t.via)
	if flags.unix == "" {
		flags.port = cmp.Or(flags.port, t.port)
	}
	flags.tuning = flags.or(t.tuning)
	return flags
}

// at is a as it looks for a target with these settings: where they name a profile or a region and the command line does not,
// with that one.
func (a *app) at(t targetSettings) *app {
	one := *a
	m := a.flags.many
	if a.flags.profile == "" && m.profiles == "" && m.group == "" && !m.all {
		one.flags.profile = t.profile
	}
	if a.flags.region == "" && m.regions == "" {
		one.flags.region = t.region
	}
	return &one
}

// fitDocument gives a Session document of the user's own the parameters that it takes: the host and the ports, unless they were
// typed. A document that may not be read gets none, as one that fixes its destination needs none. warning says that the document
// leads to another place than the target.
func (a *app) fitDocument(ctx context.Context, r route, flags connectFlags) (fitted connectFlags, warning string, err error) {
	if flags.document == "" || strings.HasPrefix(documentName(flags.document), "AWS-") {
		return flags, "", nil
	}
	out, err := ssm.NewFromConfig(r.cfg).GetDocument(ctx, &ssm.GetDocumentInput{Name: sdk.String(flags.document)})
	if err != nil {
		a.log().Debug("session document not read", "document", flags.document, "err", err)
		return flags, "", nil
	}
	d, err := parseDocument(sdk.ToString(out.Content))
	if err != nil {
		return flags, "", aws.Advise(fmt.Errorf("document %s: %w", flags.document, err), aws.ErrUsage, "name another --document")
	}
	if warning = d.elsewhere(r.target.Endpoint); warning != "" {
		warning = fmt.Sprintf("the document %s %s", flags.document, warning)
	}
	flags.parameters = d.fill(flags.parameters, r.target.Endpoint)
	return flags, warning, nil
}

// documentName is the name in a name or an ARN.
func documentName(document string) string {
	if _, name, ok := strings.Cut(document, ":document/"); ok {
		return name
	}
	return document
}

// sessionDocument is what rdsx needs to know of a Session document.
type sessionDocument struct {
	takes      []string // names of its parameters
	host, port string   // where it leads, "" where a parameter says so or it says nothing
}

// parseDocument reads the content of a document for port forwarding.
func parseDocument(content string) (sessionDocument, error) {
	var in struct {
		SessionType string
		Parameters  map[string]json.RawMessage
		Properties  map[string]any
	}
	if err := json.Unmarshal([]byte(content), &in); err != nil {
		return sessionDocument{}, fmt.Errorf("its content is not JSON: %w", err)
	}
	if in.SessionType != "Port" {
		return sessionDocument{}, fmt.Errorf("its session type is %q, and only Port forwards a port", in.SessionType)
	}
	var d sessionDocument
	for name := range in.Parameters {
		d.takes = append(d.takes, name)
	}
	slices.Sort(d.takes)
	fixed := func(name string) string {
		if in.Properties[name] == nil {
			return ""
		}
		if text := fmt.Sprint(in.Properties[name]); !strings.Contains(text, "{{") {
			return text
		}
		return ""
	}
	d.host, d.port = fixed("host"), fixed("portNumber")
	return d, nil
}

// elsewhere says that the document leads to another place than the target, or "".
func (d sessionDocument) elsewhere(e aws.Endpoint) string {
	host, port := d.host, d.port
	if host == "" {
		host = e.Host
	}
	if port == "" {
		port = strconv.Itoa(e.Port)
	}
	if strings.EqualFold(strings.TrimSuffix(host, "."), e.Host) && port == strconv.Itoa(e.Port) {
		return ""
	}
	return fmt.Sprintf("leads to %s:%s, and that is where the tunnel ends, not at %s", printable(host), printable(port), e)
}

// fill adds the destination to what was typed, as far as the document takes it.
func (d sessionDocument) fill(typed []string, e aws.Endpoint) []string {
	filled := slices.Clone(typed)
	for _, p := range [][2]string{{"host", e.Host}, {"portNumber", strconv.Itoa(e.Port)}} {
		given := slices.ContainsFunc(typed, func(s string) bool { return strings.HasPrefix(s, p[0]+"=") })
		if slices.Contains(d.takes, p[0]) && !given {
			filled = append(filled, p[0]+"="+p[1])
		}
	}
	return filled
}
