package api

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"strconv"
	"strings"
)

// page is a part of a list and the token for the rest. Tokens are opaque to clients and good for one operation.
func page[T any](all []T, op, token string, size int) (part []T, next string, ok bool) {
	from := 0
	if token != "" {
		text, err := base64.RawURLEncoding.DecodeString(token)
		rest, found := strings.CutPrefix(string(text), op+"@")
		at, convErr := strconv.Atoi(rest)
		if err != nil || !found || convErr != nil || at < 0 {
			return nil, "", false
		}
		from = min(at, len(all))
	}
	to := min(from+size, len(all))
	if to < len(all) {
		next = base64.RawURLEncoding.EncodeToString([]byte(op + "@" + strconv.Itoa(to)))
	}
	return all[from:to], next, true
}

// marked is a page of the list of a query service, and the marker of the next.
type marked[T any] struct {
	list, item, marker string
	part               []T
}

// listed answers with the page that Marker and MaxRecords ask for: the element list with an element item a row.
func listed[T any](c *call, list, item string, all []T) (any, error) {
	size := 100
	if text := c.form.Get("MaxRecords"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 20 || n > 100 {
			return nil, failf("InvalidParameterValue", "Invalid value %s for MaxRecords. Must be between 20 and 100", text)
		}
		size = n
	}
	part, next, ok := page(all, c.name, c.form.Get("Marker"), c.atMost(size))
	if !ok {
		return nil, failf("InvalidParameterValue", "Cannot parse the specified marker")
	}
	return marked[T]{list, item, next, part}, nil
}

// MarshalXML writes the element of the list when it is empty too, and that of the marker only when there is more.
func (m marked[T]) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	list := xml.StartElement{Name: xml.Name{Local: m.list}}
	err := errors.Join(e.EncodeToken(start), e.EncodeToken(list))
	for _, row := range m.part {
		err = errors.Join(err, e.EncodeElement(row, xml.StartElement{Name: xml.Name{Local: m.item}}))
	}
	err = errors.Join(err, e.EncodeToken(list.End()))
	if m.marker != "" {
		err = errors.Join(err, e.EncodeElement(m.marker, xml.StartElement{Name: xml.Name{Local: "Marker"}}))
	}
	return errors.Join(err, e.EncodeToken(start.End()))
}

// tokens are the paging parameters of a JSON service.
type tokens struct {
	MaxResults *int
	NextToken  string
}

// paged answers with a page of at most most under the name list, and with the token of the next under the name token where
// there is more. It says so in the service's words when the token it was given is none of its own.
func paged[T any](c *call, in tokens, most int, list, token string, all []T) (any, error) {
	size := most
	if in.MaxResults != nil {
		size = *in.MaxResults
	}
	if size < 1 || size > most {
		return nil, failf("InvalidParameterValueException", "MaxResults must be between 1 and %d", most)
	}
	part, next, ok := page(all, c.name, in.NextToken, c.atMost(size))
	if !ok {
		return nil, failf("InvalidParameterValueException", "The next token is not valid.")
	}
	if part == nil {
		part = []T{}
	}
	answer := map[string]any{list: part}
	if next != "" {
		answer[token] = next
	}
	return answer, nil
}
