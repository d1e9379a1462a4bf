package session

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// emptySHA256 is the digest of no payload: an upgrade has no body.
const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// sign makes the headers of a SigV4-signed websocket upgrade (service ssmmessages; docs/protocol.md §1.0). A URL that carries
// a signature of its own gets none. The URL that is returned is the one that was signed, to the byte.
func sign(ctx context.Context, cfg sdk.Config, stream *url.URL, now time.Time) (*url.URL, http.Header, error) {
	if presigned(stream) {
		return stream, http.Header{}, nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, stream.String(), nil)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: not a URL", ErrStreamURL)
	}
	keys, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, nil, credentialsError(err)
	}
	if err := v4.NewSigner().SignHTTP(ctx, keys, request, emptySHA256, "ssmmessages", cfg.Region, now); err != nil {
		return nil, nil, fmt.Errorf("sign the websocket upgrade: %w", err)
	}
	return request.URL, request.Header, nil
}
