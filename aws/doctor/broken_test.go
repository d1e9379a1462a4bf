package doctor

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rdsx/rdsx/sim/world"
)

// brokenWorld is one way in which something can be missing.
type brokenWorld struct {
	name string
	harm func(*rig)
	want ID
	warn bool
	text string // that the finding says
	// mend does by hand what the fix says, for fixes that are no aws command; nil runs the first fix's command.
	mend func(*rig)
	// then is what happens by itself after the fix: an agent comes back.
	then func(*rig)
}

func (c brokenWorld) settle(r *rig) {
	if c.then != nil {
		c.then(r)
	}
}

// comesBack is what an agent does once nothing keeps it off.
func comesBack(r *rig) {
	r.instance(func(i *world.Instance) { i.PingStatus, i.LastPing = "Online", time.Second })
}

func cases() []brokenWorld {
	return slices.Concat(casesOfIdentity(), casesOfPermission(), casesOfInstance(), casesOfNetwork(), casesOfDatabase(), casesOfMachine())
}

func TestBrokenWorlds(t *testing.T) {
	t.Parallel()
	if n := len(cases()); n < 25 {
		t.Fatalf("%d broken worlds, want 25 at least", n)
	}
	harmed := map[ID]bool{}
	for _, c := range cases() {
		harmed[c.want] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			c.harm(r)
			report := r.run()
			found := report.Findings()
			if len(found) != 1 || found[0].ID != c.want {
				t.Errorf("want the finding %s alone, got:", c.want)
				for _, f := range report.Results {
					if f.Status != OK {
						t.Logf("%-22s %-8s %s (because %s)", f.ID, f.Status, f.Text, f.Because)
					}
				}
				t.FailNow()
			}
			c.check(t, report, found[0])
			if c.mend != nil {
				c.mend(r)
			} else {
				r.command(found[0].Fixes[0].Command)
			}
			c.settle(r)
			after := r.run()
			for _, f := range after.Results {
				if f.Status == Failed || f.Status == Warned || f.Status == Unknown {
					t.Errorf("after the fix: %s is %s: %s", f.ID, f.Status, f.Text)
				}
			}
		})
	}
	for _, c := range Checks() {
		if !harmed[c.ID] && c.ID != TargetFound {
			t.Errorf("no broken world is one of the check %s", c.ID)
		}
	}
}

// check holds a finding to what a person needs of it.
func (c brokenWorld) check(t *testing.T, report Report, f Result) {
	t.Helper()
	status := Failed
	if c.warn {
		status = Warned
	}
	if f.Status != status {
		t.Errorf("the finding is %s, want %s", f.Status, status)
	}
	if !strings.Contains(f.Text, c.text) {
		t.Errorf("the finding says %q, want %q in it", f.Text, c.text)
	}
	if len(f.Fixes) == 0 || f.Fixes[0].Text == "" {
		t.Fatalf("no fix for %s", f.Text)
	}
	if err := report.Err(); (err == nil) != c.warn {
		t.Errorf("the report's error is %v", err)
	}
	for _, fix := range f.Fixes {
		if strings.HasPrefix(fix.Command, "aws ") && fix.Console == "" {
			t.Errorf("%s has no path in the console", fix.Command)
		}
		if strings.HasPrefix(fix.Command, "aws ssm ") && !strings.HasSuffix(fix.Command, " --region "+region+" --profile "+report.Account.Profile) {
			t.Errorf("%s names not both region and profile", fix.Command)
		}
	}
}

