package session

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rdsx/rdsx/aws"
)

// always resumes.
func always(int) (token, code string) { return secretToken, "" }

// until returns when ok says so, or the session is over.
func until(s *Session, ok func(aws.SessionStats) bool) {
	for !ok(s.Stats()) {
		select {
		case <-s.Changed():
		case <-s.Done():
			return
		}
	}
}

// TestResumeIsTriedAgain: whatever the service answers, short of saying that the session is over, its connections live on and
// are carried again as soon as it can be had.
func TestResumeIsTriedAgain(t *testing.T) {
	closing := func(n int) int {
		if n <= 2 {
			return 1008
		}
		return 0
	}
	forbidden := func(n int) int {
		if n == 1 {
			return http.StatusForbidden
		}
		return 0
	}
	first := func(n int, code string) func(int) (string, string) {
		return func(i int) (string, string) {
			if i <= n {
				return "", code
			}
			return secretToken, ""
		}
	}
	for name, c := range map[string]struct {
		script script
		tries  int
		signIn bool
		says   string
	}{
		"at once":            {script{resume: always}, 1, false, ""},
		"gateway 500s":       {script{resume: first(2, "500")}, 3, false, "500"},
		"throttled":          {script{resume: first(2, "ThrottlingException")}, 3, false, "Throttling"},
		"denied":             {script{resume: first(2, "AccessDeniedException")}, 3, false, "access to ssm:ResumeSession denied"},
		"keys expired":       {script{resume: first(2, "ExpiredTokenException")}, 3, true, "credentials"},
		"token expired":      {script{resume: always, closeAgain: closing}, 3, false, "1008"},
		"something unheard":  {script{resume: first(1, "TeapotException")}, 2, false, "Teapot"},
		"upgrade is refused": {script{resume: always, refuseAgain: forbidden}, 2, false, "403"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, c.script, false)
			s := open(t, b, Options{})
			conn := dial(t, s)
			echo(t, conn, []byte("before"))
			b.cut()
			var troubles []string
			var most int
			signIn, denied := false, false
			until(s, func(now aws.SessionStats) bool {
				most = max(most, now.Attempt)
				signIn, denied = signIn || now.SignIn, denied || now.Denied
				if (now.SignIn || now.Denied) != (now.Hint != "") {
					t.Errorf("hint %q with %+v", now.Hint, now)
				}
				troubles = append(troubles, now.Trouble)
				return now.Resumes > 0
			})
			echo(t, conn, []byte("after"))
			now := s.Stats()
			if now.Link != aws.LinkUp || now.Attempt != 0 || now.Trouble != "" || now.SignIn || now.Denied || now.Hint != "" || now.Resets != 0 {
				t.Errorf("afterwards %+v", now)
			}
			if most < c.tries-1 { // a value of Changed may stand for two changes
				t.Errorf("%d attempts seen, want %d", most, c.tries)
			}
			if signIn != c.signIn || denied != (name == "denied") {
				t.Errorf("sign-in needed: %v, denied: %v; %q", signIn, denied, troubles)
			}
			if !strings.Contains(strings.Join(troubles, "\n"), c.says) {
				t.Errorf("troubles %q, want %q among them", troubles, c.says)
			}
			if strings.Contains(strings.Join(troubles, "\n"), secretToken) {
				t.Error("the token is told")
			}
		})
	}
}

// TestSessionIsOver: what the service says ends the session, its connections, and the attempts.
func TestSessionIsOver(t *testing.T) {
	for name, c := range map[string]struct{ token, code string }{
		"no token":       {"", ""},
		"does not exist": {"", "DoesNotExistException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, script{resume: func(int) (string, string) { return c.token, c.code }}, false)
			s := open(t, b, Options{})
			conn := dial(t, s)
			echo(t, conn, []byte("before"))
			b.cut()
			<-s.Done()
			var over *ClosedError
			if err := s.Err(); !errors.As(err, &over) || !errors.Is(err, ErrClosedByService) || aws.NextOf(err) == "" {
				t.Errorf("ended with %v", err)
			}
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, ErrClosedByService) {
				t.Errorf("the connection: %v", err)
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.resumed != 1 {
				t.Errorf("asked %d times", b.resumed)
			}
		})
	}
}

// TestResumeDeniedForGood: a policy without ssm:ResumeSession must not let connections hang. Their session ends with the reason and
// what to ask for, and not before a policy that was just changed has had its time; an expired sign-in is waited for as long as it
// takes.
func TestResumeDeniedForGood(t *testing.T) {
	for code, ends := range map[string]bool{"AccessDeniedException": true, "ExpiredTokenException": false} {
		synctest.Test(t, func(t *testing.T) {
			b, cfg, transport := inMemory(t, script{resume: func(int) (string, string) { return "", code }})
			s, conn := inUse(t, cfg, Options{Transport: transport})
			b.bye()
			time.Sleep(deniedFor - time.Second)
			if now := s.Stats(); now.Link != aws.LinkResuming || now.SignIn == ends || now.Denied != ends || s.Err() != nil {
				t.Errorf("%s: a minute later %+v, %v", code, now, s.Err())
			}
			time.Sleep(lastRetry + 2*time.Second)
			switch err := s.Err(); {
			case !ends && err != nil:
				t.Errorf("%s: ended with %v", code, err)
			case ends && (!errors.Is(err, ErrAccessDenied) || !errors.Is(err, aws.ErrRefusedByAWS) || errors.Is(err, aws.ErrSignIn)):
				t.Fatalf("%s: ended with %v", code, err)
			case ends && (!strings.Contains(err.Error(), "ssm:ResumeSession") || !strings.Contains(aws.NextOf(err), "allows ssm:ResumeSession")):
				t.Errorf("%s: ended with %v; hint %q", code, err, aws.NextOf(err))
			}
			if ends {
				if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, ErrAccessDenied) {
					t.Errorf("the connection: %v", err)
				}
			}
			transport.CloseIdleConnections()
		})
	}
}

