package cli

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/aws/discover"
	"github.com/rdsx/rdsx/aws/engine"
)

// route is a target and everything needed to open it.
type route struct {
	name   string // of the target, as it was typed; "" where nobody has
	target aws.Target
	why    string // why this instance carries it
	cfg    sdk.Config
	// verdict is what the network's rules say of the way; its answer is "" when nobody has looked.
	verdict aws.Verdict
}

// preferredPort is the local port to try first: the engine's own, as a person would type it.
func (r route) preferredPort() int {
	if port := engine.Of(r.target.Engine).Port; port > 0 {
		return port
	}
	return r.target.Endpoint.Port
}

// load reads the profile and prints its warnings.
func (a *app) load(ctx context.Context) (sdk.Config, aws.Account, error) {
	return a.loadAsking(ctx, a.askMFA)
}

// loadAsking is load with another way to ask for the code of an MFA device, which happens at the first use of the credentials.
func (a *app) loadAsking(ctx context.Context, mfa account.AskMFA) (sdk.Config, aws.Account, error) {
	cfg, acct, warnings, err := account.Load(ctx, account.Options{
		Profile: a.flags.profile, Region: a.flags.region, EndpointURL: a.flags.endpointURL,
		Env: a.Env, MFA: mfa, Log: a.log(), Version: a.Version.filled().Version, Shared: a.shared,
	})
	for _, w := range warnings {
		fmt.Fprintf(a.Stderr, "warning: %s\n", w)
	}
	return cfg, acct, err
}

// plan turns what the user typed into a route: it loads the profile, finds the database and chooses the instance.
func (a *app) plan(ctx context.Context, name string, flags connectFlags) (route, error) {
	asking := a.asking
	if asking == nil {
		asking = new(atomic.Int32)
	}
	chosen, err := a.chosen()
	if err != nil {
		return route{}, err
	}
	scopes, err := a.scopes(ctx, chosen)
	if err != nil {
		return route{}, err
	}
	places, _, err := a.places(ctx, scopes, a.askingMFA(asking))
	if err != nil {
		return route{}, err
	}
	found, err := a.locate(ctx, places, name)
	if err != nil {
		return route{}, err
	}
	inv := found.inv
	r := route{name: name, target: found.target, why: "named with --via", cfg: found.place.cfg}
	if flags.via != "" {
		r.target.Instance, err = discover.Via(inv, flags.via)
	} else {
		r, err = a.choose(ctx, r, inv)
	}
	if err != nil {
		return route{}, withListErrors(err, inv)
	}
	return r, nil
}

// resolve is the target that a name stands for, without its instance.
func resolve(inv discover.Inventory, acct aws.Account, name string) (aws.Target, error) {
	db, endpoint, err := discover.Resolve(inv, name)
	if err != nil {
		return aws.Target{}, err
	}
	target := aws.Target{Account: acct, Database: db, Endpoint: endpoint, Engine: string(engine.ByPort(endpoint.Port).Family)}
	if db != nil {
		target.Engine = db.Engine
	}
	return target, nil
}

// withListErrors adds what could not be listed to a "not found": the thing may well be there.
func withListErrors(err error, inv discover.Inventory) error {
	if len(inv.Errors) == 0 {
		return err
	}
	notes := make([]string, 0, len(inv.Errors))
	for _, e := range inv.Errors {
		notes = append(notes, e.Error())
	}
	return fmt.Errorf("%w (not everything could be listed: %s)", err, strings.Join(notes, "; "))
}

// parameters turns NAME=VALUE pairs into the lists that StartSession takes; the flag's check has refused anything else.
func parameters(pairs []string) map[string][]string {
	if len(pairs) == 0 {
		return nil
	}
	out := map[string][]string{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		out[name] = append(out[name], value)
	}
	return out
}
