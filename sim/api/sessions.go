package api

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/rdsx/rdsx/sim/world"
)

type sessionInput struct {
	SessionID string `json:"SessionId"`
}

// session finds a session of the caller's account and region and asks whether the caller may do the action to it.
func (c *call) session(action, id string) (world.SessionInfo, bool, error) {
	if id == "" || len(id) > 96 {
		return world.SessionInfo{}, false, invalid("sessionId", id, "have length within 1 and 96")
	}
	var found world.SessionInfo
	ok := false
	for _, s := range c.api.sessions.List() {
		if s.ID == id && s.Place == c.place {
			found, ok = s, true
		}
	}
	more := map[string][]string{}
	if ok {
		more["ssm:resourceTag/aws:ssmmessages:session-id"] = []string{found.Principal.UserID}
		more["ssm:resourceTag/aws:ssmmessages:target-id"] = []string{found.Target}
	}
	return found, ok, c.permit(action, c.fill("arn:aws:ssm:{region}:{account}:session/"+id), more)
}

func resumeSession(c *call, in sessionInput) (any, error) {
	_, ok, err := c.session("ssm:ResumeSession", in.SessionID)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, failf("DoesNotExistException", "Session with ID %s does not exist.", in.SessionID)
	}
	token, url, err := c.api.sessions.Resume(c.ctx, in.SessionID)
	if err != nil {
		return nil, fmt.Errorf("resume session: %w", err)
	}
	return startAnswer{in.SessionID, token, url}, nil
}

func terminateSession(c *call, in sessionInput) (any, error) {
	_, ok, err := c.session("ssm:TerminateSession", in.SessionID)
	if err != nil {
		return nil, err
	}
	if ok {
		if err := c.api.sessions.Terminate(c.ctx, in.SessionID); err != nil {
			return nil, fmt.Errorf("terminate session: %w", err)
		}
	}
	return startAnswer{SessionID: in.SessionID}, nil
}

type sessionsInput struct {
	State      string
	Filters    []filter
	MaxResults *int
	NextToken  string
}

type sessionRow struct {
	SessionID          string `json:"SessionId"`
	Target             string
	Status             string
	StartDate          float64
	EndDate            float64 `json:",omitempty"`
	DocumentName       string
	Owner              string
	Reason             string   `json:",omitempty"`
	OutputURL          struct{} `json:"OutputUrl"`
	MaxSessionDuration string   `json:",omitempty"` // minutes
	AccessType         string
}

func describeSessions(c *call, in sessionsInput) (any, error) {
	if in.State != "Active" && in.State != "History" {
		return nil, invalid("state", in.State, "satisfy enum value set: [Active, History]")
	}
	size, err := pageSize(in.MaxResults, 200, 1, 200)
	if err != nil {
		return nil, err
	}
	rows := []sessionRow{}
	for _, s := range c.api.sessions.List() {
		if s.Place != c.place || s.Status.Active() != (in.State == "Active") {
			continue
		}
		keep := true
		for _, f := range in.Filters {
			ok, err := sessionPasses(s, f)
			if err != nil {
				return nil, err
			}
			keep = keep && ok
		}
		if keep {
			rows = append(rows, rowOf(s))
		}
	}
	slices.Reverse(rows) // newest first
	part, next, ok := page(rows, c.name+in.State, in.NextToken, size)
	if !ok {
		return nil, failf("InvalidNextToken", "The specified token is not valid.")
	}
	return struct {
		Sessions  []sessionRow
		NextToken string `json:",omitempty"`
	}{part, next}, nil
}

func rowOf(s world.SessionInfo) sessionRow {
	row := sessionRow{
		SessionID: s.ID, Target: s.Target, Status: string(s.Status), StartDate: epoch(s.Start), DocumentName: s.Document,
		Owner: s.Principal.ARN, Reason: s.Reason, AccessType: "Standard",
	}
	if !s.End.IsZero() {
		row.EndDate = epoch(s.End)
	}
	if s.Max > 0 {
		row.MaxSessionDuration = strconv.Itoa(int(s.Max.Minutes()))
	}
	return row
}

func sessionPasses(s world.SessionInfo, f filter) (bool, error) {
	switch f.Key {
	case "Target":
		return s.Target == f.Value, nil
	case "Owner":
		return s.Principal.ARN == f.Value, nil
	case "Status":
		return string(s.Status) == f.Value, nil
	case "SessionId":
		return s.ID == f.Value, nil
	case "AccessType":
		return f.Value == "Standard", nil
	case "InvokedAfter", "InvokedBefore":
		at, err := time.Parse(time.RFC3339, f.Value)
		if err != nil {
			return false, failf("InvalidFilterValue", "The filter value is not valid: %s is not a time.", f.Value)
		}
		return (f.Key == "InvokedAfter") == s.Start.After(at), nil
	}
	return false, failf("InvalidFilterKey", "The specified key is not valid: %s", f.Key)
}
