package session

import (
	"context"
	"fmt"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/rdsx/rdsx/aws/account"
)

// Listed is a session that is open at AWS, whoever started it and with whatever.
type Listed struct {
	ID       string    `json:"id"`
	Target   string    `json:"target"` // instance id
	Owner    string    `json:"owner"`  // ARN
	Started  time.Time `json:"started"`
	Document string    `json:"document"`
	Reason   string    `json:"reason,omitempty"`
	Status   string    `json:"status"` // Connected, Connecting, Disconnected
}

// List returns the open sessions of the configuration's account and region, newest first; id "" is all of them. Errors are
// explained.
func List(ctx context.Context, cfg sdk.Config, id string) ([]Listed, error) {
	in := &ssm.DescribeSessionsInput{State: types.SessionStateActive}
	if id != "" {
		in.Filters = []types.SessionFilter{{Key: types.SessionFilterKeySessionId, Value: sdk.String(id)}}
	}
	var all []Listed
	for client := ssm.NewFromConfig(cfg); ; {
		out, err := client.DescribeSessions(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list sessions in %s: %w", cfg.Region, account.Explain(err))
		}
		for _, s := range out.Sessions {
			all = append(all, Listed{
				ID: sdk.ToString(s.SessionId), Target: sdk.ToString(s.Target), Owner: sdk.ToString(s.Owner), Started: sdk.ToTime(s.StartDate),
				Document: sdk.ToString(s.DocumentName), Reason: sdk.ToString(s.Reason), Status: string(s.Status),
			})
		}
		if in.NextToken = out.NextToken; sdk.ToString(in.NextToken) == "" {
			return all, nil
		}
	}
}

// Terminate ends a session that this process does not carry. Ending one that is over is no error.
func Terminate(ctx context.Context, cfg sdk.Config, id string) error {
	if _, err := ssm.NewFromConfig(cfg).TerminateSession(ctx, &ssm.TerminateSessionInput{SessionId: sdk.String(id)}); err != nil {
		return fmt.Errorf("terminate session %s: %w", id, account.Explain(err))
	}
	return nil
}
