// Package sigv4 reads and checks AWS Signature Version 4, in a request's header or presigned in its query.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	stamp     = "20060102T150405Z"
)

// ErrMissing means that a request carries no signature at all.
var ErrMissing = errors.New("request is not signed")

// Auth is what a request says of its signature.
type Auth struct {
	AccessKey string
	Day       string // YYYYMMDD of the credential scope
	Region    string
	Service   string
	Headers   []string // signed, lower case, sorted
	Signature string   // hexadecimal
	Time      time.Time
	Token     string        // session token, "" for a long-term key
	Expires   time.Duration // of a presigned request; 0 for a signed header
}

// Parse reads the signature of a request. The error is ErrMissing or says what of it is malformed.
func Parse(r *http.Request) (*Auth, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		return parseHeader(header, r.Header)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err == nil && query.Has("X-Amz-Signature") {
		return parseQuery(query)
	}
	return nil, ErrMissing
}

func parseHeader(header string, all http.Header) (*Auth, error) {
	rest, ok := strings.CutPrefix(header, algorithm)
	if !ok || rest == "" || rest[0] != ' ' && rest[0] != '\t' {
		return nil, fmt.Errorf("the Authorization header requires the algorithm %s", algorithm)
	}
	parts := map[string]string{}
	for field := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		parts[key] = value
	}
	return parse(parts["Credential"], parts["SignedHeaders"], parts["Signature"], all.Get("X-Amz-Date"), all.Get("X-Amz-Security-Token"))
}

func parseQuery(q url.Values) (*Auth, error) {
	if q.Get("X-Amz-Algorithm") != algorithm {
		return nil, fmt.Errorf("its X-Amz-Algorithm is not %s", algorithm)
	}
	a, err := parse(q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders"), q.Get("X-Amz-Signature"), q.Get("X-Amz-Date"), q.Get("X-Amz-Security-Token"))
	if err != nil {
		return nil, err
	}
	seconds, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err != nil || seconds < 1 || seconds > 7*24*3600 {
		return nil, errors.New("its X-Amz-Expires is not within 1…604800")
	}
	a.Expires = time.Duration(seconds) * time.Second
	return a, nil
}

func parse(credential, headers, signature, date, token string) (*Auth, error) {
	for name, value := range map[string]string{"Credential": credential, "SignedHeaders": headers, "Signature": signature, "X-Amz-Date": date} {
		if value == "" {
			return nil, fmt.Errorf("the Authorization header requires the %q parameter", name)
		}
	}
	scope := strings.Split(credential, "/")
	if len(scope) != 5 || scope[4] != "aws4_request" || slices.Contains(scope, "") {
		return nil, errors.New("its Credential is not KEY/DATE/REGION/SERVICE/aws4_request")
	}
	at, err := time.Parse(stamp, date)
	if err != nil {
		return nil, errors.New("its X-Amz-Date is not YYYYMMDDTHHMMSSZ")
	}
	if scope[1] != at.Format("20060102") {
		return nil, errors.New("the date in Credential is not that of X-Amz-Date")
	}
	names := strings.Split(strings.ToLower(headers), ";")
	if !slices.IsSorted(names) || !slices.Contains(names, "host") {
		return nil, errors.New("its SignedHeaders is not sorted or lacks host")
	}
	return &Auth{
		AccessKey: scope[0], Day: scope[1], Region: scope[2], Service: scope[3],
		Headers: names, Signature: signature, Time: at, Token: token,
	}, nil
}

// Matches says whether the request was signed with the secret. body is the whole payload.
func (a *Auth) Matches(r *http.Request, body []byte, secret string) bool {
	sum := sha256.Sum256(body)
	payload := hex.EncodeToString(sum[:])
	if said := r.Header.Get("X-Amz-Content-Sha256"); said != "" && said != "UNSIGNED-PAYLOAD" && said != payload {
		return false
	} else if said != "" {
		payload = said
	}
	given, err := hex.DecodeString(a.Signature)
	return err == nil && hmac.Equal(given, a.sign(r, payload, secret))
}

// sign computes the signature that the request should carry.
func (a *Auth) sign(r *http.Request, payload, secret string) []byte {
	canonical := strings.Join([]string{
		r.Method, a.path(r), a.query(r), a.headers(r), strings.Join(a.Headers, ";"), payload,
	}, "\n")
	sum := sha256.Sum256([]byte(canonical))
	scope := strings.Join([]string{a.Day, a.Region, a.Service, "aws4_request"}, "/")
	text := strings.Join([]string{algorithm, a.Time.Format(stamp), scope, hex.EncodeToString(sum[:])}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{a.Day, a.Region, a.Service, "aws4_request"} {
		key = mac(key, part)
	}
	return mac(key, text)
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// path is the escaped path escaped again, as every service but S3 wants it.
func (a *Auth) path(r *http.Request) string {
	path := r.URL.EscapedPath()
	if path == "" {
		return "/"
	}
	return escape(path, true)
}

func (a *Auth) query(r *http.Request) string {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return ""
	}
	var pairs []string
	for key, list := range values {
		if a.Expires > 0 && key == "X-Amz-Signature" {
			continue
		}
		for _, v := range list {
			pairs = append(pairs, escape(key, false)+"="+escape(v, false))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

func (a *Auth) headers(r *http.Request) string {
	var b strings.Builder
	for _, name := range a.Headers {
		values := r.Header.Values(name)
		switch {
		case name == "host":
			values = []string{r.Host}
		case name == "content-length" && len(values) == 0 && r.ContentLength >= 0:
			values = []string{strconv.FormatInt(r.ContentLength, 10)} // net/http may keep it out of Header
		}
		trimmed := make([]string, len(values))
		for i, v := range values {
			trimmed[i] = strings.Join(strings.Fields(v), " ")
		}
		b.WriteString(name + ":" + strings.Join(trimmed, ",") + "\n")
	}
	return b.String()
}

// escape percent-encodes all but the unreserved characters of RFC 3986, and the slash where it divides a path.
func escape(s string, slash bool) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~", c) >= 0, slash && c == '/':
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}
