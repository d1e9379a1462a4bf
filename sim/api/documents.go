package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"github.com/rdsx/rdsx/sim/world"
)

type documentInput struct {
	Name            string
	DocumentVersion string
	DocumentFormat  string
}

// described finds the document that GetDocument or DescribeDocument asks for, once the caller may see it.
func (c *call) described(in documentInput) (world.Document, string, error) {
	if !documentPattern.MatchString(in.Name) {
		return world.Document{}, "", invalid("name", in.Name, `satisfy regular expression pattern: ^[a-zA-Z0-9_\-.:/]{3,128}$`)
	}
	if err := c.permit("ssm:"+c.name, c.documentARN(in.Name), nil); err != nil {
		return world.Document{}, "", err
	}
	d, ok := c.findDocument(in.Name)
	if !ok {
		return d, "", failf("InvalidDocument", "Document with name %s does not exist.", in.Name)
	}
	switch in.DocumentVersion {
	case "", "1", "$DEFAULT", "$LATEST":
	default:
		return d, "", failf("InvalidDocumentVersion", "Document version %s does not exist.", in.DocumentVersion)
	}
	if in.DocumentFormat != "" && in.DocumentFormat != "JSON" {
		return d, "", failf("BadRequest", "The simulated Systems Manager keeps its documents in JSON")
	}
	content, err := c.content(d)
	return d, content, err
}

// content is the text of a document as its author wrote it.
func (c *call) content(d world.Document) (string, error) {
	type parameter struct {
		Type           string `json:"type"`
		Description    string `json:"description,omitempty"`
		AllowedPattern string `json:"allowedPattern,omitempty"`
		Default        string `json:"default,omitempty"`
	}
	body := map[string]any{"schemaVersion": "1.0", "description": d.Description, "sessionType": d.Type}
	if d.Name == world.PreferencesDocument {
		p := c.region().Preferences
		inputs := map[string]any{
			"idleSessionTimeout": strconv.Itoa(int(p.Idle.Minutes())), "maxSessionDuration": "", "s3BucketName": "", "s3KeyPrefix": "",
			"s3EncryptionEnabled": true, "cloudWatchLogGroupName": "", "cloudWatchEncryptionEnabled": true, "cloudWatchStreamingEnabled": false,
			"kmsKeyId": "", "runAsEnabled": false, "runAsDefaultUser": "", "shellProfile": map[string]string{"windows": "", "linux": ""},
		}
		if p.Max > 0 {
			inputs["maxSessionDuration"] = strconv.Itoa(int(p.Max.Minutes()))
		}
		body["inputs"] = inputs
	} else {
		parameters := map[string]parameter{}
		for _, p := range d.Parameters {
			parameters[p.Name] = parameter{"String", p.Description, p.Pattern, p.Default}
		}
		body["parameters"], body["properties"] = parameters, d.Properties
	}
	text, err := json.MarshalIndent(body, "", "  ")
	return string(text), err
}

// written is when every document was made; the world does not say.
var written = time.Date(2024, 3, 1, 9, 0, 0, 0, time.UTC)

func getDocument(c *call, in documentInput) (any, error) {
	d, content, err := c.described(in)
	if err != nil {
		return nil, err
	}
	return struct {
		Name, DocumentVersion, Status, Content, DocumentType, DocumentFormat string
		CreatedDate                                                          float64
	}{d.Name, "1", "Active", content, "Session", "JSON", epoch(written)}, nil
}

type documentParameter struct {
	Name         string
	Type         string
	Description  string `json:",omitempty"`
	DefaultValue string `json:",omitempty"`
}

type tag struct{ Key, Value string }

type documentDescription struct {
	Name, Owner, Description, Status, SchemaVersion, DocumentType, DocumentFormat string
	DocumentVersion, LatestVersion, DefaultVersion                                string
	Hash, HashType                                                                string
	CreatedDate                                                                   float64
	PlatformTypes                                                                 []string
	Parameters                                                                    []documentParameter
	Tags                                                                          []tag
}

func describeDocument(c *call, in documentInput) (any, error) {
	d, content, err := c.described(in)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(content))
	out := documentDescription{
		Name: d.Name, Owner: c.place.Account, Description: d.Description, Status: "Active", SchemaVersion: "1.0", DocumentType: "Session",
		DocumentFormat: "JSON", DocumentVersion: "1", LatestVersion: "1", DefaultVersion: "1", Hash: hex.EncodeToString(sum[:]), HashType: "Sha256",
		CreatedDate: epoch(written), PlatformTypes: []string{"Windows", "Linux", "MacOS"}, Parameters: []documentParameter{}, Tags: []tag{},
	}
	if d.Amazon {
		out.Owner = "Amazon"
	}
	for _, p := range d.Parameters {
		out.Parameters = append(out.Parameters, documentParameter{p.Name, "String", p.Description, p.Default})
	}
	for _, t := range tagList(d.Tags) {
		out.Tags = append(out.Tags, tag(t))
	}
	return struct{ Document documentDescription }{out}, nil
}
