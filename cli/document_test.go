package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws"
)

func TestDocumentGetsWhatItTakes(t *testing.T) {
	const head = `{"schemaVersion":"1.0","sessionType":"Port",`
	orders := aws.Endpoint{Host: "orders.abc.rds.amazonaws.com", Port: 5432}
	for name, c := range map[string]struct {
		content   string
		typed     []string
		want      []string
		elsewhere string
	}{
		"fixed": {
			content: head + `"parameters":{"localPortNumber":{"type":"String"}},"properties":{"host":"Orders.abc.rds.amazonaws.com.","portNumber":"5432"}}`,
		},
		"asks for both": {
			content: head + `"parameters":{"host":{},"portNumber":{}},"properties":{"host":"{{ host }}","portNumber":"{{ portNumber }}"}}`,
			want:    []string{"host=orders.abc.rds.amazonaws.com", "portNumber=5432"},
		},
		"asks for the host, the port is typed": {
			content: head + `"parameters":{"host":{},"portNumber":{}},"properties":{"host":"{{host}}","portNumber":"{{portNumber}}"}}`,
			typed:   []string{"portNumber=6432"}, want: []string{"portNumber=6432", "host=orders.abc.rds.amazonaws.com"},
		},
		"a port that is a number": {content: head + `"properties":{"portNumber":5432}}`},
		"leads elsewhere": {
			content: head + `"properties":{"host":"billing.abc.rds.amazonaws.com","portNumber":"5432"}}`, elsewhere: "leads to billing.abc.rds.amazonaws.com:5432",
		},
		"another port": {content: head + `"properties":{"host":"orders.abc.rds.amazonaws.com","portNumber":"6432"}}`, elsewhere: "leads to orders.abc.rds.amazonaws.com:6432"},
	} {
		d, err := parseDocument(c.content)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := d.fill(c.typed, orders); !slices.Equal(got, c.want) {
			t.Errorf("%s: parameters %v, want %v", name, got, c.want)
		}
		if got := d.elsewhere(orders); c.elsewhere == "" && got != "" || !strings.Contains(got, c.elsewhere) {
			t.Errorf("%s: warning %q, want %q", name, got, c.elsewhere)
		}
	}
	for _, bad := range []string{"", "[]", `{"sessionType":"Standard_Stream"}`} {
		if d, err := parseDocument(bad); err == nil {
			t.Errorf("%q was taken: %+v", bad, d)
		}
	}
}

// FuzzParseDocument: the content comes from an account and may be anything.
func FuzzParseDocument(f *testing.F) {
	f.Add(`{"sessionType":"Port","parameters":{"host":{}},"properties":{"host":"{{ host }}","portNumber":[1]}}`)
	f.Fuzz(func(t *testing.T, content string) {
		d, err := parseDocument(content)
		if err != nil {
			return
		}
		for _, p := range d.fill(nil, aws.Endpoint{Host: "h", Port: 1}) {
			if p != "host=h" && p != "portNumber=1" {
				t.Errorf("parameter %q", p)
			}
		}
		_ = d.elsewhere(aws.Endpoint{Host: "h", Port: 1})
	})
}
