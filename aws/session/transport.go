package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/aws/session/wire"
)

// maxFrame bounds one websocket message; the real ends send 1144 bytes at most.
const maxFrame = 4 << 20

// transport is one websocket under a channel. When it is lost, another can take its place.
type transport struct {
	ws      *websocket.Conn
	batch   *batchConn
	rt      *http.Transport
	ping    time.Duration
	resumed bool        // it takes the place of a lost one
	proven  atomic.Bool // the service has answered on it
	vitals  vitals      // watch's
}

// connect opens the websocket and sends the token. The caller runs the transport, which closes it. Errors are free of the
// URL, since its query may hold a signature.
func connect(ctx context.Context, stream *url.URL, header http.Header, base *http.Transport, t token, o Options, wake func()) (*transport, error) {
	rt, wrapped := gather(base)
	client := &http.Client{Transport: rt, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ws, response, err := websocket.Dial(ctx, stream.String(), &websocket.DialOptions{HTTPClient: client, HTTPHeader: header})
	if err != nil {
		rt.CloseIdleConnections()
		return nil, upgradeError(ctx, stream, response, err)
	}
	ws.SetReadLimit(-1) // maxFrame is our own bound
	tr := &transport{ws: ws, batch: <-wrapped, rt: rt, ping: o.PingEvery}
	if err := tr.hello(t); err != nil {
		tr.close()
		return nil, err
	}
	tr.batch.hold(wake)
	return tr, nil
}

// hello sends the token, the first message of a websocket. Nothing answers it.
func (t *transport) hello(tok token) error {
	body, err := json.Marshal(wire.OpenDataChannelInput{
		MessageSchemaVersion: wire.SchemaVersion,
		RequestID:            wire.IDText(wire.NewID()),
		TokenValue:           string(tok),
		ClientID:             wire.IDText(wire.NewID()),
		ClientVersion:        ClientVersion,
	})
	if err != nil {
		return fmt.Errorf("open the data channel: %w", err)
	}
	if err := t.ws.Write(context.Background(), websocket.MessageText, body); err != nil {
		return fmt.Errorf("open the data channel: %w", err)
	}
	return nil
}

// gather is a copy of base whose connections are batchConns, which arrive in the returned channel. HTTP/2 is off: a
// websocket needs HTTP/1.1.
func gather(base *http.Transport) (*http.Transport, <-chan *batchConn) {
	wrapped := make(chan *batchConn, 1)
	rt := base.Clone()
	rt.ForceAttemptHTTP2 = false
	rt.Protocols = new(http.Protocols)
	rt.Protocols.SetHTTP1(true)
	rt.TLSNextProto = nil
	if rt.TLSClientConfig != nil {
		rt.TLSClientConfig.NextProtos = nil
	}
	rt.DialTLSContext = nil // it would hide the bytes below TLS
	dial := rt.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	rt.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		c := &batchConn{Conn: conn, born: time.Now()}
		select {
		case <-wrapped: // an earlier connection of this upgrade was given up
		default:
		}
		wrapped <- c
		return c, nil
	}
	return rt, wrapped
}

// upgradeError explains a websocket that did not open.
func upgradeError(ctx context.Context, stream *url.URL, response *http.Response, err error) error {
	if response != nil {
		defer response.Body.Close() //nolint:errcheck // nothing was written
		switch response.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			return tokenRefused("the websocket upgrade was answered with " + response.Status)
		}
		return connectionLost(fmt.Errorf("open the websocket at %s: %s", stream.Host, response.Status))
	}
	if ctx.Err() != nil {
		return connectionLost(fmt.Errorf("open the websocket at %s: %w", stream.Host, context.Cause(ctx)))
	}
	var failed *url.Error // its text is the URL with its signature
	if errors.As(err, &failed) {
		err = failed.Err
	}
	lost := connectionLost(fmt.Errorf("open the websocket at %s: %w", stream.Host, err))
	if next := aws.NextOf(account.Explain(err)); next != "" { // it knows of certificates and proxies
		return aws.Advise(lost, nil, next)
	}
	return lost
}

