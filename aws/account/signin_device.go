package account

import (
	"context"
	"errors"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"
	oidctypes "github.com/aws/aws-sdk-go-v2/service/ssooidc/types"

	"github.com/rdsx/rdsx/aws"
)

// The pace of questions when the portal names none, and how much slower it wants them when it says so (RFC 8628 §3.5).
const (
	usualInterval = 5 * time.Second
	slowDown      = 5 * time.Second
)

// byDevice shows a code that the person confirms in a browser anywhere, and asks the portal until that has happened.
func (s *signing) byDevice(ctx context.Context) (registration, *ssooidc.CreateTokenOutput, error) {
	reg, asked, err := s.startDevice(ctx)
	if err != nil {
		return registration{}, nil, err
	}
	s.browser.Show(Invitation{
		URL:  firstOf(sdk.ToString(asked.VerificationUriComplete), sdk.ToString(asked.VerificationUri)),
		Code: sdk.ToString(asked.UserCode),
	})
	interval := time.Duration(asked.Interval) * time.Second
	if interval <= 0 {
		interval = usualInterval
	}
	in := &ssooidc.CreateTokenInput{
		ClientId: &reg.ClientID, ClientSecret: &reg.ClientSecret, GrantType: sdk.String(grantDevice), DeviceCode: asked.DeviceCode,
	}
	for {
		if err := pause(ctx, interval); err != nil {
			return registration{}, nil, err
		}
		out, err := s.client.CreateToken(ctx, in)
		var pending *oidctypes.AuthorizationPendingException
		var slower *oidctypes.SlowDownException
		switch {
		case err == nil:
			return reg, out, nil
		case errors.As(err, &pending):
		case errors.As(err, &slower):
			interval += slowDown
		default:
			return registration{}, nil, s.refusal(err)
		}
	}
}

// startDevice registers if need be. A kept registration that the portal has forgotten is replaced.
func (s *signing) startDevice(ctx context.Context) (registration, *ssooidc.StartDeviceAuthorizationOutput, error) {
	for fresh := false; ; fresh = true {
		reg, err := s.register(ctx, grantDevice, fresh)
		if err != nil {
			return registration{}, nil, err
		}
		out, err := s.client.StartDeviceAuthorization(ctx, &ssooidc.StartDeviceAuthorizationInput{
			ClientId: &reg.ClientID, ClientSecret: &reg.ClientSecret, StartUrl: &s.portal.StartURL,
		})
		var unknown *oidctypes.InvalidClientException
		var forbidden *oidctypes.UnauthorizedClientException
		if !fresh && (errors.As(err, &unknown) || errors.As(err, &forbidden)) {
			continue
		}
		return reg, out, err
	}
}

// refusal is why CreateToken gave no token to a sign-in.
func (s *signing) refusal(err error) error {
	again := "rdsx profiles login " + s.portal.Name()
	var denied *oidctypes.AccessDeniedException
	var late *oidctypes.ExpiredTokenException
	var grant *oidctypes.InvalidGrantException
	switch {
	case errors.As(err, &denied):
		return aws.Advise(&line{"the sign-in was refused in the browser", err}, aws.ErrSignIn, again)
	case errors.As(err, &late):
		return aws.Advise(&line{"the code has expired before it was confirmed", err}, aws.ErrSignIn, again)
	case errors.As(err, &grant):
		return aws.Advise(&line{"the portal does not accept this sign-in: its code is wrong, used or too old", err}, aws.ErrSignIn, again)
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
