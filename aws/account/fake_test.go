package account

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// call is one request that a fake service got.
type call struct {
	action string
	form   url.Values
	key    string // of the signature
	agent  string
}

// fake answers as AWS's query services do and remembers what it was asked.
type fake struct {
	*httptest.Server
	mu     sync.Mutex
	calls  []call
	answer func(call) (status int, body string) // nil for success
}

func newFake(t *testing.T, answer func(call) (int, string)) *fake {
	t.Helper()
	f := &fake{answer: answer}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	c := call{action: form.Get("Action"), form: form, agent: r.UserAgent()}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		_, c.action, _ = strings.Cut(target, ".")
	}
	if _, rest, ok := strings.Cut(r.Header.Get("Authorization"), "Credential="); ok {
		c.key, _, _ = strings.Cut(rest, "/")
	}
	f.mu.Lock()
	f.calls = append(f.calls, c)
	f.mu.Unlock()
	status, text := 200, ""
	if f.answer != nil {
		status, text = f.answer(c)
	}
	if status == 200 && text == "" {
		text = success(c)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

func success(c call) string {
	switch c.action {
	case "AssumeRole", "AssumeRoleWithWebIdentity", "GetSessionToken":
		return fmt.Sprintf(`<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>`+
			`<SecretAccessKey>role-secret</SecretAccessKey><SessionToken>role-token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>`+
			`<AssumedRoleUser><Arn>arn:aws:sts::222222222222:assumed-role/%[2]s/s</Arn><AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser></%[1]sResult></%[1]sResponse>`, c.action, roleName(c.form.Get("RoleArn")))
	case "GetCallerIdentity":
		return `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>` +
			`<Arn>arn:aws-cn:iam::111111111111:user/ada</Arn><UserId>AIDA</UserId><Account>111111111111</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`
	}
	return ""
}

func (f *fake) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, c := range f.calls {
		out = append(out, c.action+" "+c.key)
	}
	return out
}

func (f *fake) last(action string) call {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.calls) - 1; i >= 0; i-- {
		if f.calls[i].action == action {
			return f.calls[i]
		}
	}
	return call{}
}

// home is a home folder with the two files, and the environment that points there and nowhere else.
func home(t *testing.T, config, credentials string, env ...string) []string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"config": config, "credentials": credentials} {
		if err := os.WriteFile(filepath.Join(dir, ".aws", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return append([]string{"HOME=" + dir, "USER=ada", "AWS_EC2_METADATA_DISABLED=true"}, env...)
}

// show is an error as a person meets it, without the folder of the test.
func show(err error, env []string) string {
	if err == nil {
		return "ok"
	}
	text := fmt.Sprintf("%s\n    %s\n    hint: %s", kindName(err), err, nextOf(err))
	return strings.ReplaceAll(filepath.ToSlash(text), filepath.ToSlash(newEnviron(env).home()), "~")
}
