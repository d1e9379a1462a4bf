package api

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// queryWire is the protocol of STS and RDS, and with ec2 set EC2's variant of it.
type queryWire struct {
	xmlns string
	ec2   bool
}

func (w queryWire) operation(_ *http.Request, form url.Values) (string, error) {
	if form.Get("Action") == "" {
		return "", &Error{"MissingAction", "Missing Action", http.StatusBadRequest}
	}
	return form.Get("Action"), nil
}

func (w queryWire) result(rw http.ResponseWriter, op, requestID string, v any) error {
	inner, err := innerXML(v)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString(xml.Header + `<` + op + `Response xmlns="` + w.xmlns + `">`)
	if w.ec2 {
		b.WriteString("<requestId>" + requestID + "</requestId>")
		b.Write(inner)
	} else {
		b.WriteString("<" + op + "Result>")
		b.Write(inner)
		b.WriteString("</" + op + "Result><ResponseMetadata><RequestId>" + requestID + "</RequestId></ResponseMetadata>")
	}
	b.WriteString("</" + op + "Response>")
	rw.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	_, err = rw.Write(b.Bytes())
	return err
}

// innerXML is v without an element of its own.
func innerXML(v any) ([]byte, error) {
	var b bytes.Buffer
	e := xml.NewEncoder(&b)
	if err := e.EncodeElement(v, xml.StartElement{Name: xml.Name{Local: "r"}}); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(bytes.TrimPrefix(b.Bytes(), []byte("<r>")), []byte("</r>")), nil
}

func (w queryWire) failure(rw http.ResponseWriter, requestID string, e *Error) {
	text := func(s string) string {
		var b bytes.Buffer
		_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
		return b.String()
	}
	body := "<Error><Code>" + text(e.Code) + "</Code><Message>" + text(e.Message) + "</Message></Error>"
	if w.ec2 {
		body = xml.Header + "<Response><Errors>" + body + "</Errors><RequestID>" + requestID + "</RequestID></Response>"
	} else {
		fault := "Sender"
		if e.Status >= 500 {
			fault = "Receiver"
		}
		body = `<ErrorResponse xmlns="` + w.xmlns + `">` + strings.Replace(body, "<Error>", "<Error><Type>"+fault+"</Type>", 1) +
			"<RequestId>" + requestID + "</RequestId></ErrorResponse>"
	}
	rw.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	send(rw, e, body)
}

// jsonWire is JSON 1.1, the protocol of SSM.
type jsonWire struct{ target string }

func (w jsonWire) operation(r *http.Request, _ url.Values) (string, error) {
	name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), w.target+".")
	if !ok {
		return "", failf("UnknownOperationException", "")
	}
	return name, nil
}

func (w jsonWire) result(rw http.ResponseWriter, _, _ string, v any) error {
	rw.Header().Set("Content-Type", "application/x-amz-json-1.1")
	return json.NewEncoder(rw).Encode(v)
}

func (w jsonWire) failure(rw http.ResponseWriter, _ string, e *Error) {
	// SSM writes Message for modelled errors, message for the front end's; both spellings satisfy every reader.
	body, _ := json.Marshal(map[string]string{"__type": e.Code, "Message": e.Message, "message": e.Message})
	rw.Header().Set("Content-Type", "application/x-amz-json-1.1")
	rw.Header().Set("X-Amzn-Errortype", e.Code)
	send(rw, e, string(body))
}

func send(rw http.ResponseWriter, e *Error, body string) {
	status := e.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	rw.WriteHeader(status)
	_, _ = rw.Write([]byte(body)) // the client is gone if this fails
}

// jsonOp makes an operation of a function that takes the decoded body.
func jsonOp[In any](resource string, run func(*call, In) (any, error)) operation {
	return operation{resource, func(c *call) (any, error) {
		var in In
		if err := json.Unmarshal(c.body, &in); err != nil {
			return nil, failf("SerializationException", "%v", err)
		}
		return run(c, in)
	}}
}

// list reads PREFIX.1, PREFIX.2, … of a form.
func list(form url.Values, prefix string) []string {
	var all []string
	for i := 1; ; i++ {
		key := prefix + "." + strconv.Itoa(i)
		if !form.Has(key) {
			return all
		}
		all = append(all, form.Get(key))
	}
}

// isoTime is a time as the query services write it.
func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// epoch is a time as JSON services write it: seconds, with milliseconds behind the point.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
