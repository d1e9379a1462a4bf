package discover

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// smallAPI calls a service through the SDK's own signer, retries and transport. A client of the SDK costs the program a quarter
// of a megabyte or more, and of these services a search asks one to four calls.
type smallAPI struct {
	id      string // the SDK's name, of which AWS_ENDPOINT_URL_… is made
	host    string // the name in the signature and in front of the host
	target  string // what X-Amz-Target begins with; "" for REST and Query
	version string // of a service that takes forms and answers in XML (Query); "" for one that speaks JSON
	cfg     sdk.Config
	retryer sdk.Retryer
}

func newJSONAPI(cfg sdk.Config, id, host, target string) *smallAPI {
	a := &smallAPI{id: id, host: host, target: target, cfg: cfg, retryer: retry.NewStandard()}
	if cfg.Retryer != nil {
		a.retryer = cfg.Retryer()
	}
	return a
}

func newQueryAPI(cfg sdk.Config, id, host, version string) *smallAPI {
	a := newJSONAPI(cfg, id, host, "")
	a.version = version
	return a
}

// query asks an operation of a service that speaks Query.
func (a *smallAPI) query(ctx context.Context, op string, in url.Values, out any) error {
	return a.call(ctx, op, http.MethodPost, "/", in, out)
}

// call asks an operation with in as its body and reads the answer into out. path is that of REST, "/" otherwise. Errors of AWS
// are smithy.APIErrors.
func (a *smallAPI) call(ctx context.Context, op, method, path string, in, out any) error {
	stack := middleware.NewStack(op, smithyhttp.NewStackRequest)
	//nolint:staticcheck // meant for generated clients, which this stands in for
	sign := v4.NewSignHTTPRequestMiddleware(v4.SignHTTPRequestMiddlewareOptions{CredentialsProvider: a.cfg.Credentials, Signer: v4.NewSigner()})
	for _, err := range []error{
		stack.Initialize.Add(&awsmiddleware.RegisterServiceMetadata{ServiceID: a.id, SigningName: a.host, Region: a.cfg.Region, OperationName: op}, middleware.Before),
		stack.Serialize.Add(a.request(op, method, path, in), middleware.After),
		stack.Build.Add(&smithyhttp.ComputeContentLength{}, middleware.After),
		stack.Finalize.Add(retry.NewAttemptMiddleware(a.retryer, smithyhttp.RequestCloner), middleware.After),
		stack.Finalize.Add(&v4.ComputePayloadSHA256{}, middleware.After),
		stack.Finalize.Add(sign, middleware.After),
		stack.Deserialize.Add(a.answer(out), middleware.After),
	} {
		if err != nil {
			return fmt.Errorf("prepare %s: %w", op, err)
		}
	}
	for _, option := range a.cfg.APIOptions {
		if err := option(stack); err != nil {
			return fmt.Errorf("prepare %s: %w", op, err)
		}
	}
	_, _, err := middleware.DecorateHandler(smithyhttp.NewClientHandlerWithOptions(a.cfg.HTTPClient), stack).Handle(ctx, in)
	if err != nil {
		return &smithy.OperationError{ServiceID: a.id, OperationName: op, Err: err}
	}
	return nil
}

func (a *smallAPI) request(op, method, path string, in any) middleware.SerializeMiddleware {
	return middleware.SerializeMiddlewareFunc("OperationSerializer", func(
		ctx context.Context, input middleware.SerializeInput, next middleware.SerializeHandler,
	) (middleware.SerializeOutput, middleware.Metadata, error) {
		fail := func(err error) (middleware.SerializeOutput, middleware.Metadata, error) {
			return middleware.SerializeOutput{}, middleware.Metadata{}, fmt.Errorf("write the request: %w", err)
		}
		r, ok := input.Request.(*smithyhttp.Request)
		if !ok {
			return fail(fmt.Errorf("a request of type %T", input.Request))
		}
		base, err := a.endpoint(ctx)
		if err != nil {
			return fail(err)
		}
		base.Path = strings.TrimSuffix(base.Path, "/") + path
		r.URL, r.Method, r.Host = base, method, base.Host
		if a.target != "" {
			r.Header.Set("Content-Type", "application/x-amz-json-1.1")
			r.Header.Set("X-Amz-Target", a.target+"."+op)
		}
		if in != nil {
			body, kind, err := a.body(op, in)
			if err != nil {
				return fail(err)
			}
			if a.target == "" {
				r.Header.Set("Content-Type", kind)
			}
			if r, err = r.SetStream(bytes.NewReader(body)); err != nil {
				return fail(err)
			}
		}
		input.Request = r
		//nolint:staticcheck // as above
		return next.HandleSerialize(awsmiddleware.SetSigningRegion(ctx, a.cfg.Region), input)
	})
}

