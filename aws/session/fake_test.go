package session

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/rdsx/rdsx/aws/session/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secretToken = "AAEC-secret-token-value"
	secretKey   = "secret-access-key-value"
	sessionID   = "alice@example.com-0a1b2c"
)

// script is how the fake service and agent behave.
type script struct {
	startCode, startText string // error of StartSession
	terminateCode        string
	terminateLater       bool                         // only the first two are answered with it
	status               func() (status, code string) // of GetConnectionStatus, with the code of an error
	starting             func()                       // called while StartSession is being answered
	streamURL            string                       // "" the right one
	upgradeStatus        int                          // 0 upgrades
	closeCode            int                          // ≠ 0: close frame instead of a handshake
	cut                  bool                         // the socket is closed instead of a handshake
	silent               bool                         // no handshake at all
	agentVersion         string
	actions              string // JSON of RequestedClientActions; "" a mux port session
	customer             string
	closedOutput         *string        // channel_closed after the handshake, with this text
	serve                func(net.Conn) // one connection at the target; nil echoes
	refuse               bool           // the agent cannot connect: flag ConnectToPortError
	ignoreFlags          bool           // flags are not acknowledged
	// resume answers the n-th ResumeSession, from 1, with a token or with the code of an error. nil: the session is over
	// once its websocket is.
	resume func(n int) (token, code string)
	// closeAgain is the code that the n-th websocket after the first is closed with for its token, 0 for none.
	closeAgain func(n int) int
	// refuseAgain is the HTTP status of the n-th upgrade after the first, 0 to upgrade.
	refuseAgain func(n int) int
}

const portActions = `[{"ActionType":"SessionType","ActionParameters":{"SessionType":"Port","Properties":{"host":"db.internal","portNumber":"5432","localPortNumber":"0","type":"LocalPortForwarding"}}}]`

// box is the service and the agent in one test server. It is no simulator: it does what the script says.
type box struct {
	tb     testing.TB
	script script
	server *httptest.Server

	mu         sync.Mutex
	started    []string // bodies of StartSession
	terminated int
	upgrades   []*http.Request
	hello      wire.OpenDataChannelInput
	responses  []string // bodies of HandshakeResponse
	flags      []wire.Flag
	conns      []*websocket.Conn
	pings      chan struct{}
	agents     sync.WaitGroup
	resumed    int        // calls of ResumeSession
	agent      *fakeAgent // that outlives its websockets, if the script resumes
	mutes      atomic.Int32
}

// mute lets the websockets that there are answer no ping any more.
func (b *box) mute() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mutes.Store(int32(len(b.upgrades)))
}

func newBox(tb testing.TB, s script, tls bool) *box {
	tb.Helper()
	return newBoxAt(tb, s, tls, nil)
}

// newBoxAt listens somewhere else than on the loopback, unless at is nil.
func newBoxAt(tb testing.TB, s script, tls bool, at net.Listener) *box {
	b := &box{tb: tb, script: s, pings: make(chan struct{}, 100)}
	b.server = httptest.NewUnstartedServer(b)
	if at != nil {
		b.server.Listener.Close()
		b.server.Listener = at
	}
	b.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if tls {
		b.server.StartTLS()
	} else {
		b.server.Start()
	}
	tb.Cleanup(func() {
		b.cut()
		b.server.CloseClientConnections()
		b.server.Close()
		b.agents.Wait()
		if b.agent != nil {
			b.agent.hangUp()
			b.agent.tasks.Wait()
		}
	})
	return b
}

// config is an SDK configuration that talks to the box.
func (b *box) config() sdk.Config {
	return sdk.Config{
		Region:           "eu-west-1",
		Credentials:      credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", secretKey, ""),
		BaseEndpoint:     sdk.String(b.server.URL),
		HTTPClient:       b.server.Client(),
		RetryMaxAttempts: 1,
	}
}

