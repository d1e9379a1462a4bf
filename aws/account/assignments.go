package account

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/sso"
	"golang.org/x/sync/errgroup"
)

// Assignment is one permission set that a person has in one account.
type Assignment struct {
	Account     string `json:"account"`
	AccountName string `json:"account_name"`
	Role        string `json:"role"`
}

const (
	portalAtOnce   = 4   // calls to a portal under way: it throttles soon (docs/aws.md §3)
	portalAttempts = 8   // of each
	portalPages    = 100 // the largest page that it gives
)

// Assignments lists what a portal offers to the person who is signed in, by account and role. Errors are *aws.Hint.
func Assignments(ctx context.Context, o Options, p Portal) ([]Assignment, error) {
	r, err := newBare(ctx, o)
	if err != nil {
		return nil, Explain(err)
	}
	cfg, err := r.anonymous(ctx, p.Region)
	if err != nil {
		return nil, explainConfig(err)
	}
	token, err := r.token(ctx, cfg, p)
	if err != nil {
		return nil, Explain(err)
	}
	l := &portalLister{token: token, client: sso.NewFromConfig(cfg, func(o *sso.Options) {
		o.Retryer = retry.NewAdaptiveMode(func(m *retry.AdaptiveModeOptions) {
			m.StandardOptions = append(m.StandardOptions, func(s *retry.StandardOptions) { s.MaxAttempts = portalAttempts })
		})
	})}
	if err := l.list(ctx); err != nil {
		return nil, Explain(r.origin.wrap(err))
	}
	slices.SortFunc(l.found, func(a, b Assignment) int {
		return cmp.Or(cmp.Compare(a.AccountName, b.AccountName), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Role, b.Role))
	})
	return l.found, nil
}

type portalLister struct {
	client *sso.Client
	token  string

	mu    sync.Mutex
	found []Assignment
}

func (l *portalLister) list(ctx context.Context) error {
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(portalAtOnce)
	pages := sso.NewListAccountsPaginator(l.client, &sso.ListAccountsInput{AccessToken: &l.token, MaxResults: sdk.Int32(portalPages)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(within)
		if err != nil {
			if failed := group.Wait(); failed != nil { // it cancelled the context of this call
				err = failed
			}
			return err
		}
		for _, a := range page.AccountList {
			id, name := sdk.ToString(a.AccountId), sdk.ToString(a.AccountName)
			group.Go(func() error { return l.roles(within, id, name) })
		}
	}
	return group.Wait()
}

func (l *portalLister) roles(ctx context.Context, id, name string) error {
	pages := sso.NewListAccountRolesPaginator(l.client, &sso.ListAccountRolesInput{AccessToken: &l.token, AccountId: &id, MaxResults: sdk.Int32(portalPages)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		l.mu.Lock()
		for _, r := range page.RoleList {
			l.found = append(l.found, Assignment{Account: id, AccountName: name, Role: sdk.ToString(r.RoleName)})
		}
		l.mu.Unlock()
	}
	return nil
}

// Member is an account of an organization.
type Member struct {
	ID     string `json:"account"`
	Name   string `json:"account_name"`
	Active bool   `json:"active"` // not closed, suspended or on its way to either
}

// Members lists the accounts of the organization that cfg's caller manages, or administers for it. Errors are *aws.Hint.
func Members(ctx context.Context, cfg sdk.Config, log *slog.Logger) ([]Member, error) {
	var out []Member
	pages := organizations.NewListAccountsPaginator(organizations.NewFromConfig(cfg), &organizations.ListAccountsInput{})
	for n := 1; pages.HasMorePages(); n++ {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, Explain(err)
		}
		log.Debug("accounts of the organization", "page", n, "accounts", len(page.Accounts))
		for _, a := range page.Accounts {
			out = append(out, Member{ID: sdk.ToString(a.Id), Name: sdk.ToString(a.Name), Active: a.Status == "ACTIVE" || a.State == "ACTIVE"})
		}
	}
	slices.SortFunc(out, func(a, b Member) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}
