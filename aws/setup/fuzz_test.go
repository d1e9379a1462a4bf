package setup

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclparse"
)

// FuzzParseDatabase: what is taken has all its parts, and says the same when it is written down again.
func FuzzParseDatabase(f *testing.F) {
	for _, s := range []string{"orders", "orders=h:5432", "orders=h.example:5432@sg-0d0000000000000d0+sg-1", "a=[::1]:1@", "=h:1", "a=h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, whole, err := ParseDatabase(text)
		switch {
		case err != nil:
		case !whole:
			if d.Name != text || strings.Contains(text, "=") {
				t.Errorf("%q: %+v", text, d)
			}
		case d.Name == "" || d.Host == "":
			t.Errorf("%q: %+v", text, d)
		}
	})
}

// FuzzRender: whatever is typed, a text is well formed or it is not written. In the script nothing that was typed can be a
// command: every value is held to a pattern that knows no quote, blank, dollar or backtick.
func FuzzRender(f *testing.F) {
	f.Add("rdsx", "bastion", "mika", "orders", "orders.abc.eu-west-1.rds.amazonaws.com", "sg-0d0000000000000d0", "t4g.nano", false)
	f.Add("a'b", "$(id)", "x@y", "a.b", "h", "sg-12345678", "m7g.large", true)
	f.Fuzz(func(t *testing.T, name, tag, operator, database, host, group, kind string, classic bool) {
		o := example(Recommended, PartAll)
		if classic {
			o.Shape = Classic
		}
		o.Name, o.Tag, o.Operators, o.Type = name, tag, []string{operator}, kind
		o.Databases = []Database{{Name: database, Host: host, Port: 5432, Groups: []string{group}}}
		text, err := Render(o, CloudFormation)
		if err != nil {
			return
		}
		if !json.Valid([]byte(text.Body)) {
			t.Fatalf("not JSON:\n%s", text.Body)
		}
		for _, typed := range []string{name, tag, operator, database, host, group, kind} {
			if strings.ContainsAny(typed, "'\"`$\\ \n;&|<>(){}") {
				t.Errorf("%q went through", typed)
			}
		}
		if text, err = Render(o, Terraform); err != nil {
			t.Fatal(err)
		}
		if _, diags := hclparse.NewParser().ParseHCL([]byte(text.Body), "x.tf"); diags.HasErrors() {
			t.Fatalf("%v\n%s", diags, text.Body)
		}
	})
}
