package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// gate is an address for the service ecs, which is asked once for each target that is looked for. wait is called before it answers.
func (b *box) gate(t *testing.T, wait func(*http.Request)) string {
	t.Helper()
	to, err := url.Parse(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(to)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wait(r)
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestUpAtOnce: of several at the same time one opens the target, and the others name it.
func TestUpAtOnce(t *testing.T) {
	const all = 4
	b := shop(t)
	came, together := make(chan struct{}, all), make(chan struct{})
	go func() {
		defer close(together)
		for range all {
			select {
			case <-came:
			case <-t.Context().Done():
				return
			}
		}
	}()
	b.env = append(b.env, "AWS_ENDPOINT_URL_ECS="+b.gate(t, func(r *http.Request) {
		select {
		case came <- struct{}{}:
		default:
		}
		select {
		case <-together:
		case <-r.Context().Done():
		}
	}))
	var procs []*proc
	for range all {
		procs = append(procs, b.launch(t, "up", echoName, "--json"))
	}
	local := map[string]bool{}
	for _, p := range procs {
		ev := p.await(func(ev event) bool { return ev.State == "idle" || strings.Contains(ev.Text, "open already") })
		local[ev.Local] = true
	}
	l := b.awaitTunnels(t, func(l tunnelList) bool { return len(l.Tunnels) > 0 && l.Tunnels[0].State == "idle" })
	if len(l.Tunnels) != 1 || len(local) != 1 || !local[l.Tunnels[0].Local] {
		t.Fatalf("%d at the same time have told %v and opened %+v, want one", all, local, l.Tunnels)
	}
	for _, p := range procs {
		if p.cmd.Process.Pid == l.Tunnels[0].PID {
			continue
		}
		if code := p.wait(); code != 0 {
			t.Errorf("one that had nothing to open ends with %d: %s", code, p.stderr)
		}
	}
	if info, err := os.Stat(filepath.Join(b.home(), ".local", "state", "rdsx", "up.lock")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the lock: %v, %v; want 0600", info, err)
	}
}

// TestUpLooksAgain: what another one has opened since the first target of this one was, is not opened a second time. Nor does a
// target that AWS is slow to find hold up the other one.
func TestUpLooksAgain(t *testing.T) {
	b := shop(t)
	first, answer := make(chan struct{}, 1), make(chan struct{})
	first <- struct{}{}
	asked := make(chan struct{})
	url := b.gate(t, func(r *http.Request) {
		select {
		case <-first:
			close(asked)
		default:
			return
		}
		select {
		case <-answer:
		case <-r.Context().Done():
		}
	})
	b.slowProfile(t, url)
	config := fmt.Sprintf("tunnels:\n  shop: [%q, %q]\ntargets:\n  %q: {via: dev-box}\n  %q: {via: dev-box, profile: slow}\n", echoName, otherName, echoName, otherName)
	if err := os.WriteFile(filepath.Join(b.home(), "config", "rdsx", "config.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := b.launch(t, "up", "--json")
	local := p.ready(echoName)[echoName]
	<-asked

	out, stderr, code := b.run(t, "up", "-d")
	if code != 0 || strings.Count(out, "\n") != 2 || !strings.Contains(out, local) || !strings.Contains(stderr, "1 tunnel in process") {
		t.Fatalf("while the first one waits for AWS: code %d, %q, %q", code, out, stderr)
	}
	close(answer)
	if has := p.ready(otherName)[otherName]; !strings.Contains(out, has) {
		t.Errorf("%s is open on %s, and the second one has said %q", otherName, has, out)
	}
	if l := b.tunnels(t, "ps"); len(l.Tunnels) != 2 || l.Tunnels[0].PID != p.cmd.Process.Pid || l.Tunnels[1].PID == p.cmd.Process.Pid {
		t.Errorf("listed %+v, want one of each", l.Tunnels)
	}
	b.tunnels(t, "down", "--all", "--yes")
}

// slowProfile is the default profile under another name, with another address for the service ecs.
func (b *box) slowProfile(t *testing.T, ecs string) {
	t.Helper()
	for name, change := range map[string]func([]byte) []byte{
		"config": func(old []byte) []byte {
			lines := fmt.Sprintf("\n[profile slow]\nregion = eu-west-1\nendpoint_url = %s\nservices = slow\n\n[services slow]\necs =\n  endpoint_url = %s\n", b.URL(), ecs)
			return append(old, lines...)
		},
		"credentials": func(old []byte) []byte {
			keys, _, _ := bytes.Cut(bytes.TrimPrefix(old, []byte("[default]\n")), []byte("["))
			return append(append(old, "\n[slow]\n"...), keys...)
		},
	} {
		path := filepath.Join(b.home(), ".aws", name)
		old, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, change(old), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUpOutlivesTheLogin: the folder of the session goes with the last login, and the tunnels are found all the same.
func TestUpOutlivesTheLogin(t *testing.T) {
	b := shop(t)
	session := filepath.Join(t.TempDir(), "s")
	if err := os.Mkdir(session, 0o700); err != nil {
		t.Fatal(err)
	}
	b.env = append(b.env, "XDG_RUNTIME_DIR="+session)
	if _, stderr, code := b.run(t, "up", "-d"); code != 0 {
		t.Fatalf("code %d: %s", code, stderr)
	}
	p := b.launch(t, "connect", echoName, "--json") // in a terminal multiplexer, say
	p.ready("")
	if err := os.RemoveAll(session); err != nil {
		t.Fatal(err)
	}
	if l := b.tunnels(t, "ps"); len(l.Tunnels) != 3 {
		t.Errorf("listed %+v, want three", l.Tunnels)
	}
	if _, stderr, code := b.run(t, "up", "-d"); code != 0 || strings.Count(stderr, "it is open already") != 2 {
		t.Errorf("again: code %d: %s", code, stderr)
	}
	if ended := b.tunnels(t, "down", "--all", "--yes"); len(ended.Tunnels) != 3 {
		t.Errorf("ended %+v, want three", ended.Tunnels)
	}
	if code := p.wait(); code != 0 {
		t.Errorf("connect ends with %d: %s", code, p.stderr)
	}
}
