package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
)

// lateSTS is the STS client of a web identity. The SDK wants it while the configuration is still being made; the client
// proper, which knows the endpoints, is put in before the first use.
type lateSTS struct{ client *sts.Client }

// AssumeRoleWithWebIdentity is the one call that stscreds needs.
func (l *lateSTS) AssumeRoleWithWebIdentity(ctx context.Context, in *sts.AssumeRoleWithWebIdentityInput, opts ...func(*sts.Options)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	if l.client == nil {
		return nil, errors.New("web identity used before the configuration is complete")
	}
	return l.client.AssumeRoleWithWebIdentity(ctx, in, opts...)
}

// sdkLog is the SDK's logger. ClientLogMode stays off, so that no request or credential reaches it: only warnings do.
type sdkLog struct{ log *slog.Logger }

// Logf implements smithy's logging.Logger.
func (l sdkLog) Logf(class logging.Classification, format string, v ...any) {
	l.log.Debug("sdk", "class", string(class), "text", fmt.Sprintf(format, v...))
}
