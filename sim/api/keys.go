package api

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rdsx/rdsx/sim/api/sigv4"
	"github.com/rdsx/rdsx/sim/world"
	"github.com/rdsx/rdsx/sim/world/iam"
)

// Keys knows every access key of a world and the temporary ones that STS gave out, and checks signatures against them. Make
// it first and hand it to both the gateway (its Verify) and the API (Options.Keys).
type Keys struct {
	world *world.World
	now   func() time.Time

	mu        sync.Mutex
	temporary map[string]*issued // by access key
}

// identity is a caller and what decides for it.
type identity struct {
	world.Principal
	policies []iam.Policy
	session  *iam.Policy // narrows the policies when set (the Policy parameter of AssumeRole)
	mfaAt    time.Time   // zero without MFA
}

// issued is a temporary key. The secrets leave this package in STS answers only.
type issued struct {
	access, secret, token string
	expires               time.Time
	owner                 world.Principal
	session               *iam.Policy
	mfaAt                 time.Time
}

// NewKeys makes the keys of w. now is time.Now when nil.
func NewKeys(w *world.World, now func() time.Time) *Keys {
	if now == nil {
		now = time.Now
	}
	return &Keys{world: w, now: now, temporary: map[string]*issued{}}
}

// Verify checks the signature of a request, in its header or presigned in its query, for the named service (ssmmessages for
// a websocket upgrade, whose body is nil). Errors are *SignatureError.
func (k *Keys) Verify(r *http.Request, service string, body []byte) (world.Principal, error) {
	id, scope, err := k.verify(r, body)
	if err != nil {
		return world.Principal{}, err
	}
	if scope.Service != service {
		return world.Principal{}, &SignatureError{Scope, fmt.Sprintf("Credential should be scoped to correct service: '%s'.", service)}
	}
	return id.Principal, nil
}

// maxSkew is how far a client's clock may be off.
const maxSkew = 5 * time.Minute

// verify returns the signature as well, also with an error once it could be read.
func (k *Keys) verify(r *http.Request, body []byte) (identity, *sigv4.Auth, error) {
	auth, err := sigv4.Parse(r)
	if errors.Is(err, sigv4.ErrMissing) {
		return identity{}, nil, &SignatureError{Unsigned, ""}
	}
	if err != nil {
		return identity{}, nil, &SignatureError{Malformed, err.Error()}
	}
	id, secret, token, expires := k.find(auth.AccessKey)
	switch {
	case secret == "":
		return identity{}, auth, &SignatureError{UnknownKey, ""}
	case subtle.ConstantTimeCompare([]byte(token), []byte(auth.Token)) != 1:
		return identity{}, auth, &SignatureError{BadToken, ""}
	case !auth.Matches(r, body, secret):
		return identity{}, auth, &SignatureError{Mismatch, ""}
	}
	if err := k.inTime(auth); err != nil {
		return identity{}, auth, err
	}
	if !expires.IsZero() && !k.now().Before(expires) {
		return identity{}, auth, &SignatureError{Expired, ""}
	}
	return id, auth, nil
}

// inTime words a skewed clock as AWS does, with both times, so that a client can tell which way it is off.
func (k *Keys) inTime(auth *sigv4.Auth) error {
	const stamp = "20060102T150405Z"
	now := k.now().UTC()
	valid := maxSkew
	if auth.Expires > 0 {
		valid = auth.Expires
	}
	if end := auth.Time.Add(valid); now.After(end) {
		return &SignatureError{Skewed, fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %d min.)",
			auth.Time.Format(stamp), now.Add(-valid).Format(stamp), now.Format(stamp), int(valid.Minutes()))}
	}
	if begin := auth.Time.Add(-maxSkew); now.Before(begin) {
		return &SignatureError{Skewed, fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + %d min.)",
			auth.Time.Format(stamp), now.Add(maxSkew).Format(stamp), now.Format(stamp), int(maxSkew.Minutes()))}
	}
	return nil
}

// find looks a key up. An empty secret means that there is none; expires is zero for a long-term key.
func (k *Keys) find(access string) (id identity, secret, token string, expires time.Time) {
	k.mu.Lock()
	t, ok := k.temporary[access]
	k.mu.Unlock()
	if ok {
		id = identity{Principal: t.owner, session: t.session, mfaAt: t.mfaAt}
		id.policies = k.policies(t.owner)
		return id, t.secret, t.token, t.expires
	}
	for _, a := range k.world.Accounts() {
		for _, u := range a.Users {
			if u.AccessKey == access {
				return identity{Principal: userPrincipal(a, u), policies: a.InForce(u.Policies, u.Attached)}, u.SecretKey, "", time.Time{}
			}
		}
	}
	return identity{}, "", "", time.Time{}
}

func userPrincipal(a world.Account, u world.User) world.Principal {
	return world.Principal{Account: a.ID, ARN: "arn:aws:iam::" + a.ID + ":user/" + u.Name, UserID: u.ID, User: u.Name}
}

// policies reads those of the user or role as they are now.
func (k *Keys) policies(p world.Principal) []iam.Policy {
	a, _ := k.world.Account(p.Account)
	for _, r := range a.Roles {
		if p.Role == r.Name {
			return a.InForce(r.Policies, r.Attached)
		}
	}
	for _, u := range a.Users {
		if p.User == u.Name {
			return a.InForce(u.Policies, u.Attached)
		}
	}
	return nil
}

// issue makes a temporary key. Keys that expired a day ago are forgotten: they answer as unknown ones from then on.
func (k *Keys) issue(owner world.Principal, d time.Duration, session *iam.Policy, mfaAt time.Time) *issued {
	owner.Temporary, owner.MFA = true, !mfaAt.IsZero()
	c := &issued{
		access: "ASIA" + strings.ToUpper(hex.EncodeToString(random(8))), secret: base64.StdEncoding.EncodeToString(random(30)),
		token: "IQoJb3JpZ2luX2Vj" + base64.StdEncoding.EncodeToString(random(150)), expires: k.now().Add(d).Truncate(time.Second),
		owner: owner, session: session, mfaAt: mfaAt,
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for access, old := range k.temporary {
		if k.now().Sub(old.expires) > 24*time.Hour {
			delete(k.temporary, access)
		}
	}
	k.temporary[c.access] = c
	return c
}

// Expire ends every temporary key at once, whatever expiry it was issued with, as a revoked role does.
func (k *Keys) Expire() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.temporary {
		c.expires = k.now()
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
