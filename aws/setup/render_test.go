package setup

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"

	"github.com/rdsx/rdsx/aws"
)

// example is a set-up of two databases that share a group.
func example(shape Shape, part Part) Options {
	return Options{
		Shape: shape, Part: part, Region: "eu-west-1", Account: "111122223333", Operators: []string{"mika"}, MFA: true,
		VPC: "vpc-0d00000000000000a", VPCCIDR: "10.10.0.0/16", Subnet: "subnet-0d0000000000000a1",
		Databases: []Database{
			{Name: "orders", Host: "orders.abc.eu-west-1.rds.amazonaws.com", Port: 5432, Groups: []string{"sg-0d0000000000000d0"}},
			{Name: "shop.reports", Host: "reports.abc.eu-west-1.rds.amazonaws.com", Port: 3306, Groups: []string{"sg-0d0000000000000d0", "sg-0d0000000000000d1"}},
		},
	}
}

// eachExample runs a test for every shape and part.
func eachExample(t *testing.T, format Format, test func(t *testing.T, o Options, text Text)) {
	t.Helper()
	for _, shape := range []Shape{Classic, Recommended} {
		for _, part := range []Part{PartIAM, PartBastion, PartAll} {
			t.Run(string(shape)+" "+string(part), func(t *testing.T) {
				o := example(shape, part)
				text, err := Render(o, format)
				if err != nil {
					t.Fatal(err)
				}
				test(t, o, text)
			})
		}
	}
}

// run runs a tool on the text, when the machine has it.
func run(t *testing.T, text Text, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Logf("%s is not installed: its own check is left out", name)
		return
	}
	file := filepath.Join(t.TempDir(), text.Name)
	if err := os.WriteFile(file, []byte(text.Body), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), path, append(args, file)...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s\n%s", name, err, out, text.Body)
	}
}

func TestTerraform(t *testing.T) {
	eachExample(t, Terraform, func(t *testing.T, _ Options, text Text) {
		if _, diags := hclparse.NewParser().ParseHCL([]byte(text.Body), text.Name); diags.HasErrors() {
			t.Fatalf("%v\n%s", diags, text.Body)
		}
		run(t, text, "terraform", "fmt", "-check", "-diff")
	})
}

// TestTerraformRefersToWhatIsThere: every reference to a resource or to data leads to a block of the file.
func TestTerraformRefersToWhatIsThere(t *testing.T) {
	eachExample(t, Terraform, func(t *testing.T, _ Options, text Text) {
		file, diags := hclparse.NewParser().ParseHCL([]byte(text.Body), text.Name)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		content, _, diags := file.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
			{Type: "resource", LabelNames: []string{"kind", "name"}}, {Type: "data", LabelNames: []string{"kind", "name"}}, {Type: "output", LabelNames: []string{"name"}},
		}})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		defined := map[string]bool{}
		for _, b := range content.Blocks {
			name := strings.Join(b.Labels, ".")
			if b.Type == "data" {
				name = "data." + name
			}
			if defined[b.Type+name] {
				t.Errorf("%s %s is there twice", b.Type, name)
			}
			defined[b.Type+name], defined[name] = true, true
		}
		for _, b := range content.Blocks {
			attributes, _ := b.Body.JustAttributes() // nested blocks hold one reference, to the instance
			for _, a := range attributes {
				for _, v := range a.Expr.Variables() {
					name := v.RootName()
					steps := 1
					if name == "data" {
						steps = 2
					}
					for _, s := range v[1 : 1+steps] {
						name += "." + s.(hcl.TraverseAttr).Name
					}
					if !defined[name] {
						t.Errorf("%v refers to %s, which is not there", b.Labels, name)
					}
				}
			}
		}
	})
}

func TestCloudFormation(t *testing.T) {
	eachExample(t, CloudFormation, func(t *testing.T, _ Options, text Text) {
		var template struct {
			Parameters map[string]any
			Resources  map[string]struct {
				Type       string
				Properties map[string]any
			}
		}
		if err := json.Unmarshal([]byte(text.Body), &template); err != nil {
			t.Fatal(err)
		}
		defined := map[string]bool{}
		for id := range template.Parameters {
			defined[id] = true
		}
		for id := range template.Resources {
			if defined[id] {
				t.Errorf("%s is there twice", id)
			}
			defined[id] = true
		}
		for id, r := range template.Resources {
			for _, to := range references(r.Properties) {
				if !defined[to] {
					t.Errorf("%s refers to %s, which is not there", id, to)
				}
			}
		}
		if strings.Contains(text.Body, "{account}") || strings.Contains(text.Body, "{region}") {
			t.Error("a place was left open")
		}
	})
}

