package session

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
)

// AWS's two documents for port forwarding. Both make the agent's session type "Port" (docs/protocol.md §1.4).
const (
	DocumentPort       = "AWS-StartPortForwardingSession"             // to a port of the instance itself
	DocumentRemoteHost = "AWS-StartPortForwardingSessionToRemoteHost" // to host:port as the instance sees it
)

// Request is what to forward to.
type Request struct {
	Target     string              // instance id, i-… or mi-…
	Document   string              // "" chooses one of AWS's two by Host
	Host       string              // as the instance resolves it; "" is the instance itself
	Port       int                 // 1…65535
	LocalPort  int                 // only told to AWS, for its log; 0 leaves it out
	Reason     string              // for the account's audit log, ≤ 256 characters
	Parameters map[string][]string // for a custom document, sent as they are
	// SendEndpoint adds host, portNumber and localPortNumber to the parameters of a custom document. AWS's own get them
	// always; a document that fixes its destination refuses them.
	SendEndpoint bool
}

// Options tune a session. The zero value is right.
type Options struct {
	Log         *slog.Logger    // nil for none; no secret is ever logged
	Window      int             // bytes in flight at most; 0 is 1 MiB
	Payload     int             // bytes in a message at most, 64…32768; 0 is 1024, the only size the real ends use; or PayloadAuto
	Legacy      bool            // send 1 KB each millisecond at most, as the official plugin does
	Resets      *Resets         // of all sessions of the tunnel, which become slow together; nil for a session that is alone
	Handshake   time.Duration   // for the websocket and the agent's handshake together; 0 is 15 s, as long as the agent waits
	PingEvery   time.Duration   // of websocket pings; silence for half as long again is a dead connection; 0 is 20 s
	TerminateIn time.Duration   // for TerminateSession on the way out; 0 is 1.5 s
	SpillDir    string          // where slow readers' bytes go, encrypted; "" is the system's temporary folder
	Transport   *http.Transport // for the websocket: proxy, root certificates; nil takes the SDK configuration's
	SpillLimit  int64           // most unread bytes on disk of one connection, which is reset above; 0 is 1 GiB
	// Config gives the configuration for each attempt to resume, nil the one that Open got, whose credentials provider is
	// asked again. It may wait for the user; ctx ends when the session does.
	Config func(ctx context.Context) (sdk.Config, error)
}

// PayloadAuto as Options.Payload tries 4, 16 and 32 KB with messages of no content, once there is a bulk upload, and goes
// back for good at the first doubt. Stats().Payload and Settled tell the result, for Options.Payload of a later session.
const PayloadAuto = -1

const (
	defaultWindow    = 1 << 20
	defaultPayload   = 1024
	largestPayload   = 32 << 10
	defaultHandshake = 15 * time.Second
	defaultPing      = 20 * time.Second
	defaultTerminate = 1500 * time.Millisecond
)

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Window = orDefault(o.Window, defaultWindow)
	if o.Payload != PayloadAuto {
		o.Payload = min(max(orDefault(o.Payload, defaultPayload), 64), largestPayload)
	}
	if o.SpillDir == "" {
		o.SpillDir = os.TempDir()
	}
	if o.Resets == nil {
		o.Resets = new(Resets)
	}
	o.Handshake = orDefault(o.Handshake, defaultHandshake)
	o.PingEvery = orDefault(o.PingEvery, defaultPing)
	o.TerminateIn = orDefault(o.TerminateIn, defaultTerminate)
	return o
}

// largest is how long a message may become.
func (o Options) largest() int {
	if o.Payload == PayloadAuto {
		return largestPayload
	}
	return o.Payload
}

func orDefault[T int | time.Duration](v, standard T) T {
	if v <= 0 {
		return standard
	}
	return v
}

// withDefaults chooses the document and fills in the parameters that it takes.
func (r Request) withDefaults() Request {
	if r.Document == "" {
		r.Document = DocumentRemoteHost
		// The agent's deny list has held loopback addresses since 3.3.4851.0 (docs/protocol.md §1.0); the other document leads there.
		if r.Host == "" || isLoopback(r.Host) {
			r.Document, r.Host = DocumentPort, ""
		}
	}
	ours := r.Document == DocumentPort || r.Document == DocumentRemoteHost
	if !ours && !r.SendEndpoint {
		return r
	}
	p := map[string][]string{}
	for k, v := range r.Parameters {
		p[k] = v
	}
	if r.Host != "" && r.Document != DocumentPort {
		p["host"] = []string{r.Host}
	}
	if r.Port > 0 {
		p["portNumber"] = []string{strconv.Itoa(r.Port)} // else 80 (docs/aws.md §5)
	}
	if r.LocalPort > 0 {
		p["localPortNumber"] = []string{strconv.Itoa(r.LocalPort)}
	}
	r.Parameters = p
	return r
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
