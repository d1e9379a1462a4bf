package doctor

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/rdsx/rdsx/aws/account"
)

// command runs an aws command line that the doctor has printed, as the administrator, against the simulator. It is the
// command line of the AWS CLI, read as that reads it: operations and parameters are those of the API, spelt with dashes.
func (r *rig) command(line string) {
	r.Helper()
	words, err := shellWords(line)
	if err != nil || len(words) < 3 || words[0] != "aws" {
		r.Fatalf("%s is not an aws command: %v", line, err)
	}
	service, operation := words[1], camel(words[2])
	flags, names := flagsOf(words[3:])
	delete(flags, "--region")
	body, target, kind := "", "", "application/x-www-form-urlencoded; charset=utf-8"
	switch service {
	case "ssm":
		target, kind = "AmazonSSM."+operation, "application/x-amz-json-1.1"
		body = jsonBody(flags)
	default:
		form := url.Values{"Action": {operation}, "Version": {map[string]string{"iam": "2010-05-08", "rds": "2014-10-31", "ec2": "2016-11-15"}[service]}}
		for _, name := range names {
			if values, found := flags[name]; found {
				formField(form, service, name, values)
			}
		}
		body = form.Encode()
	}
	r.post(service, target, kind, body, line)
}

// commands runs a line that makes a security group and goes on with it.
func (r *rig) commands(line string) {
	r.Helper()
	parts := strings.Split(line, " && ")
	first, isGroup := strings.CutPrefix(parts[0], "group=$(")
	if !isGroup {
		r.Fatalf("%s makes no group", line)
	}
	first = strings.TrimSuffix(first, ")")
	r.command(first)
	words, _ := shellWords(first) // command has read them
	flags, _ := flagsOf(words)
	id := ""
	for _, g := range r.sim.World().Region(home, region).SecurityGroups {
		if g.Name == flags["--group-name"][0] {
			id = g.ID
		}
	}
	for _, part := range parts[1:] {
		if !strings.HasSuffix(part, " --region "+region+" --profile "+r.profile) {
			r.Errorf("%s names not both region and profile", part)
		}
		r.command(strings.ReplaceAll(part, `"$group"`, id))
	}
}