func (b *box) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch target := r.Header.Get("X-Amz-Target"); {
	case r.Method == http.MethodGet:
		b.upgrade(w, r)
	case strings.HasSuffix(target, ".StartSession"):
		b.start(w, r)
	case strings.HasSuffix(target, ".TerminateSession"):
		b.mu.Lock()
		b.terminated++
		n := b.terminated
		b.mu.Unlock()
		if b.script.terminateCode != "" && (!b.script.terminateLater || n <= 2) {
			apiError(w, b.script.terminateCode, "no")
			return
		}
		fmt.Fprintf(w, `{"SessionId":%q}`, sessionID)
	case strings.HasSuffix(target, ".GetConnectionStatus"):
		if status, code := b.script.status(); code != "" {
			apiError(w, code, "no")
		} else {
			fmt.Fprintf(w, `{"Target":"i-0123456789abcdef0","Status":%q}`, status)
		}
	case strings.HasSuffix(target, ".ResumeSession"):
		b.resume(w)
	default:
		apiError(w, "UnknownOperationException", target)
	}
}

func apiError(w http.ResponseWriter, code, text string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(http.StatusBadRequest)
	fmt.Fprintf(w, `{"__type":%q,"message":%q}`, code, text)
}

func (b *box) start(w http.ResponseWriter, r *http.Request) {
	if b.script.starting != nil {
		b.script.starting()
	}
	body, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	b.started = append(b.started, string(body))
	b.mu.Unlock()
	if b.script.startCode != "" {
		apiError(w, b.script.startCode, b.script.startText)
		return
	}
	stream := b.script.streamURL
	if stream == "" {
		stream = "ws" + strings.TrimPrefix(b.server.URL, "http") + "/v1/data-channel/" + sessionID + "?role=publish_subscribe&cell-number=7"
	}
	fmt.Fprintf(w, `{"SessionId":%q,"StreamUrl":%q,"TokenValue":%q}`, sessionID, stream, secretToken)
}

func (b *box) resume(w http.ResponseWriter) {
	b.mu.Lock()
	b.resumed++
	n := b.resumed
	b.mu.Unlock()
	var tok, code string
	if b.script.resume != nil {
		tok, code = b.script.resume(n)
	}
	switch {
	case code == "500":
		w.WriteHeader(http.StatusInternalServerError)
	case code != "":
		apiError(w, code, "no")
	default:
		fmt.Fprintf(w, `{"SessionId":%q,"TokenValue":%q}`, sessionID, tok)
	}
}

func (b *box) upgrade(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	b.upgrades = append(b.upgrades, r)
	again := len(b.upgrades) - 1
	b.mu.Unlock()
	if b.script.refuseAgain != nil && again > 0 {
		if status := b.script.refuseAgain(again); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	if b.script.upgradeStatus != 0 {
		w.WriteHeader(b.script.upgradeStatus)
		return
	}
	up := websocket.Upgrader{ReadBufferSize: 32 << 10, WriteBufferSize: 32 << 10}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	pong := conn.PingHandler()
	n := again
	conn.SetPingHandler(func(text string) error {
		if int32(n) < b.mutes.Load() {
			return nil
		}
		select {
		case b.pings <- struct{}{}:
		default:
		}
		return pong(text)
	})
	b.mu.Lock()
	b.conns = append(b.conns, conn)
	b.mu.Unlock()
	b.agents.Go(func() {
		b.serveAgent(conn)
		conn.Close()
	})
}

// serveAgent joins an agent to a websocket: the one that was there before, if the script resumes.
func (b *box) serveAgent(conn *websocket.Conn) {
	b.mu.Lock()
	a := b.agent
	if a == nil {
		a = &fakeAgent{box: b, conn: conn, ahead: map[int64]wire.Message{}, unacked: map[int64][]byte{}}
		if b.script.resume != nil {
			b.agent = a
		}
		b.mu.Unlock()
		a.run()
		return
	}
	n := len(b.upgrades) - 1
	b.mu.Unlock()
	if b.script.closeAgain != nil {
		if code := b.script.closeAgain(n); code != 0 {
			_, _, _ = conn.ReadMessage()
			_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(code, "token not accepted"))
			_, _, _ = conn.ReadMessage()
			return
		}
	}
	a.again(conn)
}

// cut closes every websocket without a close frame.
func (b *box) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, conn := range b.conns {
		conn.UnderlyingConn().Close()
	}
	b.conns = nil
}

func (b *box) count() (started, terminated, upgrades int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.started), b.terminated, len(b.upgrades)
}
