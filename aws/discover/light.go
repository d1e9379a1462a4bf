package discover

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// The SDK reads every field of every instance through encoding/xml: 500 instances take it 70 ms of a processor, which many
// accounts make half a minute. The two lists that are long are read here instead, in the fields that a search keeps. What this
// reader does not understand goes to the SDK's own, so that it can be fast and need not be forgiving.

// lightly makes an operation's answer be read by read, and by the SDK where that fails. read returns the operation's output.
func lightly(read func([]byte) (any, error)) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		l := &lightReader{read: read}
		own, err := stack.Deserialize.Swap("OperationDeserializer", l)
		l.own = own
		return err
	}
}

// lightReader takes the place of an operation's deserializer.
type lightReader struct {
	read func([]byte) (any, error)
	own  middleware.DeserializeMiddleware
}

// ID implements middleware.DeserializeMiddleware: others are placed before and after it by that name.
func (*lightReader) ID() string { return "OperationDeserializer" }

// HandleDeserialize implements middleware.DeserializeMiddleware.
func (l *lightReader) HandleDeserialize(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, meta, err := next.HandleDeserialize(ctx, in)
	if err != nil {
		return out, meta, err
	}
	again := middleware.DeserializeHandlerFunc(func(context.Context, middleware.DeserializeInput) (middleware.DeserializeOutput, middleware.Metadata, error) {
		return out, meta, nil
	})
	r, ok := out.RawResponse.(*smithyhttp.Response)
	if !ok || r.StatusCode != 200 {
		return l.own.HandleDeserialize(ctx, in, again)
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		var result any
		if result, err = l.read(body); err == nil {
			out.Result = result
			return out, meta, nil
		}
	}
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
	return l.own.HandleDeserialize(ctx, in, again)
}

// failing is the end of a body that broke off; it is an end like any other where nothing did.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil || errors.As(f.err, new(*xmlError)) {
		return 0, io.EOF
	}
	return 0, f.err
}

// xmlError is text that this reader does not take.
type xmlError struct{ what string }

func (e *xmlError) Error() string { return "read XML: " + e.what }

// lightXML walks through the elements of a document: each visits the children of the element at hand, and every visit ends with
// text, each or skip of the child. The first error ends the walk; it is in err. Attributes and name spaces are passed over.
type lightXML struct {
	b     []byte
	i     int
	open  [][]byte // names of the elements at hand
	empty bool     // the innermost one is <x/>
	err   error
	known map[string]string // texts that have been read: most of them come again
}

func newLightXML(b []byte) *lightXML { return &lightXML{b: b, known: map[string]string{}} }

func (x *lightXML) fail(format string, args ...any) {
	if x.err == nil {
		x.err = &xmlError{fmt.Sprintf(format, args...)}
	}
}

// until finds mark and moves behind it; what is before it is returned.
func (x *lightXML) until(mark string) []byte {
	at := bytes.Index(x.b[x.i:], []byte(mark))
	if at < 0 {
		x.fail("the text ends before %q", mark)
		x.i = len(x.b)
		return nil
	}
	part := x.b[x.i : x.i+at]
	x.i += at + len(mark)
	return part
}

// bracket moves behind the next "<"; what is before it is returned.
func (x *lightXML) bracket() []byte {
	at := bytes.IndexByte(x.b[x.i:], '<')
	if at < 0 || x.i+at+1 == len(x.b) {
		x.fail("the text ends inside an element")
		x.i = len(x.b)
		return nil
	}
	part := x.b[x.i : x.i+at]
	x.i += at + 1
	return part
}

// tag reads what stands behind a "<": ok when an element begins or ends, and end tells which.
func (x *lightXML) tag() (end, ok bool) {
	switch x.b[x.i] {
	case '/':
		x.i++
		innermost := len(x.open) - 1
		if innermost < 0 {
			x.fail("an end of nothing")
			return false, false
		}
		name := x.open[innermost]
		rest := x.b[x.i:]
		if len(rest) <= len(name) || !bytes.Equal(rest[:len(name)], name) || rest[len(name)] != '>' {
			x.fail("another end than that of <%.40q>", name)
			return false, false
		}
		x.i += len(name) + 1
		x.open = x.open[:innermost]
		return true, true
	case '?':
		x.until("?>")
	case '!':
		if !bytes.HasPrefix(x.b[x.i:], []byte("!--")) {
			x.fail("a declaration")
			break
		}
		x.i += 3
		x.until("-->")
	default:
		x.begin()
		return false, x.err == nil
	}
	return false, false
}

