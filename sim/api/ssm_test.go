package api

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/rdsx/rdsx/sim/world"
)

const toRemoteHost = "AWS-StartPortForwardingSessionToRemoteHost"

func remoteHost(target, host, port string) *ssm.StartSessionInput {
	return &ssm.StartSessionInput{
		Target: &target, DocumentName: ptr(toRemoteHost),
		Parameters: map[string][]string{"host": {host}, "portNumber": {port}, "localPortNumber": {"0"}},
	}
}

func (r *rig) prodOperator(t *testing.T) sdk.Config {
	t.Helper()
	return r.assume(t, r.as(t, "mika", "eu-west-1"), &sts.AssumeRoleInput{RoleArn: ptr(prodOperator), RoleSessionName: ptr("mika"), SerialNumber: ptr(mikasDevice), TokenCode: ptr("123456")})
}

func TestDescribeInstanceInformation(t *testing.T) {
	r := newRig(t, Options{})
	c := ssm.NewFromConfig(r.as(t, "oncall", "eu-west-1"))
	list := func(in *ssm.DescribeInstanceInformationInput) []string {
		t.Helper()
		var ids []string
		for p := ssm.NewDescribeInstanceInformationPaginator(c, in); p.HasMorePages(); {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range out.InstanceInformationList {
				ids = append(ids, *i.InstanceId)
			}
		}
		return ids
	}
	filter := func(key string, values ...string) *ssm.DescribeInstanceInformationInput {
		return &ssm.DescribeInstanceInformationInput{Filters: []types.InstanceInformationStringFilter{{Key: &key, Values: values}}}
	}
	for name, c := range map[string]struct {
		in   *ssm.DescribeInstanceInformationInput
		want string
	}{
		"all but the stopped one": {nil, "i-0a000000000000001 i-0a000000000000002 i-0a000000000000003 i-0a000000000000004 mi-0a000000000000006"},
		"online":                  {filter("PingStatus", "ConnectionLost"), "i-0a000000000000002"},
		"hybrid":                  {filter("ResourceType", "ManagedInstance"), "mi-0a000000000000006"},
		"platform":                {filter("PlatformTypes", "Windows"), "i-0a000000000000004"},
		"tag":                     {filter("tag:rdsx", "bastion"), "i-0a000000000000001 i-0a000000000000002 mi-0a000000000000006"},
		"ids":                     {filter("InstanceIds", "i-0a000000000000003", "i-0d000000000000001"), "i-0a000000000000003"},
	} {
		if got := strings.Join(list(c.in), " "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	_, err := c.DescribeInstanceInformation(t.Context(), filter("Colour", "red"))
	wantCode(t, err, "InvalidFilterKey", "") // its shape has no message
	_, err = c.DescribeInstanceInformation(t.Context(), &ssm.DescribeInstanceInformationInput{NextToken: ptr("x")})
	wantCode(t, err, "InvalidNextToken", "")
	_, err = c.DescribeInstanceInformation(t.Context(), &ssm.DescribeInstanceInformationInput{MaxResults: ptr(int32(51))})
	wantCode(t, err, "ValidationException", "less than or equal to 50")
	for _, i := range mustInformation(t, c) {
		if *i.InstanceId == "mi-0a000000000000006" && (*i.ComputerName != "東京データセンター" || i.ResourceType != types.ResourceTypeManagedInstance || i.LastPingDateTime == nil) {
			t.Errorf("hybrid node reads %+v", i)
		}
	}
}

func mustInformation(t *testing.T, c *ssm.Client) []types.InstanceInformation {
	t.Helper()
	out, err := c.DescribeInstanceInformation(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return out.InstanceInformationList
}

// TestNodePages: ten rows a page when nothing is said, as AWS has it, and every node once.
func TestNodePages(t *testing.T) {
	r := newRig(t, Options{})
	r.crowd(t, 37)
	c := ssm.NewFromConfig(r.as(t, "oncall", "eu-west-1"))
	seen := map[string]bool{}
	pages := 0
	for p := ssm.NewDescribeInstanceInformationPaginator(c, nil); p.HasMorePages(); pages++ {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range out.InstanceInformationList {
			seen[*i.InstanceId] = true
		}
	}
	if pages != 5 || len(seen) != 42 {
		t.Errorf("%d nodes on %d pages, want 42 on 5", len(seen), pages)
	}
	out, err := c.DescribeInstanceProperties(t.Context(), &ssm.DescribeInstancePropertiesInput{MaxResults: ptr(int32(1000))})
	if err != nil || len(out.InstanceProperties) != 42 || out.NextToken != nil {
		t.Errorf("properties: %v", err)
	}
}

// crowd adds instances to prod in eu-west-1.
func (r *rig) crowd(t *testing.T, n int) {
	t.Helper()
	err := r.world.Update(world.Place{Account: "777788889999", Region: "eu-west-1"}, func(reg *world.Region) {
		for i := range n {
			reg.Instances = append(reg.Instances, world.Instance{ID: "i-0c0000000000000" + string("0123456789"[i/10]) + string("0123456789"[i%10]), Subnet: reg.Subnets[0].ID, AgentVersion: "3.3.0.0"})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDescribeInstanceProperties(t *testing.T) {
	r := newRig(t, Options{})
	c := ssm.NewFromConfig(r.as(t, "oncall", "eu-west-1"))
	out, err := c.DescribeInstanceProperties(t.Context(), &ssm.DescribeInstancePropertiesInput{
		FiltersWithOperator: []types.InstancePropertyStringFilter{{Key: ptr("AgentVersion"), Operator: types.InstancePropertyFilterOperatorBeginWith, Values: []string{"3.3.4"}}},
	})
	if err != nil || len(out.InstanceProperties) != 1 {
		t.Fatalf("%+v %v", out, err)
	}
	if p := out.InstanceProperties[0]; *p.Name != "bastion-a" || *p.InstanceState != "running" || *p.InstanceType != "t4g.nano" || *p.Architecture != "arm64" {
		t.Errorf("properties %+v", p)
	}
}

func TestGetConnectionStatus(t *testing.T) {
	r := newRig(t, Options{})
	c := ssm.NewFromConfig(r.as(t, "oncall", "eu-west-1"))
	for target, want := range map[string]types.ConnectionStatus{
		"i-0a000000000000001": types.ConnectionStatusConnected, "i-0a000000000000002": types.ConnectionStatusNotConnected,
		"i-0a000000000000005": types.ConnectionStatusNotConnected, "i-0d000000000000001": types.ConnectionStatusNotConnected, "i-00000000": types.ConnectionStatusNotConnected,
	} {
		out, err := c.GetConnectionStatus(t.Context(), &ssm.GetConnectionStatusInput{Target: &target})
		if err != nil || out.Status != want {
			t.Errorf("%s: %+v %v", target, out, err)
		}
	}
	if err := r.world.UpdateInstance("i-0a000000000000001", func(i *world.Instance) { i.PingStatus = "ConnectionLost" }); err != nil {
		t.Fatal(err)
	}
	if out, err := c.GetConnectionStatus(t.Context(), &ssm.GetConnectionStatusInput{Target: ptr("i-0a000000000000001")}); err != nil || out.Status != types.ConnectionStatusNotConnected {
		t.Errorf("instance that went offline: %+v %v", out, err)
	}
}

func TestSessionLife(t *testing.T) {
	r := newRig(t, Options{})
	c := ssm.NewFromConfig(r.prodOperator(t))
	in := remoteHost("i-0a000000000000001", "orders-prod.example", "5432")
	in.Reason = ptr("a reason")
	out, err := c.StartSession(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^mika-[0-9a-f]{17}$`).MatchString(*out.SessionId) || *out.TokenValue != "token-of-"+*out.SessionId || !strings.HasPrefix(*out.StreamUrl, "wss://") {
		t.Errorf("answer %+v", out)
	}
	s := r.gateway.List()[0]
	if s.Properties["host"] != "orders-prod.example" || s.Properties["portNumber"] != "5432" || s.Properties["type"] != "LocalPortForwarding" || s.Max.Hours() != 12 {
		t.Errorf("the gateway was told %+v", s.StartInput)
	}
	rows := describe(t, c, types.SessionStateActive, types.SessionFilterKeyTargetId, "i-0a000000000000001")
	if len(rows) != 1 || *rows[0].Owner != "arn:aws:sts::777788889999:assumed-role/operator/mika" || *rows[0].Reason != "a reason" || *rows[0].DocumentName != toRemoteHost {
		t.Errorf("active sessions %+v", rows)
	}
	again, err := c.ResumeSession(t.Context(), &ssm.ResumeSessionInput{SessionId: out.SessionId})
	if err != nil || *again.TokenValue == *out.TokenValue {
		t.Errorf("resume gave %+v %v", again, err)
	}
	if _, err := c.TerminateSession(t.Context(), &ssm.TerminateSessionInput{SessionId: out.SessionId}); err != nil {
		t.Error(err)
	}
	over, err := c.ResumeSession(t.Context(), &ssm.ResumeSessionInput{SessionId: out.SessionId})
	if err != nil || over.TokenValue != nil {
		t.Errorf("a session that is over resumes: %+v %v", over, err)
	}
	if rows := describe(t, c, types.SessionStateActive, types.SessionFilterKeySessionId, *out.SessionId); len(rows) != 0 {
		t.Errorf("still active: %+v", rows)
	}
	if rows := describe(t, c, types.SessionStateHistory, types.SessionFilterKeySessionId, *out.SessionId); len(rows) != 1 || rows[0].EndDate == nil {
		t.Errorf("not in the history: %+v", rows)
	}
}

func describe(t *testing.T, c *ssm.Client, state types.SessionState, key types.SessionFilterKey, value string) []types.Session {
	t.Helper()
	out, err := c.DescribeSessions(t.Context(), &ssm.DescribeSessionsInput{State: state, Filters: []types.SessionFilter{{Key: key, Value: &value}}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Sessions
}

func TestStartSessionRefusals(t *testing.T) {
	r := newRig(t, Options{})
	operator, oncall := ssm.NewFromConfig(r.prodOperator(t)), ssm.NewFromConfig(r.as(t, "oncall", "eu-west-1"))
	reader := ssm.NewFromConfig(r.as(t, "reader", "eu-west-1"))
	with := func(in *ssm.StartSessionInput, change func(*ssm.StartSessionInput)) *ssm.StartSessionInput {
		change(in)
		return in
	}
	fine := func() *ssm.StartSessionInput { return remoteHost("i-0a000000000000001", "db.example", "5432") }
	for name, c := range map[string]struct {
		from       *ssm.Client
		in         *ssm.StartSessionInput
		code, text string
	}{
		"offline":                {operator, remoteHost("i-0a000000000000002", "h.example", "1"), "TargetNotConnected", "i-0a000000000000002 is not connected."},
		"stopped":                {oncall, remoteHost("i-0a000000000000005", "h.example", "1"), "TargetNotConnected", ""},
		"of another account":     {oncall, remoteHost("i-0d000000000000001", "h.example", "1"), "TargetNotConnected", ""},
		"of another region":      {oncall, remoteHost("i-0a00000000000000e", "h.example", "1"), "TargetNotConnected", ""},
		"no such instance":       {oncall, remoteHost("i-0123456789abcdef0", "h.example", "1"), "TargetNotConnected", ""},
		"instance without tag":   {operator, remoteHost("i-0a000000000000003", "h.example", "1"), "AccessDeniedException", "is not authorized to perform: ssm:StartSession on resource: arn:aws:ec2:eu-west-1:777788889999:instance/i-0a000000000000003 because no identity-based policy allows the ssm:StartSession action"},
		"document not allowed":   {operator, with(fine(), func(in *ssm.StartSessionInput) { in.DocumentName = ptr("AWS-StartPortForwardingSession") }), "AccessDeniedException", "on resource: arn:aws:ssm:eu-west-1::document/AWS-StartPortForwardingSession because"},
		"nothing allowed":        {reader, remoteHost("i-0d000000000000001", "h.example", "1"), "AccessDeniedException", "User: arn:aws:iam::111122223333:user/reader is not authorized"},
		"no such document":       {oncall, with(fine(), func(in *ssm.StartSessionInput) { in.DocumentName = ptr("Acme-Nothing") }), "InvalidDocument", "Acme-Nothing"},
		"bad document name":      {oncall, with(fine(), func(in *ssm.StartSessionInput) { in.DocumentName = ptr("a b") }), "ValidationException", "documentName"},
		"bad port":               {oncall, remoteHost("i-0a000000000000001", "h.example", "65536"), "InvalidParameters", "portNumber"},
		"bad host":               {oncall, remoteHost("i-0a000000000000001", "a;b", "1"), "InvalidParameters", "host"},
		"unknown parameter":      {oncall, with(fine(), func(in *ssm.StartSessionInput) { in.Parameters["colour"] = []string{"red"} }), "InvalidParameters", "colour"},
		"two values":             {oncall, with(fine(), func(in *ssm.StartSessionInput) { in.Parameters["host"] = []string{"a.example", "b.example"} }), "InvalidParameters", "host"},
		"reason too long":        {oncall, with(fine(), func(in *ssm.StartSessionInput) { in.Reason = ptr(strings.Repeat("x", 257)) }), "ValidationException", "reason"},
		"target too long":        {oncall, with(fine(), func(in *ssm.StartSessionInput) { in.Target = ptr(strings.Repeat("x", 401)) }), "ValidationException", "target"},
		"fixed host, given host": {operator, with(fine(), func(in *ssm.StartSessionInput) { in.DocumentName = ptr("Acme-OrdersProd") }), "InvalidParameters", "not defined"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.from.StartSession(t.Context(), c.in)
			wantCode(t, err, c.code, c.text)
		})
	}
	var typed *types.TargetNotConnected
	if _, err := operator.StartSession(t.Context(), remoteHost("i-0a000000000000002", "h.example", "1")); !errors.As(err, &typed) {
		t.Errorf("%v is not the SDK's own type", err)
	}
	if len(r.gateway.List()) != 0 {
		t.Errorf("the gateway was asked for a refused session: %+v", r.gateway.List())
	}
}

func TestStandardTierAndGatewayFailure(t *testing.T) {
	r := newRig(t, Options{})
	c := ssm.NewFromConfig(r.as(t, "oncall", "eu-west-1"))
	if _, err := c.StartSession(t.Context(), remoteHost("mi-0a000000000000006", "h.example", "3306")); err != nil {
		t.Errorf("hybrid node: %v", err)
	}
	if err := r.world.Update(world.Place{Account: "777788889999", Region: "eu-west-1"}, func(reg *world.Region) { reg.StandardTier = true }); err != nil {
		t.Fatal(err)
	}
	_, err := c.StartSession(t.Context(), remoteHost("mi-0a000000000000006", "h.example", "3306"))
	wantCode(t, err, "BadRequest", "advanced-instances tier")
	r.gateway.fail = errors.New("no room")
	_, err = c.StartSession(t.Context(), remoteHost("i-0a000000000000001", "h.example", "3306"))
	wantCode(t, err, "InternalServerError", "no room")
}

// TestSessionsOfOthers: the policy names a session by the caller's user id, so that nobody ends another's.
func TestSessionsOfOthers(t *testing.T) {
	r := newRig(t, Options{})
	mine, theirs := ssm.NewFromConfig(r.prodOperator(t)), ssm.NewFromConfig(r.as(t, "oncall", "eu-west-1"))
	out, err := mine.StartSession(t.Context(), remoteHost("i-0a000000000000001", "h.example", "1"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = theirs.TerminateSession(t.Context(), &ssm.TerminateSessionInput{SessionId: out.SessionId})
	wantCode(t, err, "AccessDeniedException", "ssm:TerminateSession on resource: arn:aws:ssm:eu-west-1:777788889999:session/"+*out.SessionId)
	_, err = theirs.ResumeSession(t.Context(), &ssm.ResumeSessionInput{SessionId: out.SessionId})
	wantCode(t, err, "AccessDeniedException", "ssm:ResumeSession")
	if rows := describe(t, theirs, types.SessionStateActive, types.SessionFilterKeyOwner, "arn:aws:iam::777788889999:user/oncall"); len(rows) != 0 {
		t.Errorf("sessions of oncall: %+v", rows)
	}
}

func TestDescribeSessionsPages(t *testing.T) {
	r := newRig(t, Options{})
	c := ssm.NewFromConfig(r.as(t, "oncall", "eu-west-1"))
	for range 5 {
		if _, err := c.StartSession(t.Context(), remoteHost("i-0a000000000000001", "h.example", "1")); err != nil {
			t.Fatal(err)
		}
	}
	var starts []string
	for p := ssm.NewDescribeSessionsPaginator(c, &ssm.DescribeSessionsInput{State: types.SessionStateActive, MaxResults: ptr(int32(2))}); p.HasMorePages(); {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range out.Sessions {
			starts = append(starts, s.StartDate.Format("05"))
		}
	}
	if got := strings.Join(starts, " "); got != "04 03 02 01 00" {
		t.Errorf("sessions in the order %s, want newest first", got)
	}
	_, err := c.DescribeSessions(t.Context(), &ssm.DescribeSessionsInput{State: "Lost"})
	wantCode(t, err, "ValidationException", "[Active, History]")
	other := ssm.NewFromConfig(r.as(t, "oncall", "us-east-1"))
	if out, err := other.DescribeSessions(t.Context(), &ssm.DescribeSessionsInput{State: types.SessionStateActive}); err != nil || len(out.Sessions) != 0 {
		t.Errorf("sessions of another region: %+v %v", out, err)
	}
}

func TestDocuments(t *testing.T) {
	r := newRig(t, Options{})
	c := ssm.NewFromConfig(r.as(t, "oncall", "us-east-1"))
	out, err := c.GetDocument(t.Context(), &ssm.GetDocumentInput{Name: ptr(world.PreferencesDocument)})
	if err != nil {
		t.Fatal(err)
	}
	var prefs struct {
		SessionType string
		Inputs      struct{ IdleSessionTimeout, MaxSessionDuration string }
	}
	if err := json.Unmarshal([]byte(*out.Content), &prefs); err != nil || prefs.Inputs.IdleSessionTimeout != "10" || prefs.Inputs.MaxSessionDuration != "60" || out.DocumentType != types.DocumentTypeSession {
		t.Errorf("preferences %s: %+v %v", *out.Content, prefs, err)
	}
	d, err := c.DescribeDocument(t.Context(), &ssm.DescribeDocumentInput{Name: ptr(toRemoteHost)})
	if err != nil || *d.Document.Owner != "Amazon" || len(d.Document.Parameters) != 3 {
		t.Errorf("%+v %v", d, err)
	}
	_, err = c.DescribeDocument(t.Context(), &ssm.DescribeDocumentInput{Name: ptr("Acme-OrdersProd")}) // of the other region
	wantCode(t, err, "InvalidDocument", "Acme-OrdersProd")
	c = ssm.NewFromConfig(r.as(t, "oncall", "eu-west-1"))
	own, err := c.DescribeDocument(t.Context(), &ssm.DescribeDocumentInput{Name: ptr("arn:aws:ssm:eu-west-1:777788889999:document/Acme-OrdersProd")})
	if err != nil || *own.Document.Owner != "777788889999" {
		t.Errorf("%+v %v", own, err)
	}
	_, err = c.GetDocument(t.Context(), &ssm.GetDocumentInput{Name: ptr(toRemoteHost), DocumentVersion: ptr("7")})
	wantCode(t, err, "InvalidDocumentVersion", "7")
	started, err := c.StartSession(t.Context(), &ssm.StartSessionInput{Target: ptr("i-0a000000000000001"), DocumentName: ptr("Acme-OrdersProd")})
	if err != nil {
		t.Fatal(err)
	}
	if s := r.gateway.List()[0]; s.ID != *started.SessionId || s.Properties["host"] != "orders-prod.internal.example" || s.Properties["localPortNumber"] != "0" {
		t.Errorf("the fixed document gave %+v", s.Properties)
	}
}
