package api

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/sim/world"
)

// ssmWrites are the calls that a set-up and its teardown make.
func ssmWrites() map[string]operation {
	return map[string]operation{
		"CreateDocument":    jsonOp("", createDocument),
		"DeleteDocument":    jsonOp("", deleteDocument),
		"ListDocuments":     jsonOp("*", listDocuments),
		"CreateAssociation": jsonOp("", createAssociation),
		"DeleteAssociation": jsonOp("", deleteAssociation),
	}
}

var ownDocument = regexp.MustCompile(`^[a-zA-Z0-9_\-.]{3,128}$`)

type createDocumentInput struct {
	Name, Content, DocumentType, DocumentFormat string
	Tags                                        []tag
}

func createDocument(c *call, in createDocumentInput) (any, error) {
	if !ownDocument.MatchString(in.Name) || reservedName(in.Name) {
		return nil, invalid("name", in.Name, `satisfy regular expression pattern: ^[a-zA-Z0-9_\-.]{3,128}$`)
	}
	if err := c.permit("ssm:CreateDocument", c.fill("arn:aws:ssm:{region}:{account}:document/"+in.Name), nil); err != nil {
		return nil, err
	}
	d, err := c.makeDocument(in)
	if err != nil {
		return nil, err
	}
	out := documentDescription{
		Name: d.Name, Owner: c.place.Account, Description: d.Description, Status: "Active", SchemaVersion: "1.0", DocumentType: "Session",
		DocumentFormat: "JSON", DocumentVersion: "1", LatestVersion: "1", DefaultVersion: "1", HashType: "Sha256", CreatedDate: epoch(c.api.now()),
		PlatformTypes: []string{"Windows", "Linux", "MacOS"}, Parameters: []documentParameter{}, Tags: in.Tags,
	}
	return struct{ DocumentDescription documentDescription }{out}, nil
}

// reservedName says whether a document's name begins as only AWS's may.
func reservedName(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "aws") || strings.HasPrefix(name, "amazon") || strings.HasPrefix(name, "amzn")
}

// makeDocument adds a Session document to the region.
func (c *call) makeDocument(in createDocumentInput) (world.Document, error) {
	if in.DocumentType != "Session" || in.DocumentFormat != "" && in.DocumentFormat != "JSON" {
		return world.Document{}, failf("InvalidDocumentContent", "The simulated Systems Manager makes Session documents in JSON only")
	}
	var content struct {
		SchemaVersion, Description, SessionType string
		Parameters                              map[string]struct {
			Type, Description, Default, AllowedPattern string
		}
		Properties map[string]string
	}
	d := json.NewDecoder(strings.NewReader(in.Content))
	d.DisallowUnknownFields()
	if err := d.Decode(&content); err != nil {
		return world.Document{}, failf("InvalidDocumentContent", "%v", err)
	}
	if content.SchemaVersion != "1.0" {
		return world.Document{}, failf("InvalidDocumentSchemaVersion", "Session documents have the schema version 1.0")
	}
	doc := world.Document{Name: in.Name, Description: content.Description, Type: content.SessionType, Properties: content.Properties, Tags: map[string]string{}}
	for _, t := range in.Tags {
		doc.Tags[t.Key] = t.Value
	}
	for name, p := range content.Parameters {
		if p.Type != "String" {
			return doc, failf("InvalidDocumentContent", "Parameter %s is of type %q", name, p.Type)
		}
		doc.Parameters = append(doc.Parameters, world.Parameter{Name: name, Description: p.Description, Default: p.Default, Required: p.Default == "", Pattern: p.AllowedPattern})
	}
	slices.SortFunc(doc.Parameters, func(a, b world.Parameter) int { return strings.Compare(a.Name, b.Name) })
	return doc, c.updateRegion(func(r *world.Region) error {
		if _, ok := r.Document(in.Name); ok {
			return failf("DocumentAlreadyExists", "Document with name %s already exists.", in.Name)
		}
		r.Documents = append(r.Documents, doc)
		return nil
	})
}

func deleteDocument(c *call, in documentInput) (any, error) {
	if err := c.permit("ssm:DeleteDocument", c.documentARN(in.Name), nil); err != nil {
		return nil, err
	}
	return struct{}{}, c.removeDocument(in.Name)
}

