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
