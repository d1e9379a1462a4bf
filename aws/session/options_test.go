package session

import "testing"

// TestDocumentByHost: the instance's own ports have a document of their own, and the agent refuses to be sent to its loopback
// by the other.
func TestDocumentByHost(t *testing.T) {
	for host, want := range map[string]struct{ document, host string }{
		"":                 {DocumentPort, ""},
		"localhost":        {DocumentPort, ""},
		"127.0.0.1":        {DocumentPort, ""},
		"::1":              {DocumentPort, ""},
		"db.internal":      {DocumentRemoteHost, "db.internal"},
		"10.0.0.9":         {DocumentRemoteHost, "10.0.0.9"},
		"localhost.corp.x": {DocumentRemoteHost, "localhost.corp.x"},
	} {
		r := Request{Host: host, Port: 22}.withDefaults()
		parameter := ""
		if p := r.Parameters["host"]; len(p) == 1 {
			parameter = p[0]
		}
		if r.Document != want.document || parameter != want.host || r.Parameters["portNumber"][0] != "22" {
			t.Errorf("%q: %s with %v", host, r.Document, r.Parameters)
		}
	}
	if r := (Request{Host: "localhost", Port: 22, Document: DocumentRemoteHost}).withDefaults(); r.Document != DocumentRemoteHost || r.Parameters["host"][0] != "localhost" {
		t.Errorf("a document that was asked for became %s with %v", r.Document, r.Parameters)
	}
}