// renewable are credentials that can expire and be renewed.
type renewable struct {
	mu      sync.Mutex
	err     error
	key     string
	asked   int
	dropped int
}

func (r *renewable) Retrieve(context.Context) (sdk.Credentials, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	return sdk.Credentials{AccessKeyID: r.key, SecretAccessKey: secretKey}, r.err
}

func (r *renewable) Invalidate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropped++
}

func (r *renewable) set(key string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.key, r.err = key, err
}

// TestCredentialsRenewed: they expire while the websocket is lost, somebody signs in, and Retry goes on at once with the new
// ones. The connection has noticed nothing.
func TestCredentialsRenewed(t *testing.T) {
	keys := &renewable{key: "AKIDOLD"}
	b := newBox(t, script{resume: always}, false)
	cfg := b.config()
	cfg.Credentials = keys
	s, err := Open(context.Background(), cfg, request(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	conn := dial(t, s)
	echo(t, conn, []byte("before"))
	keys.set("", errors.New("the SSO session has expired"))
	b.cut()
	until(s, func(now aws.SessionStats) bool { return now.SignIn && now.Attempt > 1 && !now.NextTry.IsZero() })
	if now := s.Stats(); now.Link != aws.LinkResuming || !strings.Contains(now.Trouble, "SSO session") {
		t.Errorf("without credentials %+v", now)
	}
	keys.set("AKIDNEW", nil)
	s.Retry()
	echo(t, conn, []byte("after"))
	b.mu.Lock()
	defer b.mu.Unlock()
	if auth := b.upgrades[len(b.upgrades)-1].Header.Get("Authorization"); !strings.Contains(auth, "AKIDNEW") {
		t.Errorf("the websocket is signed with %q", auth)
	}
}

// TestExpiredKeysAreForgotten: the provider believes in credentials that AWS does not take.
func TestExpiredKeysAreForgotten(t *testing.T) {
	keys := &renewable{key: "AKIDOLD"}
	b := newBox(t, script{resume: func(n int) (string, string) {
		if n == 1 {
			return "", "ExpiredTokenException"
		}
		return secretToken, ""
	}}, false)
	cfg := b.config()
	cfg.Credentials = keys
	var asked atomic.Int32
	s, err := Open(context.Background(), cfg, request(), Options{Config: func(context.Context) (sdk.Config, error) {
		asked.Add(1)
		return cfg, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b.cut()
	until(s, func(now aws.SessionStats) bool { return now.Resumes > 0 })
	keys.mu.Lock()
	defer keys.mu.Unlock()
	if keys.dropped != 1 || asked.Load() != 2 {
		t.Errorf("forgotten %d times, the configuration asked for %d times", keys.dropped, asked.Load())
	}
}

// TestCloseWhileResuming: it waits for nothing that may never come.
func TestCloseWhileResuming(t *testing.T) {
	b := newBox(t, script{resume: func(int) (string, string) { return "", "500" }}, false)
	s := open(t, b, Options{})
	conn := dial(t, s)
	b.cut()
	until(s, func(now aws.SessionStats) bool { return now.Link == aws.LinkResuming && now.Attempt > 1 })
	if _, err := conn.Write([]byte("queued")); err != nil {
		t.Errorf("a write while resuming: %v", err)
	}
	if _, err := s.Dial(context.Background()); err != nil {
		t.Errorf("a dial while resuming: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, terminated, _ := b.count(); terminated != 1 {
		t.Errorf("terminated %d times", terminated)
	}
}

// TestQuickResumes: a service that closes each websocket at once is not asked without end.
func TestQuickResumes(t *testing.T) {
	var k keeper
	now := time.Now()
	var granted []bool
	for range quickResumes + 2 {
		granted = append(granted, k.again(now))
	}
	if n := slices.Index(granted, false); n != quickResumes {
		t.Errorf("%d resumes without a pause, want %d", n, quickResumes)
	}
	if !k.again(now.Add(quickEvery)) || k.again(now.Add(quickEvery)) {
		t.Error("one more for each quickEvery")
	}
}

// TestLastBytesBeforeTheLoss: what arrives together with the end of the websocket is for its reader now, and not when the session
// has been resumed, which somebody's sign-in may have to come before.
func TestLastBytesBeforeTheLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cfg, transport := inMemory(t, script{resume: func(int) (string, string) { return "", "ExpiredTokenException" }})
		s, conn := inUse(t, cfg, Options{Transport: transport})
		got := make(chan error, 1)
		go func() {
			_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
			p := make([]byte, 4)
			_, err := io.ReadFull(conn, p)
			if err == nil && string(p) != "last" {
				err = errors.New(string(p))
			}
			got <- err
		}()
		synctest.Wait()
		b.agent.lastWords("\x01\x02\x04\x00\x03\x00\x00\x00last")
		if err := <-got; err != nil {
			t.Error(err)
		}
		until(s, func(now aws.SessionStats) bool { return now.Link == aws.LinkResuming })
		transport.CloseIdleConnections()
	})
}
