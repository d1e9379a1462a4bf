package api

import (
	"encoding/json"
	"net/http"
	"net/url"
)

// restWire is REST with JSON bodies: the operation is in the method and the path.
type restWire struct{ operations map[string]string } // "GET /path" → name

func (w restWire) operation(r *http.Request, _ url.Values) (string, error) {
	name, ok := w.operations[r.Method+" "+r.URL.Path]
	if !ok {
		return "", &Error{"UnknownOperationException", "", http.StatusNotFound}
	}
	return name, nil
}

func (w restWire) result(rw http.ResponseWriter, _, _ string, v any) error {
	rw.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(rw).Encode(v)
}

func (w restWire) failure(rw http.ResponseWriter, _ string, e *Error) {
	body, _ := json.Marshal(map[string]string{"message": e.Message}) // strings always marshal
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("X-Amzn-Errortype", e.Code)
	send(rw, e, string(body))
}