func casesOfIdentity() []brokenWorld {
	return []brokenWorld{
		{name: "the keys are unknown", want: Identity, text: "does not know the credentials", harm: func(r *rig) {
			r.account(func(a *world.Account) { a.Users[0].AccessKey = "AKIASIMDOC0000000009" })
		}, mend: func(r *rig) {
			r.account(func(a *world.Account) { a.Users[0].AccessKey = "AKIASIMDOC0000000001" })
		}},
		{name: "the profile is not there", want: Identity, text: "acme-operatr", harm: func(r *rig) { r.profile = "acme-operatr" }, mend: func(r *rig) { r.profile = "acme-operator" }},
		{name: "the trust policy names another", want: AssumeRole, text: "does not name arn:aws:iam::111122223333:user/ada", harm: func(r *rig) {
			r.role("operator", func(o *world.Role) {
				o.Trust = parsePolicy(r.T, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/admin"},"Action":"sts:AssumeRole"}}`)
			})
		}},
		{name: "the user may not assume the role", want: AssumeRole, text: "lets you in", harm: func(r *rig) {
			r.account(func(a *world.Account) {
				a.Users[0].Policies = append(a.Users[0].Policies[:0:0], parsePolicy(r.T, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:Get*","iam:List*"],"Resource":"*"}}`))
			})
			// a user of the same account that the trust policy names needs no policy: the whole account is named here
			r.role("operator", func(o *world.Role) {
				o.Trust = parsePolicy(r.T, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}}`)
			})
		}},
		{name: "the trust policy wants an external id", want: AssumeRole, text: "external id", harm: func(r *rig) {
			r.role("operator", func(o *world.Role) {
				o.Trust = parsePolicy(r.T, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/ada"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"acme-7f3a"}}}}`)
			})
		}, mend: func(r *rig) { r.edit(AssumeRole) }},
		{name: "the trust policy wants MFA", want: AssumeRole, text: "MFA", harm: func(r *rig) {
			r.role("operator", func(o *world.Role) {
				o.Trust = parsePolicy(r.T, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/ada"},"Action":"sts:AssumeRole","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}}`)
			})
		}, mend: func(r *rig) { r.edit(AssumeRole) }},
		{name: "longer than the role allows", want: AssumeRole, text: "MaxSessionDuration", harm: func(r *rig) { r.setKey("acme-operator", "duration_seconds", "43200") }, mend: func(r *rig) { r.edit(AssumeRole) }},
	}
}

// edit makes the edit of the profile that a finding carries.
func (r *rig) edit(id ID) {
	r.Helper()
	for _, f := range r.run().Findings() {
		if f.ID == id && f.Profile != nil {
			if want := "rdsx profiles edit " + f.Profile.Name; !strings.HasPrefix(f.Fixes[0].Command, want) {
				r.Errorf("the fix is %s, want %s …", f.Fixes[0].Command, want)
			}
			for key, value := range f.Profile.Set {
				r.setKey(f.Profile.Name, key, value)
			}
			return
		}
	}
	r.Errorf("no edit of the profile is proposed for %s", id)
}

func casesOfPermission() []brokenWorld {
	drop := func(r *rig, at int) {
		r.role("operator", func(o *world.Role) { o.Policies = append(o.Policies[:at:at], o.Policies[at+1:]...) })
	}
	return []brokenWorld{
		{name: "no session on the instance", want: OnInstance, text: "instance/" + bastion + ": no policy allows it", harm: func(r *rig) { drop(r, 1) }},
		{name: "no session with the document", want: OnDocument, text: "document/AWS-StartPortForwardingSessionToRemoteHost: no policy allows it", harm: func(r *rig) { drop(r, 2) }},
		{name: "another tag than the policy's", want: OnInstance, text: "no policy allows it", harm: func(r *rig) {
			r.role("operator", func(o *world.Role) {
				o.Policies[1] = parsePolicy(r.T, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ssm:StartSession","Resource":"*","Condition":{"StringEquals":{"ssm:resourceTag/env":"prod"}}}}`)
			})
		}},
		{name: "a denial", want: OnInstance, text: "a policy denies it", harm: func(r *rig) {
			r.role("operator", func(o *world.Role) {
				o.Policies = append(o.Policies, parsePolicy(r.T, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"ssm:StartSession","Resource":"arn:aws:ec2:*:*:instance/*"}}`))
			})
		}, mend: func(r *rig) { drop(r, 3) }},
		{name: "the document is not there", want: DocumentSeen, text: "there is no document Acme-Ordres", harm: func(r *rig) { r.options.Document = "Acme-Ordres" }, mend: func(r *rig) { r.options.Document = "" }},
		{name: "the document is for shells", want: DocumentSeen, text: "Standard_Stream", harm: func(r *rig) { r.options.Document = "Acme-Shell" }, mend: func(r *rig) { r.options.Document = "" }},
		{name: "the document takes no such parameter", want: DocumentSeen, text: "takes no parameter database", harm: func(r *rig) {
			r.options.Document, r.options.Parameters = "Acme-Orders", map[string][]string{"database": {"x"}}
			if err := r.sim.World().SetDial("orders.internal.example:5432", r.banner.addr); err != nil {
				r.Fatal(err)
			}
		}, mend: func(r *rig) { r.options.Parameters = nil }},
		{name: "idle sessions end too soon", want: Preferences, warn: true, text: "idle sessions end after 2 min", harm: func(r *rig) {
			r.region(func(reg *world.Region) { reg.Preferences.Idle = 2 * time.Minute })
		}},
		{name: "sessions are too short", want: Preferences, warn: true, text: "all of them after 15 min", harm: func(r *rig) {
			r.region(func(reg *world.Region) { reg.Preferences.Max = 15 * time.Minute })
		}},
	}
}

func casesOfInstance() []brokenWorld {
	return []brokenWorld{
		{name: "the instance is stopped", want: Running, text: bastion + " is stopped", harm: func(r *rig) {
			r.instance(func(i *world.Instance) { i.State = "stopped" })
		}},
		{name: "no instance profile", want: InstanceRole, text: "no instance profile, and Default Host Management is off", harm: func(r *rig) {
			r.instance(func(i *world.Instance) { i.Profile = "" })
			r.offline()
		}, mend: func(r *rig) {
			r.command(strings.ReplaceAll(r.run().Findings()[0].Fixes[0].Command, "PROFILE", "bastion"))
		}, then: comesBack},
		{name: "the role lacks the core policy", want: InstanceRole, text: "lacks AmazonSSMManagedInstanceCore", harm: func(r *rig) {
			r.role("bastion", func(o *world.Role) { o.Attached = nil })
			r.offline()
		}, then: comesBack},
		{name: "the role does not trust EC2", want: InstanceRole, text: "does not trust EC2", harm: func(r *rig) {
			r.role("bastion", func(o *world.Role) {
				o.Trust = parsePolicy(r.T, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
			})
			r.offline()
		}, then: comesBack},
		{name: "the role of Default Host Management is gone", want: HostRole, text: "gone, which does not exist", harm: func(r *rig) {
			r.region(func(reg *world.Region) { reg.HostRole = "service-role/gone" })
		}},
		{name: "the role of Default Host Management lacks its policy", want: HostRole, text: "lacks AmazonSSMManagedEC2InstanceDefaultPolicy", harm: func(r *rig) {
			r.region(func(reg *world.Region) { reg.HostRole = "hosts" })
			r.role("hosts", func(o *world.Role) { o.Attached = nil })
		}},
		{name: "Quick Setup has failed", want: QuickSetup, warn: true, text: "has failed", harm: func(r *rig) {
			r.region(func(reg *world.Region) { reg.Associations[0].Status = "Failed" })
		}},
		{name: "the agent never registered", want: Registered, text: "does not know " + bastion, harm: func(r *rig) {
			r.instance(func(i *world.Instance) { i.AgentVersion, i.PingStatus = "", "" })
		}},
		{name: "the agent is lost", want: Online, text: "ConnectionLost, last heard 1h0m0s ago", harm: (*rig).offline},
		{name: "the agent is too old", want: Agent, text: "3.1.501.0 is too old", harm: func(r *rig) {
			r.instance(func(i *world.Instance) { i.AgentVersion = "3.1.501.0" })
			r.addEndpoint("ec2messages")
		}},
	}
}

func (r *rig) addEndpoint(service string) {
	r.Helper()
	r.region(func(reg *world.Region) {
		reg.VPCEndpoints = append(reg.VPCEndpoints, world.VPCEndpoint{Service: "com.amazonaws." + region + "." + service, VPC: vpc, Subnets: []string{subnet}, Groups: []string{doors}})
	})
}

func casesOfNetwork() []brokenWorld {
	return []brokenWorld{
		{name: "no egress to 443", want: HTTPS, text: "no egress rule of " + bastions, harm: func(r *rig) {
			r.group(bastions, func(g *world.SecurityGroup) { g.Egress = g.Egress[1:] })
			r.offline()
		}, then: comesBack},
		{name: "no endpoint and no route", want: Endpoints, text: "has no endpoint com.amazonaws.eu-west-1.ssmmessages", harm: func(r *rig) {
			r.region(func(reg *world.Region) { reg.VPCEndpoints = reg.VPCEndpoints[:1] })
			r.offline()
		}, mend: func(r *rig) { r.commands(r.run().Findings()[0].Fixes[0].Command) }, then: comesBack},
		{name: "an old agent without its third endpoint", want: Endpoints, text: "ec2messages", harm: func(r *rig) {
			r.instance(func(i *world.Instance) { i.AgentVersion = "3.2.2303.0" })
			r.offline()
		}, mend: func(r *rig) { r.commands(r.run().Findings()[0].Fixes[0].Command) }, then: comesBack},
		{name: "an endpoint without private DNS", want: Endpoints, text: "no private DNS", harm: func(r *rig) {
			r.region(func(reg *world.Region) { reg.VPCEndpoints[0].NoPrivateDNS = true })
			r.offline()
		}, then: comesBack},
		{name: "an endpoint's group keeps it out", want: Endpoints, text: "do not let the instance in on 443", harm: func(r *rig) {
			r.group(doors, func(g *world.SecurityGroup) {
				g.Ingress[0] = world.Rule{Protocol: "tcp", From: 443, To: 443, CIDR: "192.168.0.0/16"}
			})
			r.offline()
		}, then: comesBack},
		{name: "an endpoint is not accepted", want: Endpoints, text: "pendingAcceptance", harm: func(r *rig) {
			r.region(func(reg *world.Region) { reg.VPCEndpoints[1].State = "pendingAcceptance" })
			r.offline()
		}, mend: func(r *rig) {
			r.region(func(reg *world.Region) { reg.VPCEndpoints[1].State = "available" })
		}, then: comesBack},
		{name: "the database's group keeps it out", want: Reach, text: "ingress", harm: func(r *rig) {
			r.group(dbs, func(g *world.SecurityGroup) { g.Ingress = nil })
		}},
		{name: "the instance's group keeps it in", want: Reach, text: "egress", harm: func(r *rig) {
			r.group(bastions, func(g *world.SecurityGroup) { g.Egress = g.Egress[:1] })
		}},
		{name: "a network ACL denies it", want: Reach, text: "acl", harm: func(r *rig) {
			r.region(func(reg *world.Region) {
				reg.NetworkACLs = append(reg.NetworkACLs, world.NetworkACL{ID: "acl-0d0000000000000f1", VPC: vpc, Subnets: []string{"subnet-0d0000000000000a2"}, Entries: []world.ACLEntry{
					{Number: 100, Protocol: "tcp", CIDR: "10.10.0.0/16", From: 443, To: 443}, {Number: 100, Egress: true, CIDR: "0.0.0.0/0", Protocol: "-1"},
				}})
			})
			r.region(func(reg *world.Region) {
				reg.DBInstances[0].Subnets, reg.DBInstances[0].IP = []string{"subnet-0d0000000000000a2"}, "10.10.1.20"
			})
		}},
	}
}

func casesOfDatabase() []brokenWorld {
	dial := func(r *rig, to string) {
		if err := r.sim.World().Serve("orders", to); err != nil {
			r.Fatal(err)
		}
	}
	serve := func(r *rig) { dial(r, r.banner.addr) }
	return []brokenWorld{
		{name: "the database is stopped", want: Database, text: "orders is stopped", harm: func(r *rig) {
			r.region(func(reg *world.Region) { reg.DBInstances[0].Status = "stopped" })
		}},
		{name: "the name does not resolve", want: Session, text: "not resolved at the instance", harm: func(r *rig) { dial(r, world.Unresolvable) }, mend: serve},
		{name: "nothing listens", want: Session, text: "refuses connections on port 5432", harm: func(r *rig) { dial(r, world.Refused) }, mend: serve},
		{name: "packets are dropped", want: Session, text: "no answer of orders.", harm: func(r *rig) {
			dial(r, world.Silent)
			r.options.Patience = 300 * time.Millisecond
		}, mend: func(r *rig) { serve(r); r.options.Patience = 20 * time.Second }},
		{name: "something else listens", want: Session, text: "not as PostgreSQL", harm: func(r *rig) { r.banner.say("H") }, mend: func(r *rig) { r.banner.say("N") }},
	}
}

func casesOfMachine() []brokenWorld {
	unset := func(name string) func(*rig) {
		return func(r *rig) {
			r.options.Local.Env = slices.DeleteFunc(r.options.Local.Env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
		}
	}
	return []brokenWorld{
		{name: "the local port is taken", want: LocalPort, text: "cannot be bound", harm: func(r *rig) {
			l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's listener
			if err != nil {
				r.Fatal(err)
			}
			r.Cleanup(func() { _ = l.Close() })
			r.options.Local.Port = l.Addr().(*net.TCPAddr).Port
		}, mend: func(r *rig) {
			fix := r.run().Findings()[0].Fixes[0].Command
			if _, err := fmt.Sscanf(fix, "rdsx connect TARGET --port %d", &r.options.Local.Port); err != nil {
				r.Errorf("%s: %v", fix, err)
			}
		}},
		{name: "no client program", want: Client, warn: true, text: "psql", harm: func(r *rig) {
			r.options.Local.LookPath = func(string) (string, error) { return "", os.ErrNotExist }
		}, mend: func(r *rig) {
			r.options.Local.LookPath = func(name string) (string, error) { return "/usr/bin/" + name, nil }
		}},
		{name: "the CA bundle is not there", want: CABundle, text: "AWS_CA_BUNDLE", harm: func(r *rig) {
			r.options.Local.CAFile, r.options.Local.CAOrigin = filepath.Join(r.TempDir(), "gone.pem"), "AWS_CA_BUNDLE"
		}, mend: func(r *rig) { r.options.Local.CAFile = "" }},
		{name: "the CA bundle is none", want: CABundle, text: "holds no certificate", harm: func(r *rig) {
			file := filepath.Join(r.TempDir(), "ca.pem")
			if err := os.WriteFile(file, []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 0o600); err != nil {
				r.Fatal(err)
			}
			r.options.Local.CAFile, r.options.Local.CAOrigin = file, "ca_bundle"
		}, mend: func(r *rig) { r.options.Local.CAFile = "" }},
		{name: "the proxy does not answer", want: Proxy, text: "HTTPS_PROXY leads to 127.0.0.1:1,", harm: func(r *rig) {
			r.options.Local.Env = append(r.options.Local.Env, "HTTPS_PROXY=http://ada:secret@127.0.0.1:1")
		}, mend: unset("HTTPS_PROXY")},
		{name: "the proxy is no URL", want: Proxy, text: "not the URL of a proxy", harm: func(r *rig) {
			r.options.Local.Env = append(r.options.Local.Env, "https_proxy=http://%zz")
		}, mend: unset("https_proxy")},
		{name: "the clock is ahead", want: Clock, text: "ahead: AWS refuses what it signs", harm: func(r *rig) {
			r.options.Now = func() time.Time { return time.Now().Add(10 * time.Minute) }
		}, mend: func(r *rig) { r.options.Now = nil }},
		{name: "the config file is broken", want: Config, text: "config:7: the section", harm: func(r *rig) {
			r.options.Local.Lint = func() ([]Fault, error) {
				return []Fault{{Where: "config:7", Text: "the section [profile dev] is there twice", Serious: true}, {Where: "config:9", Text: "more"}}, nil
			}
		}, mend: func(r *rig) { r.options.Local.Lint = func() ([]Fault, error) { return nil, nil } }},
	}
}