// references are the targets of Ref and Fn::GetAtt in a value.
func references(v any) []string {
	var all []string
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			switch key {
			case "Ref":
				all = append(all, value.(string))
			case "Fn::GetAtt":
				all = append(all, value.([]any)[0].(string))
			default:
				all = append(all, references(value)...)
			}
		}
	case []any:
		for _, item := range v {
			all = append(all, references(item)...)
		}
	}
	return all
}

// TestCloudFormationLint asks cfn-lint about the two whole templates; it takes seconds, so the halves are left out.
func TestCloudFormationLint(t *testing.T) {
	for _, shape := range []Shape{Classic, Recommended} {
		t.Run(string(shape), func(t *testing.T) {
			t.Parallel()
			text, err := Render(example(shape, PartAll), CloudFormation)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(text.Body, `"AWS::EC2::Instance"`) {
				t.Fatal("no instance")
			}
			run(t, text, "cfn-lint", "--non-zero-exit-code", "warning", "--")
		})
	}
}

func TestScriptParses(t *testing.T) {
	eachExample(t, CLI, func(t *testing.T, _ Options, text Text) {
		if !text.Executable || !strings.HasPrefix(text.Body, "#!/bin/sh\n") {
			t.Error("not a script")
		}
		run(t, text, "sh", "-n")
	})
}

// TestOptionsAreHeldToPatterns: nothing that a shell or a template would read otherwise gets into a text.
func TestOptionsAreHeldToPatterns(t *testing.T) {
	for name, spoil := range map[string]func(*Options){
		"--shape":         func(o *Options) { o.Shape = "modern" },
		"none of iam":     func(o *Options) { o.Part = "rds" },
		"--name":          func(o *Options) { o.Name = "a; rm -rf /" },
		"--tag":           func(o *Options) { o.Tag = "$(id)" },
		"--account":       func(o *Options) { o.Account = "12" },
		"--region":        func(o *Options) { o.Region = "Ireland" },
		"partition":       func(o *Options) { o.Partition = "aws-eu" },
		"--instance-type": func(o *Options) { o.Type = "big" },
		"--operator":      func(o *Options) { o.Operators = []string{"mika'; id"} },
		"who may open":    func(o *Options) { o.Operators = nil },
		"--vpc ":          func(o *Options) { o.VPC = "vpc-`id`" },
		"--vpc-cidr":      func(o *Options) { o.Shape, o.VPCCIDR = Classic, "" },
		"--subnet":        func(o *Options) { o.Subnet = "" },
		"which databases": func(o *Options) { o.Databases = nil },
		"is not a host":   func(o *Options) { o.Databases[0].Host = "a b" },
		"port 0":          func(o *Options) { o.Databases[0].Port = 0 },
		"is not a name":   func(o *Options) { o.Databases[0].Name = "a'b" },
		"there twice":     func(o *Options) { o.Databases[1].Name = "orders" },
		"128 letters":     func(o *Options) { o.Databases[0].Name = strings.Repeat("a", 130) },
		"group's id":      func(o *Options) { o.Databases[0].Groups = []string{"default"} },
		"no security":     func(o *Options) { o.Databases[0].Groups = nil },
	} {
		o := example(Recommended, PartAll)
		spoil(&o)
		_, err := Render(o, CLI)
		if !errors.Is(err, aws.ErrUsage) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, f := range []Format{CLI, JSON} {
		o := example(Recommended, PartAll)
		o.Account = ""
		if _, err := Render(o, f); !errors.Is(err, aws.ErrUsage) {
			t.Errorf("%s without an account: %v", f, err)
		}
	}
	if _, err := Render(example(Recommended, PartAll), "pulumi"); !errors.Is(err, aws.ErrUsage) {
		t.Errorf("an unknown format: %v", err)
	}
}

// TestDescriptionsAreWhatAWSTakes: EC2 takes less in a group's description than IAM in a role's, and a script's quotes take no
// quote.
func TestDescriptionsAreWhatAWSTakes(t *testing.T) {
	takes := regexp.MustCompile(`^[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}$`)
	for _, shape := range []Shape{Classic, Recommended} {
		o, err := example(shape, PartAll).Complete()
		if err != nil {
			t.Fatal(err)
		}
		p := newPlan(o)
		texts := []string{"rdsx: no way in, and out to Systems Manager and the databases only"}
		for _, r := range []*role{p.instanceRole, p.operator} {
			if r != nil {
				texts = append(texts, "rdsx: "+r.why)
			}
		}
		for _, r := range append(p.group.egress, p.group.peers...) {
			texts = append(texts, r.text)
		}
		for _, text := range texts {
			if !takes.MatchString(text) {
				t.Errorf("%q", text)
			}
		}
	}
}
