package world

// Document is a Session document.
type Document struct {
	Name        string            `yaml:"name"`
	Description string            `yaml:"description"`
	Type        string            `yaml:"session_type"` // Port, Standard_Stream, InteractiveCommands, NonInteractiveCommands; Port when empty
	Parameters  []Parameter       `yaml:"parameters"`
	Properties  map[string]string `yaml:"properties"` // values may hold {{ parameter }}
	Tags        map[string]string `yaml:"tags"`
	Amazon      bool              `yaml:"-"` // owned by AWS: its ARN has no account
}

// Parameter is an input of a document.
type Parameter struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	Default     string `yaml:"default"`
	Required    bool   `yaml:"required"` // no default
	Pattern     string `yaml:"pattern"`  // a regular expression the value must match
}

const (
	portPattern = `^([1-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$`
	freePattern = `^([0-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$`
	hostPattern = "^[^,$^&\\(\\)!;'\"<>`{}\\[\\]\\|#=]{3,}$"
)

// amazonDocuments are the port-forwarding documents that AWS owns.
func amazonDocuments() []Document {
	remote := Parameter{Name: "host", Description: "(Optional) Hostname or IP address of the destination server", Default: "localhost", Pattern: hostPattern}
	port := Parameter{Name: "portNumber", Description: "(Optional) Port number of the server on the instance", Default: "80", Pattern: portPattern}
	local := Parameter{
		Name: "localPortNumber", Default: "0", Pattern: freePattern,
		Description: "(Optional) Port number on local machine to forward traffic to. An open port is chosen at run-time if not provided",
	}
	forward := map[string]string{"type": "LocalPortForwarding", "portNumber": "{{ portNumber }}", "localPortNumber": "{{ localPortNumber }}"}
	toHost := map[string]string{"host": "{{ host }}"}
	for k, v := range forward {
		toHost[k] = v
	}
	return []Document{
		{
			Name: "AWS-StartPortForwardingSession", Amazon: true, Type: "Port",
			Description: "Document to start port forwarding session over Session Manager", Parameters: []Parameter{port, local}, Properties: forward,
		},
		{
			Name: "AWS-StartPortForwardingSessionToRemoteHost", Amazon: true, Type: "Port",
			Description: "Document to start port forwarding session over Session Manager to remote host", Parameters: []Parameter{remote, port, local}, Properties: toHost,
		},
		{
			Name: "AWS-StartSSHSession", Amazon: true, Type: "Port",
			Description: "Document to start SSH session over Session Manager",
			Parameters:  []Parameter{{Name: "portNumber", Description: "(Optional) Port number of SSH server on the instance", Default: "22", Pattern: portPattern}},
			Properties:  map[string]string{"portNumber": "{{ portNumber }}"},
		},
	}
}

// PreferencesDocument is the name of the document that holds a region's session limits and that a shell session runs by.
const PreferencesDocument = "SSM-SessionManagerRunShell"

// AllDocuments are the Session documents of a region: AWS's, then the account's own.
func (r Region) AllDocuments() []Document { return append(amazonDocuments(), r.Documents...) }

// Document finds a Session document of a region: AWS's, the account's own, or the preferences document.
func (r Region) Document(name string) (Document, bool) {
	if name == PreferencesDocument {
		return Document{Name: name, Type: "Standard_Stream", Description: "Document to hold regional settings for Session Manager"}, true
	}
	for _, d := range r.AllDocuments() {
		if d.Name == name {
			return d, true
		}
	}
	return Document{}, false
}
