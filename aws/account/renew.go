package account

import (
	"context"
	"crypto/sha256"
	"os"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
)

// renewing are credentials that follow the files that they come from. The SDK reads a profile once: new keys that another program
// writes there every hour, saml2aws or aws-vault for one, would never be seen. So once AWS has not taken the credentials, or there
// were none to be had, the profile is read anew, if the files are others than before. If they are not, it is for the provider to
// get new ones, which knows which of its cache AWS has refused.
type renewing struct {
	origin *origin
	read   func() (*resolved, sdk.CredentialsProvider, error)

	mu    sync.Mutex
	inner sdk.CredentialsProvider
	files [sha256.Size]byte // what was read
	stale bool              // what was read has not worked, and nothing else has been had since
	given sdk.Credentials   // the latest
}

// follow makes what r has found of o the credentials of a configuration, which is read anew as r was. ctx is that of Load.
func (r *resolved) follow(ctx context.Context, inner sdk.CredentialsProvider, files [sha256.Size]byte) *renewing {
	o := r.o
	o.Region = r.region // a tunnel stays where it is
	return &renewing{origin: r.origin, inner: inner, files: files, read: func() (*resolved, sdk.CredentialsProvider, error) {
		now, err := resolve(ctx, o)
		if err != nil {
			return nil, nil, err
		}
		cfg, err := now.config(ctx)
		return now, cfg.Credentials, err
	}}
}

// Retrieve implements sdk.CredentialsProvider.
func (c *renewing) Retrieve(ctx context.Context) (sdk.Credentials, error) {
	inner, origin, err := c.current()
	if err != nil {
		return sdk.Credentials{}, origin.wrap(err)
	}
	keys, err := inner.Retrieve(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.stale = c.stale || c.inner == inner
		return sdk.Credentials{}, origin.wrap(err)
	}
	if c.inner == inner {
		c.stale = c.stale && sameKeys(keys, c.given)
		c.given = keys
	}
	return keys, nil
}

func sameKeys(a, b sdk.Credentials) bool {
	return a.AccessKeyID == b.AccessKeyID && a.SecretAccessKey == b.SecretAccessKey && a.SessionToken == b.SessionToken
}

// Invalidate takes note that AWS does not take the credentials.
func (c *renewing) Invalidate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stale = true
	if cache, ok := c.inner.(interface{ Invalidate() }); ok {
		cache.Invalidate()
	}
}

// current is the provider to ask now.
func (c *renewing) current() (sdk.CredentialsProvider, *origin, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stale {
		return c.inner, c.origin, nil
	}
	files := c.origin.fingerprint()
	if files == c.files {
		return c.inner, c.origin, nil
	}
	now, inner, err := c.read()
	if err != nil {
		return nil, c.origin, err // it is in the middle of being written, perhaps: the next one reads again
	}
	c.inner, c.origin, c.files, c.stale = inner, now.origin, files, false
	return c.inner, c.origin, nil
}

// fingerprint is that of the files that a profile is read from. One that cannot be read is as good as empty.
func (o *origin) fingerprint() (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, path := range []string{o.configFile, o.credentialsFile} {
		data, _ := os.ReadFile(path)
		one := sha256.Sum256(data)
		h.Write(one[:])
	}
	h.Sum(sum[:0])
	return sum
}
