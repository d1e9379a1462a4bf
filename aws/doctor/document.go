package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/engine"
)

// document is what of a Session document decides whether it can carry a tunnel.
type document struct {
	Description string
	SessionType string
	Parameters  map[string]struct{ Default string }
	Inputs      map[string]any
	text        string
}

func (x *exam) findDocument(ctx context.Context) (document, error) {
	return x.read(ctx, x.documentName())
}

func (x *exam) read(ctx context.Context, name string) (document, error) {
	out, err := x.ssm().GetDocument(ctx, &ssm.GetDocumentInput{Name: &name})
	if err != nil {
		return document{}, err
	}
	d := document{text: sdk.ToString(out.Content)}
	if err := json.Unmarshal([]byte(d.text), &d); err != nil {
		return d, fmt.Errorf("read %s: %w", name, err)
	}
	return d, nil
}

// documentSeen says whether the document is there, is one for ports, and takes what it will be given.
func documentSeen(ctx context.Context, x *exam) Result {
	name := x.documentName()
	another := aws.Fix{
		Text: "name a document of this account and region, or leave --document out", Command: "aws ssm list-documents --filters Key=DocumentType,Values=Session",
		Console: "Systems Manager › Documents › Session documents",
	}
	d, err := x.documented(ctx)
	switch code := codeOf(err); {
	case code == "InvalidDocument" || code == "InvalidDocumentOperation":
		return failed(aws.ErrRefusedByAWS, "there is no document "+name+" in "+x.Account.Region, another)
	case err != nil:
		return couldNot(err, "ssm:GetDocument", " on "+x.documentARN(ctx))
	case d.SessionType != "Port":
		return failed(aws.ErrRefusedByAWS, name+" is a document for "+d.SessionType+" sessions, not for Port", another)
	}
	var strange []string
	for p := range x.Parameters {
		if _, found := d.Parameters[p]; !found {
			strange = append(strange, p)
		}
	}
	if len(strange) > 0 {
		slices.Sort(strange)
		return failed(aws.ErrUsage, name+" takes no parameter "+strings.Join(strange, ", "), aws.Fix{Text: "leave out --parameter " + strange[0] + "=…"})
	}
	return ok("%s", name)
}

const preferencesDocument = "SSM-SessionManagerRunShell"

// shortIdle is an idle time-out that ends tunnels under people's hands.
const shortIdle = 5

// preferences reads how long sessions of the region may live. They hold for port sessions too (docs/aws.md §5).
func preferences(ctx context.Context, x *exam) Result {
	d, err := x.read(ctx, preferencesDocument)
	switch {
	case codeOf(err) == "InvalidDocument":
		return ok("none are set: idle sessions end after 20 min, others stay")
	case err != nil:
		return couldNot(err, "ssm:GetDocument", " on "+preferencesDocument)
	}
	idle, longest := minutes(d.Inputs["idleSessionTimeout"]), minutes(d.Inputs["maxSessionDuration"])
	if idle == 0 {
		idle = 20
	}
	text := fmt.Sprintf("idle sessions end after %d min", idle)
	if longest > 0 {
		text += fmt.Sprintf(", all of them after %d min", longest)
	}
	switch {
	case idle < shortIdle:
		return warned(text+": a tunnel will end while you read", preferencesFix(d, "idleSessionTimeout", "20"))
	case longest > 0 && longest < 60:
		return warned(text+": long queries will be cut", preferencesFix(d, "maxSessionDuration", "720"))
	}
	return ok("%s", text)
}

func minutes(v any) int {
	s, _ := v.(string)
	n, _ := strconv.Atoi(s) // "" is not set
	return n
}

func preferencesFix(d document, key, value string) aws.Fix {
	var whole map[string]any
	fix := aws.Fix{Text: "set " + key + " to " + value + " minutes", Console: "Systems Manager › Session Manager › Preferences › Edit"}
	if json.Unmarshal([]byte(d.text), &whole) != nil {
		return fix
	}
	inputs, found := whole["inputs"].(map[string]any)
	if !found {
		return fix
	}
	inputs[key] = value
	text, _ := json.Marshal(whole) // what JSON gave
	fix.Command = engine.Quote([]string{"aws", "ssm", "update-document", "--name", preferencesDocument, "--document-version", "$LATEST", "--content", string(text)})
	return fix
}
