package cli

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/rdsx/rdsx/tui/tunnels"
)

// preferences is the document that holds a region's settings of Session Manager (docs/aws.md §5).
const preferences = "SSM-SessionManagerRunShell"

// sessionLimits reads when Session Manager ends sessions. A region without preferences has the defaults, but so has a
// profile that may not read them: what is not known is left out.
func sessionLimits(ctx context.Context, cfg sdk.Config) tunnels.Limits {
	ctx, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	out, err := ssm.NewFromConfig(cfg).GetDocument(ctx, &ssm.GetDocumentInput{Name: sdk.String(preferences)})
	if err != nil {
		return tunnels.Limits{}
	}
	return parseLimits(sdk.ToString(out.Content))
}

// parseLimits reads the preferences document; its numbers are minutes in strings.
func parseLimits(document string) tunnels.Limits {
	var d struct {
		Inputs struct{ IdleSessionTimeout, MaxSessionDuration string }
	}
	if json.Unmarshal([]byte(document), &d) != nil {
		return tunnels.Limits{}
	}
	return tunnels.Limits{Idle: minutes(d.Inputs.IdleSessionTimeout, 60), Max: minutes(d.Inputs.MaxSessionDuration, 1440)}
}

// minutes is 0 for anything that is not a number from 1 to most.
func minutes(s string, most int) time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 1 || n > most {
		return 0
	}
	return time.Duration(n) * time.Minute
}
