package api

import (
	"net/http"
	"path"
	"slices"
	"sync"

	"github.com/rdsx/rdsx/sim/world"
	"github.com/rdsx/rdsx/sim/world/iam"
)

// Asked is one thing that the policies of a caller were asked, as a policy can be asked again.
type Asked struct {
	Principal string // ARN of the caller
	Operation string // ssm:StartSession; one operation can ask several things
	Request   iam.Request
	Denied    bool
}

// mostAsked is how many questions are kept; older ones are forgotten.
const mostAsked = 20000

// record keeps what was asked.
type record struct {
	mu  sync.Mutex
	all []Asked
}

func (r *record) add(a Asked) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) >= mostAsked {
		r.all = slices.Delete(r.all, 0, mostAsked/2)
	}
	r.all = append(r.all, a)
}

// Asked returns what the policies were asked since the last call of it, oldest first.
func (a *API) Asked() []Asked {
	a.asked.mu.Lock()
	defer a.asked.mu.Unlock()
	all := a.asked.all
	a.asked.all = nil
	return all
}

// MayOpen checks the upgrade of a websocket to a session's data channel: its signature, and that no policy denies the caller
// ssmmessages:OpenDataChannel. The real service may want it allowed; worlds that say nothing of it are let through, since the
// session's token, which the first message holds, is the key. Errors are *SignatureError or a denial.
func (a *API) MayOpen(r *http.Request) error {
	if _, err := a.keys.Verify(r, "ssmmessages", nil); err != nil {
		return err
	}
	id, scope, err := a.keys.verify(r, nil)
	if err != nil {
		return err
	}
	c := &call{ctx: r.Context(), api: a, id: id, place: world.Place{Account: id.Account, Region: scope.Region}}
	const action = "ssmmessages:OpenDataChannel"
	req := c.request(action, c.fill("arn:aws:ssm:{region}:{account}:session/"+path.Base(r.URL.Path)), nil)
	denied := iam.Decide(id.policies, req) == iam.Deny
	a.asked.add(Asked{id.ARN, action, req, denied})
	if denied {
		return c.denied(action, req.Resource, iam.Deny, "identity-based")
	}
	return nil
}