func (r *rig) post(service, target, kind, body, line string) {
	r.Helper()
	cfg, _, _, err := account.Load(r.Context(), account.Options{Profile: r.admin, Env: r.env})
	if err != nil {
		r.Fatal(err)
	}
	keys, err := cfg.Credentials.Retrieve(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, r.sim.URL(), strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	request.Header.Set("Content-Type", kind)
	if target != "" {
		request.Header.Set("X-Amz-Target", target)
	}
	sum := sha256.Sum256([]byte(body))
	where := region
	if service == "iam" {
		where = "us-east-1"
	}
	if err := v4.NewSigner().SignHTTP(r.Context(), keys, request, hex.EncodeToString(sum[:]), service, where, time.Now()); err != nil {
		r.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		r.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // read to its end below
	text, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK {
		r.Fatalf("%s\nanswers %s: %s", line, answer.Status, text)
	}
}

// flagsOf reads --name value value --name value; names keeps their order.
func flagsOf(words []string) (flags map[string][]string, names []string) {
	flags = map[string][]string{}
	last := ""
	for _, w := range words {
		if strings.HasPrefix(w, "--") {
			last = w
			flags[w], names = []string{}, append(names, w)
			continue
		}
		flags[last] = append(flags[last], w)
	}
	return flags, names
}

// camel is an operation or parameter as the API spells it.
func camel(dashed string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(strings.TrimPrefix(dashed, "--"), "-") {
		switch part {
		case "db":
			part = "DB"
		case "":
		default:
			part = strings.ToUpper(part[:1]) + part[1:]
		}
		b.WriteString(part)
	}
	return b.String()
}

func jsonBody(flags map[string][]string) string {
	in := map[string]any{}
	for name, values := range flags {
		if key := camel(name); strings.HasSuffix(name, "-ids") {
			in[key] = values
		} else {
			in[key] = values[0]
		}
	}
	text, _ := json.Marshal(in) // strings always marshal
	return string(text)
}

func formField(form url.Values, service, name string, values []string) {
	key := camel(name)
	if strings.HasSuffix(name, "-ids") {
		for i, v := range values {
			form.Set(strings.TrimSuffix(key, "s")+"."+strconv.Itoa(i+1), v)
		}
		return
	}
	switch {
	case name == "--ingress" || name == "--egress":
		form.Set("Egress", strconv.FormatBool(name == "--egress"))
		return
	case name == "--port-range":
		from, to, _ := strings.Cut(values[0], ",")
		form.Set("PortRange.From", strings.TrimPrefix(from, "From="))
		form.Set("PortRange.To", strings.TrimPrefix(to, "To="))
		return
	case len(values) == 0:
		form.Set(key, "true")
		return
	}
	const at = "IpPermissions.1."
	switch {
	case service == "iam" || service == "rds":
		form.Set(key, values[0])
	case name == "--description":
		form.Set("GroupDescription", values[0])
	case name == "--protocol" && !form.Has("NetworkAclId"):
		form.Set(at+"IpProtocol", values[0])
	case name == "--port":
		form.Set(at+"FromPort", values[0])
		form.Set(at+"ToPort", values[0])
	case name == "--cidr":
		form.Set(at+"IpRanges.1.CidrIp", values[0])
	case name == "--source-group":
		form.Set(at+"Groups.1.GroupId", values[0])
	case name == "--ip-permissions":
		shorthand(form, at, values[0])
	case name == "--iam-instance-profile":
		form.Set("IamInstanceProfile.Name", strings.TrimPrefix(values[0], "Name="))
	default:
		form.Set(key, values[0])
	}
}

// shorthand reads IpProtocol=tcp,FromPort=1,ToPort=1,UserIdGroupPairs=[{GroupId=sg-1}].
func shorthand(form url.Values, at, text string) {
	for field := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(field, "=")
		value = strings.Trim(value, "[]{}")
		switch inner, v, nested := strings.Cut(value, "="); {
		case nested && key == "UserIdGroupPairs":
			form.Set(at+"Groups.1."+inner, v)
		case nested:
			form.Set(at+key+".1."+inner, v)
		default:
			form.Set(at+key, value)
		}
	}
}

// shellWords splits a line as a POSIX shell does, for the quotes that are printed.
func shellWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	quoted, open := rune(0), false
	for _, c := range line {
		switch {
		case quoted != 0 && c == quoted:
			quoted = 0
		case quoted != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quoted, open = c, true
		case c == ' ':
			if word.Len() > 0 || open {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(c)
		}
	}
	if quoted != 0 {
		return nil, fmt.Errorf("a quote is not closed: %s", line)
	}
	if word.Len() > 0 || open {
		words = append(words, word.String())
	}
	return words, nil
}

// TestCommandsAreTheCLIs gives the printed fixes with the most to quote to a shell and the AWS CLI itself: what the test's own
// reader makes of it is what they make of it.
func TestCommandsAreTheCLIs(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("aws is not installed")
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("sh is not installed")
	}
	for _, name := range []string{"idle sessions end too soon", "no endpoint and no route"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			at := slices.IndexFunc(cases(), func(c brokenWorld) bool { return c.name == name })
			if at < 0 {
				t.Fatalf("there is no case %q", name)
			}
			c := cases()[at]
			c.harm(r)
			found := r.run().Findings()
			if len(found) != 1 || len(found[0].Fixes) == 0 {
				t.Fatalf("findings: %+v", found)
			}
			// Whoever may make the edit types a profile of their own in the same account.
			line := strings.ReplaceAll(found[0].Fixes[0].Command, " --profile "+r.profile, " --profile "+r.admin)
			cmd := exec.CommandContext(t.Context(), shell, "-c", line)
			cmd.Env = append(append(os.Environ(), r.env...), "AWS_PROFILE="+r.admin)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Run(); err != nil {
				t.Fatalf("%s: %v\n%s", found[0].Fixes[0].Command, err, out.String())
			}
			c.settle(r)
			for _, f := range r.run().Findings() {
				t.Errorf("after the fix: %s %s", f.ID, f.Text)
			}
		})
	}
}