// body is in as the service takes it, and its media type.
func (a *smallAPI) body(op string, in any) (body []byte, kind string, err error) {
	form, ok := in.(url.Values)
	if !ok {
		body, err = json.Marshal(in)
		return body, "application/json", err
	}
	form.Set("Action", op)
	form.Set("Version", a.version)
	return []byte(form.Encode()), "application/x-www-form-urlencoded", nil
}

// endpoint is where the service is: as the configuration says of it, or of all, else by its name.
func (a *smallAPI) endpoint(ctx context.Context) (*url.URL, error) {
	text, ignored := "", false
	for _, source := range a.cfg.ConfigSources {
		if s, ok := source.(interface {
			GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error)
		}); ok && !ignored {
			ignored, _, _ = s.GetIgnoreConfiguredEndpoints(ctx) // a source that cannot tell says nothing
		}
		if s, ok := source.(interface {
			GetServiceBaseEndpoint(context.Context, string) (string, bool, error)
		}); ok && text == "" {
			text, _, _ = s.GetServiceBaseEndpoint(ctx, a.id)
		}
	}
	if ignored {
		text = ""
	}
	return url.Parse(cmp.Or(text, sdk.ToString(a.cfg.BaseEndpoint), "https://"+a.host+"."+a.cfg.Region+"."+suffix(a.cfg.Region)))
}

// suffix is the domain of a region's partition.
func suffix(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "amazonaws.com.cn"
	case strings.HasPrefix(region, "eusc-"):
		return "amazonaws.eu"
	case strings.HasPrefix(region, "us-iso-"):
		return "c2s.ic.gov"
	case strings.HasPrefix(region, "us-isob-"):
		return "sc2s.sgov.gov"
	}
	return "amazonaws.com"
}

// mostAnswer is far above any answer: one task is some kilobytes, and a page has a hundred.
const mostAnswer = 32 << 20

func (a *smallAPI) answer(out any) middleware.DeserializeMiddleware {
	return middleware.DeserializeMiddlewareFunc("OperationDeserializer", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		got, meta, err := next.HandleDeserialize(ctx, in)
		if err != nil {
			return got, meta, err
		}
		r, ok := got.RawResponse.(*smithyhttp.Response)
		if !ok {
			return got, meta, &smithy.DeserializationError{Err: fmt.Errorf("a response of type %T", got.RawResponse)}
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, mostAnswer))
		_ = r.Body.Close() // it has been read
		switch {
		case err != nil:
			err = &smithy.DeserializationError{Err: err}
		case r.StatusCode < 200 || r.StatusCode > 299:
			err = &smithyhttp.ResponseError{Response: r, Err: a.failure(r.Header, body)}
		default:
			if err = a.read(body, out); err != nil {
				err = &smithy.DeserializationError{Err: err, Snapshot: body[:min(len(body), 1024)]}
			}
		}
		got.Result = out
		return got, meta, err
	})
}

func (a *smallAPI) read(body []byte, out any) error {
	if a.version != "" {
		return xml.Unmarshal(body, out)
	}
	return json.Unmarshal(body, out)
}

// failure is the error that an answer holds: the code in a header or in the body, with or without its name space.
func (a *smallAPI) failure(header http.Header, body []byte) error {
	if a.version != "" {
		var e struct {
			Code    string `xml:"Error>Code"`
			Message string `xml:"Error>Message"`
		}
		_ = xml.Unmarshal(body, &e) // a page of HTML has none of these
		return &smithy.GenericAPIError{Code: cmp.Or(e.Code, "UnknownError"), Message: e.Message}
	}
	var e struct {
		Type    string `json:"__type"`
		Code    string `json:"code"`
		Message string `json:"message"` // any case
	}
	_ = json.Unmarshal(body, &e) // a page of HTML has none of these
	code, _, _ := strings.Cut(cmp.Or(header.Get("X-Amzn-Errortype"), e.Type, e.Code, "UnknownError"), ":")
	return &smithy.GenericAPIError{Code: code[strings.LastIndexByte(code, '#')+1:], Message: e.Message}
}
