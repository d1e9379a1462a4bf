package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/rdsx/rdsx/sim/world"
)

// portalPage is the page size when a request names none; the API's own is not documented.
const portalPage = 20

// portal finds the portal of a request's token, and what it lets the person use.
func (s *SignIns) portal(r *http.Request) (world.Portal, error) {
	startURL, err := s.bearer(r)
	if err != nil {
		return world.Portal{}, err
	}
	for _, p := range s.api.world.Portals() {
		if p.StartURL == startURL {
			return p, nil
		}
	}
	return world.Portal{}, &Error{Code: "ResourceNotFoundException", Message: "no such portal", Status: http.StatusNotFound}
}

func sizeOf(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("max_result"))
	if err != nil || n < 1 || n > 100 {
		return portalPage
	}
	return n
}

func (s *SignIns) listAccounts(r *http.Request) (any, error) {
	p, err := s.portal(r)
	if err != nil {
		return nil, err
	}
	all := []map[string]string{}
	for _, at := range p.Assignments {
		a, _ := s.api.world.Account(at.Account)
		all = append(all, map[string]string{"accountId": a.ID, "accountName": a.Name, "emailAddress": emailOf(a)})
	}
	part, next, ok := page(all, "ListAccounts", r.URL.Query().Get("next_token"), sizeOf(r))
	if !ok {
		return nil, failf("InvalidRequestException", "Invalid next_token")
	}
	return withNext("accountList", part, next), nil
}

func emailOf(a world.Account) string { return "aws+" + a.Name + "@acme.example" }

func withNext(name string, part any, next string) map[string]any {
	out := map[string]any{name: part}
	if next != "" {
		out["nextToken"] = next
	}
	return out
}

// sets are the permission sets of the person in an account.
func sets(p world.Portal, account string) []string {
	for _, at := range p.Assignments {
		if at.Account == account {
			return at.Sets
		}
	}
	return nil
}

func (s *SignIns) listAccountRoles(r *http.Request) (any, error) {
	p, err := s.portal(r)
	if err != nil {
		return nil, err
	}
	account := r.URL.Query().Get("account_id")
	all := []map[string]string{}
	for _, name := range sets(p, account) {
		all = append(all, map[string]string{"accountId": account, "roleName": name})
	}
	if len(all) == 0 {
		return nil, &Error{Code: "ForbiddenException", Message: "No access", Status: http.StatusForbidden}
	}
	part, next, ok := page(all, "ListAccountRoles"+account, r.URL.Query().Get("next_token"), sizeOf(r))
	if !ok {
		return nil, failf("InvalidRequestException", "Invalid next_token")
	}
	return withNext("roleList", part, next), nil
}

func (s *SignIns) getRoleCredentials(r *http.Request) (any, error) {
	p, err := s.portal(r)
	if err != nil {
		return nil, err
	}
	account, set := r.URL.Query().Get("account_id"), r.URL.Query().Get("role_name")
	if !slices.Contains(sets(p, account), set) {
		return nil, &Error{Code: "ForbiddenException", Message: "No access", Status: http.StatusForbidden}
	}
	role := world.SetRole(account, set)
	a, _ := s.api.world.Account(account)
	i := slices.IndexFunc(a.Roles, func(r world.Role) bool { return r.Name == role })
	if i < 0 {
		return nil, &Error{Code: "ResourceNotFoundException", Message: "no such role", Status: http.StatusNotFound}
	}
	owner := world.Principal{
		Account: account, Role: role, SessionName: p.User, UserID: a.Roles[i].ID + ":" + p.User,
		ARN: "arn:aws:sts::" + account + ":assumed-role/" + role + "/" + p.User,
	}
	k := s.api.keys.issue(owner, a.Roles[i].MaxSession, nil, s.api.now())
	return map[string]any{"roleCredentials": map[string]any{
		"accessKeyId": k.access, "secretAccessKey": k.secret, "sessionToken": k.token, "expiration": k.expires.UnixMilli(),
	}}, nil
}

// organizationsService is AWS Organizations as the importers of profiles use it.
func organizationsService() *service {
	return &service{name: "organizations", wire: jsonWire{"AWSOrganizationsV20161128"}, operations: map[string]operation{
		"ListAccounts": jsonOp("*", listMembers),
	}}
}

// membersPage is the largest page that ListAccounts gives.
const membersPage = 20

type listMembersInput struct {
	MaxResults int
	NextToken  string
}

func listMembers(c *call, in listMembersInput) (any, error) {
	o := c.api.world.Organization()
	switch {
	case o.ID == "":
		return nil, failf("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
	case o.Management != c.place.Account:
		return nil, failf("AccessDeniedException", "You don't have permissions to access this resource.")
	case in.MaxResults < 0 || in.MaxResults > membersPage:
		return nil, failf("InvalidInputException", "You provided invalid values for one or more of the request parameters.")
	}
	all := []map[string]any{}
	for _, a := range c.api.world.Accounts() {
		status := "ACTIVE"
		if slices.Contains(o.Suspended, a.ID) {
			status = "SUSPENDED"
		}
		all = append(all, map[string]any{
			"Id": a.ID, "Name": a.Name, "Email": emailOf(a), "Status": status, "JoinedMethod": "CREATED",
			"Arn": "arn:aws:organizations::" + o.Management + ":account/" + strings.ToLower(o.ID) + "/" + a.ID,
		})
	}
	size := in.MaxResults
	if size == 0 {
		size = membersPage
	}
	part, next, ok := page(all, "ListAccounts", in.NextToken, size)
	if !ok {
		return nil, failf("InvalidInputException", "You specified an invalid value for nextToken.")
	}
	out := map[string]any{"Accounts": part}
	if next != "" {
		out["NextToken"] = next
	}
	return out, nil
}