func (c *call) removeDocument(name string) error {
	return c.updateRegion(func(r *world.Region) error {
		before := len(r.Documents)
		r.Documents = slices.DeleteFunc(r.Documents, func(d world.Document) bool { return d.Name == name })
		if len(r.Documents) == before {
			return failf("InvalidDocument", "Document with name %s does not exist.", name)
		}
		return nil
	})
}

type documentsInput struct {
	Filters []struct {
		Key    string
		Values []string
	}
	MaxResults *int
	NextToken  string
}

type documentIdentifier struct{ Name, Owner, DocumentType, DocumentFormat, DocumentVersion, SchemaVersion string }

// listDocuments knows the filters Owner (Self or Amazon), DocumentType and Name, the beginning of one.
func listDocuments(c *call, in documentsInput) (any, error) {
	var all []documentIdentifier
	for _, d := range c.region().AllDocuments() {
		owner, self := c.place.Account, "Self"
		if d.Amazon {
			owner, self = "Amazon", "Amazon"
		}
		keep := true
		for _, f := range in.Filters {
			switch f.Key {
			case "Owner":
				keep = keep && slices.Contains(f.Values, self)
			case "DocumentType":
				keep = keep && slices.Contains(f.Values, "Session")
			case "Name":
				keep = keep && slices.ContainsFunc(f.Values, func(v string) bool { return strings.HasPrefix(d.Name, v) })
			default:
				if name, ok := strings.CutPrefix(f.Key, "tag:"); ok {
					value, has := d.Tags[name]
					keep = keep && has && slices.Contains(f.Values, value)
					continue
				}
				return nil, failf("InvalidFilterKey", "The specified key is not valid: %s", f.Key)
			}
		}
		if keep {
			all = append(all, documentIdentifier{d.Name, owner, "Session", "JSON", "1", "1.0"})
		}
	}
	size, err := pageSize(in.MaxResults, 10, 1, 50)
	if err != nil {
		return nil, err
	}
	part, next, ok := page(all, c.name, in.NextToken, size)
	if !ok {
		return nil, failf("InvalidNextToken", "The specified token is not valid.")
	}
	return struct {
		DocumentIdentifiers []documentIdentifier
		NextToken           string `json:",omitempty"`
	}{append([]documentIdentifier{}, part...), next}, nil
}

type associationInput struct {
	Name, AssociationID, AssociationName, ScheduleExpression string
	InstanceID                                               string `json:"InstanceId"`
	Parameters                                               map[string][]string
	Targets                                                  []struct {
		Key    string
		Values []string
	}
}

func createAssociation(c *call, in associationInput) (any, error) {
	if err := c.permit("ssm:CreateAssociation", c.documentARN(in.Name), nil); err != nil {
		return nil, err
	}
	a, err := c.makeAssociation(in)
	if err != nil {
		return nil, err
	}
	return struct {
		AssociationDescription map[string]any
	}{map[string]any{"AssociationId": a.ID, "AssociationName": a.Name, "Name": a.Document, "ScheduleExpression": a.Schedule}}, nil
}

func (c *call) makeAssociation(in associationInput) (world.Association, error) {
	a := world.Association{ID: newUUID(), Name: in.AssociationName, Document: in.Name, Schedule: in.ScheduleExpression, Targets: map[string][]string{}}
	for _, t := range in.Targets {
		a.Targets[t.Key] = t.Values
	}
	if in.InstanceID != "" {
		a.Instances = []string{in.InstanceID}
	}
	if in.Name == "" || len(a.Targets) == 0 && in.InstanceID == "" {
		return a, failf("InvalidTarget", "The association has no document or no targets")
	}
	return a, c.updateRegion(func(r *world.Region) error {
		r.Associations = append(r.Associations, a)
		return nil
	})
}

type associationID struct {
	AssociationID string `json:"AssociationId"`
}

func deleteAssociation(c *call, in associationID) (any, error) {
	if err := c.permit("ssm:DeleteAssociation", c.fill("arn:aws:ssm:{region}:{account}:association/"+in.AssociationID), nil); err != nil {
		return nil, err
	}
	return struct{}{}, c.updateRegion(func(r *world.Region) error {
		before := len(r.Associations)
		r.Associations = slices.DeleteFunc(r.Associations, func(a world.Association) bool { return a.ID == in.AssociationID })
		if len(r.Associations) == before {
			return failf("AssociationDoesNotExist", "")
		}
		return nil
	})
}
