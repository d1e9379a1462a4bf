package api

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rdsx/rdsx/sim/world"
)

type startInput struct {
	Target       string
	DocumentName string
	Reason       string
	Parameters   map[string][]string
}

type startAnswer struct {
	SessionID  string `json:"SessionId"`
	TokenValue string `json:",omitempty"` // a resume without it means that the session is over
	StreamURL  string `json:"StreamUrl,omitempty"`
}

var (
	documentPattern = regexp.MustCompile(`^[a-zA-Z0-9_\-.:/]{3,128}$`)
	targetPattern   = regexp.MustCompile(`^(i-[0-9a-f]{8,17}|mi-[0-9a-f]{17}|ecs:[A-Za-z0-9_-]+_[0-9a-f]{32}_[0-9a-f-]+)$`)
)

func (in startInput) validate() error {
	if n := utf8.RuneCountInString(in.Target); n == 0 {
		return invalid("target", in.Target, "have length greater than or equal to 1")
	} else if n > 400 {
		return invalid("target", in.Target, "have length less than or equal to 400")
	}
	if in.DocumentName != "" && !documentPattern.MatchString(in.DocumentName) {
		return invalid("documentName", in.DocumentName, `satisfy regular expression pattern: ^[a-zA-Z0-9_\-.:/]{3,128}$`)
	}
	if utf8.RuneCountInString(in.Reason) > 256 {
		return invalid("reason", in.Reason, "have length less than or equal to 256")
	}
	if strings.ContainsAny(in.Reason, "\r\n") {
		return invalid("reason", in.Reason, "satisfy regular expression pattern: ^.{1,256}$")
	}
	return nil
}

func startSession(c *call, in startInput) (any, error) {
	if err := in.validate(); err != nil {
		return nil, err
	}
	i, known := c.instance(in.Target)
	if err := c.mayStart(in, i); err != nil {
		return nil, err
	}
	doc, properties, err := c.document(in)
	if err != nil {
		return nil, err
	}
	r := c.region()
	switch {
	case !targetPattern.MatchString(in.Target), !known, !connected(i):
		return nil, failf("TargetNotConnected", "%s is not connected.", in.Target)
	case i.Hybrid() && r.StandardTier:
		return nil, failf("BadRequest", "Enable advanced-instances tier to use Session Manager with your on-premises instances")
	case doc.Type != "Port":
		return nil, failf("BadRequest", "The simulated Session Manager starts port sessions only, and %s is of type %s", doc.Name, doc.Type)
	}
	start := world.StartInput{
		ID:        c.id.SessionPrefix() + "-" + hex.EncodeToString(random(9))[:17],
		Principal: c.id.Principal, Place: c.place, Target: in.Target, Document: doc.Name, Type: doc.Type, Properties: properties,
		Reason: in.Reason, Idle: r.Preferences.Idle, Max: r.Preferences.Max,
	}
	out, err := c.api.sessions.Start(c.ctx, start)
	if err != nil {
		return nil, fmt.Errorf("start session: %w", err)
	}
	return startAnswer{start.ID, out.Token, out.StreamURL}, nil
}

// mayStart asks for the instance and, when a document is named, for the document as well (docs/aws.md §5). The keys tell the
// instance's policy that the document is checked.
func (c *call) mayStart(in startInput, i world.Instance) error {
	const action = "ssm:StartSession"
	more := map[string][]string{"ssm:SessionDocumentAccessCheck": {strconv.FormatBool(in.DocumentName != "")}}
	for k, v := range i.Tags {
		more["ssm:resourceTag/"+k] = []string{v}
		more["aws:ResourceTag/"+k] = []string{v}
	}
	if err := c.permit(action, c.targetARN(in.Target), more); err != nil {
		return err
	}
	if in.DocumentName == "" {
		return nil
	}
	more = map[string][]string{"ssm:SessionDocumentAccessCheck": {"true"}}
	if d, ok := c.region().Document(documentID(in.DocumentName)); ok {
		for k, v := range d.Tags {
			more["ssm:resourceTag/"+k] = []string{v}
			more["aws:ResourceTag/"+k] = []string{v}
		}
	}
	return c.permit(action, c.documentARN(in.DocumentName), more)
}

// document finds the document of a session and fills its properties.
func (c *call) document(in startInput) (world.Document, map[string]string, error) {
	name := in.DocumentName
	if name == "" {
		name = world.PreferencesDocument
	}
	doc, ok := c.findDocument(name)
	if !ok {
		return doc, nil, failf("InvalidDocument", "Document with name %s does not exist.", name)
	}
	values := map[string]string{}
	for _, p := range doc.Parameters {
		given, ok := in.Parameters[p.Name]
		switch {
		case ok && len(given) != 1:
			return doc, nil, failf("InvalidParameters", "Parameter %q takes one value, not %d.", p.Name, len(given))
		case ok:
			values[p.Name] = given[0]
		case p.Required:
			return doc, nil, failf("InvalidParameters", "Parameter %q is required and has no value.", p.Name)
		default:
			values[p.Name] = p.Default
		}
		if p.Pattern != "" && !regexp.MustCompile(p.Pattern).MatchString(values[p.Name]) {
			return doc, nil, failf("InvalidParameters", "Parameter %q with the value %q does not match the pattern %s.", p.Name, values[p.Name], p.Pattern)
		}
	}
	for name := range in.Parameters {
		if _, ok := values[name]; !ok {
			return doc, nil, failf("InvalidParameters", "Parameter %q is not defined in document %s.", name, doc.Name)
		}
	}
	properties := map[string]string{}
	for k, v := range doc.Properties {
		properties[k] = placeholder.ReplaceAllStringFunc(v, func(m string) string { return values[placeholder.FindStringSubmatch(m)[1]] })
	}
	return doc, properties, nil
}

var placeholder = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

// documentID is the name in a name or an ARN.
func documentID(name string) string {
	if strings.HasPrefix(name, "arn:") {
		_, name, _ = strings.Cut(name, ":document/")
	}
	return name
}

// findDocument finds a document by name, or by an ARN that is of the caller's account and region or of AWS's.
func (c *call) findDocument(name string) (world.Document, bool) {
	d, ok := c.region().Document(documentID(name))
	if ok && strings.HasPrefix(name, "arn:") && name != c.documentARN(d.Name) {
		return world.Document{}, false
	}
	return d, ok
}

// documentARN leaves the account empty for AWS's own documents.
func (c *call) documentARN(name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	if d, ok := c.region().Document(name); ok && d.Amazon {
		return c.fill("arn:aws:ssm:{region}::document/" + name)
	}
	return c.fill("arn:aws:ssm:{region}:{account}:document/" + name)
}