// begin reads the name and passes the attributes over; one with a ">" or a "<" in its value is not taken.
func (x *lightXML) begin() {
	at := bytes.IndexByte(x.b[x.i:], '>')
	if at < 1 {
		x.fail("the text ends inside an element, or one has no name")
		return
	}
	inside := x.b[x.i : x.i+at]
	x.i += at + 1
	if x.empty = inside[at-1] == '/'; x.empty {
		inside = inside[:at-1]
	}
	name := inside
	for n, c := range inside {
		if c == ' ' || c == '\n' || c == '\t' || c == '\r' {
			name = inside[:n]
			break
		}
	}
	attributes := inside[len(name):]
	if len(name) == 0 || bytes.IndexByte(inside, '<') >= 0 || bytes.IndexByte(name, '/') >= 0 || bytes.Count(attributes, []byte{'"'})%2 == 1 || bytes.IndexByte(attributes, '\'') >= 0 {
		x.fail("the tag <%.40q>", inside)
		return
	}
	x.open = append(x.open, name)
}

// closed says whether the element at hand is <x/>, and leaves it then.
func (x *lightXML) closed() bool {
	if !x.empty {
		return false
	}
	x.empty = false
	x.open = x.open[:len(x.open)-1]
	return true
}

// each visits the children of the element at hand and leaves it.
func (x *lightXML) each(visit func(name string)) {
	if x.closed() {
		return
	}
	for x.err == nil {
		if x.bracket(); x.err != nil {
			return
		}
		end, ok := x.tag()
		switch {
		case end:
			return
		case ok:
			depth := len(x.open)
			visit(x.intern(x.open[depth-1]))
			if x.err == nil && len(x.open) != depth-1 {
				x.skip()
			}
		}
	}
}

// skip leaves the element at hand with all that is in it.
func (x *lightXML) skip() {
	if x.closed() {
		return
	}
	for depth := len(x.open) - 1; x.err == nil && len(x.open) > depth; {
		if x.bracket(); x.err != nil {
			return
		}
		if x.b[x.i] == '!' && bytes.HasPrefix(x.b[x.i:], []byte("![CDATA[")) {
			x.until("]]>")
			continue
		}
		if _, ok := x.tag(); ok {
			x.closed()
		}
	}
}

// text is what is in the element at hand, which holds no other, and leaves it.
func (x *lightXML) text() string {
	if x.closed() {
		return ""
	}
	raw := x.bracket()
	if x.err != nil {
		return ""
	}
	if end, _ := x.tag(); !end {
		x.fail("more than text in an element")
		return ""
	}
	if bytes.IndexByte(raw, '&') >= 0 || bytes.IndexByte(raw, '\r') >= 0 {
		return x.unescape(raw)
	}
	if !utf8.Valid(raw) {
		x.fail("text that is not UTF-8")
	}
	return x.intern(raw)
}

func (x *lightXML) intern(raw []byte) string {
	if s, ok := x.known[string(raw)]; ok {
		return s
	}
	s := string(raw)
	x.known[s] = s
	return s
}

// unescape knows the five names of XML. Numbered characters are left to the SDK's reader.
func (x *lightXML) unescape(raw []byte) string {
	var out []byte
	for len(raw) > 0 {
		at := bytes.IndexByte(raw, '&')
		if at < 0 {
			out = append(out, raw...)
			break
		}
		out = append(out, raw[:at]...)
		name, rest, ok := bytes.Cut(raw[at+1:], []byte(";"))
		c, known := map[string]byte{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\''}[string(name)]
		if !ok || !known {
			x.fail("the entity %.20q", name)
			return ""
		}
		out, raw = append(out, c), rest
	}
	if bytes.IndexByte(out, '\r') >= 0 || !utf8.Valid(out) {
		x.fail("a carriage return, or text that is not UTF-8")
	}
	return string(out)
}

// root enters the document's element, which must have that name.
func (x *lightXML) root(name string, visit func(name string)) error {
	found := false
	for x.err == nil && !found {
		if x.bracket(); x.err != nil {
			break
		}
		if _, ok := x.tag(); ok {
			if found = string(x.open[0]) == name; !found {
				x.fail("the element is %.40q, not %s", x.open[0], name)
			}
		}
	}
	if found {
		x.each(visit)
	}
	return x.err
}