// run moves messages between the websocket and the channel until either ends, closes the websocket and waits for its
// goroutines. It returns why the websocket is lost, or the channel's reason.
func (t *transport) run(c *channel) error {
	t.batch.dry, t.batch.idle = c.dry, c.receiver.idle
	group, ctx := errgroup.WithContext(context.Background())
	var heard error
	group.Go(func() error {
		heard = t.read(c)
		return heard
	})
	group.Go(func() error { return t.write(ctx, c) })
	group.Go(func() error { return t.watch(ctx, c) })
	group.Go(func() error { return t.closer(ctx, c) })
	err := group.Wait()
	// The websocket library answers a close frame and closes the socket under the writer, whose error may come first.
	if closeStatus(heard) != "" || errors.Is(err, net.ErrClosed) {
		return heard
	}
	return err
}

// close ends the websocket without a closing handshake, which could take seconds.
func (t *transport) close() {
	t.ws.CloseNow() //nolint:errcheck // lost either way
	t.rt.CloseIdleConnections()
}

// read decodes websocket messages into the channel. It blocks on nothing but the network.
func (t *transport) read(c *channel) error {
	defer c.dry() // what came together with a close frame has not been announced
	buf := make([]byte, 4096)
	for {
		// No context: one that can end costs two allocations a message, and close does its work.
		kind, r, err := t.ws.Reader(context.Background())
		if err != nil {
			return err
		}
		n := 0
		if n, buf, err = readWhole(r, buf); err != nil {
			return err
		}
		if kind != websocket.MessageBinary {
			continue
		}
		t.prove(c)
		if err := c.receive(buf[:n]); err != nil {
			c.end(err)
			return err
		}
	}
}

// prove takes note of the first answer of the service. Until then a websocket may still be closed for its token.
func (t *transport) prove(c *channel) {
	if !t.proven.Load() && t.proven.CompareAndSwap(false, true) {
		c.link.up(t.resumed)
	}
}

// readWhole reads r to its end into buf, or a larger one.
func readWhole(r io.Reader, buf []byte) (int, []byte, error) {
	n := 0
	for {
		if n == len(buf) {
			if n >= maxFrame {
				return n, buf, fmt.Errorf("websocket message of more than %d bytes", maxFrame)
			}
			buf = append(buf, make([]byte, len(buf))...)
		}
		m, err := r.Read(buf[n:])
		n += m
		if err == io.EOF { //nolint:errorlint // io.Reader's own contract
			return n, buf, nil
		}
		if err != nil {
			return n, buf, err
		}
	}
}

// write sends what the channel gives, several frames in one system call, and sleeps until there is more or something is
// due.
func (t *transport) write(ctx context.Context, c *channel) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var fresh <-chan struct{} // the mux has new data
	for {
		more, err := t.burst(c)
		if err != nil {
			return err
		}
		if more {
			continue
		}
		if m := c.session(); m != nil {
			fresh = m.Ready()
		}
		if due := c.sender.wait(); due.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(due))
		}
		select {
		case <-c.wake:
		case <-fresh:
		case <-timer.C:
		case <-ctx.Done():
			return nil
		case <-c.done:
			return c.reason()
		}
	}
}

// burst writes frames until there are none or enough for one system call, and says whether there may be more.
func (t *transport) burst(c *channel) (more bool, err error) {
	t.batch.begin()
	for t.batch.buffered() < batchLimit {
		frame := c.take(time.Now())
		if frame == nil {
			return false, t.batch.flush()
		}
		if err := t.ws.Write(context.Background(), websocket.MessageBinary, frame); err != nil {
			return false, err
		}
	}
	return true, t.batch.flush()
}

// closer closes the websocket when the channel or a sibling ends, which unblocks the others.
func (t *transport) closer(ctx context.Context, c *channel) error {
	defer t.close()
	select {
	case <-c.done:
		return c.reason()
	case <-ctx.Done():
		return nil
	}
}

// closeStatus is the code and reason of a close frame, "" when err is none.
func closeStatus(err error) string {
	var closed websocket.CloseError
	if !errors.As(err, &closed) {
		return ""
	}
	if closed.Reason == "" {
		return "code " + strconv.Itoa(int(closed.Code))
	}
	return strconv.Itoa(int(closed.Code)) + " " + closed.Reason
}
