package account

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	oidctypes "github.com/aws/aws-sdk-go-v2/service/ssooidc/types"

	"github.com/rdsx/rdsx/aws"
)

// again is the command that gives o new credentials.
func (o *origin) again() string {
	switch o.kind {
	case kindSSO:
		return "rdsx profiles login " + firstOf(o.profile, o.signIn)
	case kindLogin:
		return "aws login --profile " + o.signIn
	case kindEnvironment:
		return "export a new AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or unset them and name a --profile"
	case kindKeys:
		return fmt.Sprintf("aws configure --profile %s, to put new keys in %s", o.signIn, o.credentialsFile)
	case kindProcess:
		return fmt.Sprintf("run the credential_process of [profile %s] by hand and see what it says", o.signIn)
	case kindWebIdentity:
		return "renew the web identity token file"
	case kindMachine:
		return "check the role of this instance or container"
	}
	return "sign in again, for example with rdsx profiles login NAME"
}

func (f *failure) mfa() *aws.Hint {
	var ask *mfaError
	var missing config.AssumeRoleTokenProviderNotSetError
	switch {
	case errors.As(f.err, &ask):
		return f.hint(aws.ErrSignIn, "run it again in a terminal and type the six digits of the device", f.doing(oneLine(ask.Error())))
	case errors.As(f.err, &missing):
		return f.hint(aws.ErrSignIn, "run it in a terminal without --no-input, and type the six digits of the device",
			f.origin.name()+" needs the code of an MFA device, and there is nobody to ask")
	case f.says("verify your mfa serial number"):
		return f.hint(aws.ErrSignIn, fmt.Sprintf("aws iam list-mfa-devices --profile %s names it: rdsx profiles edit %s --mfa-serial ARN",
			firstOf(f.origin.signIn, "NAME"), firstOf(f.origin.profile, "NAME")), f.doing("the mfa_serial of "+f.origin.name()+" is not a device of the user"))
	case f.says(codeRefused):
		return f.hint(aws.ErrSignIn, "wait for the device's next code and type that one: each is good once", f.doing("the MFA code is wrong or was used before"))
	}
	return nil
}

// sso recognises a token that is missing, expired or revoked. Our own provider says so by a type; the SDK's has only texts
// for profiles with an sso-session (docs/aws.md §2).
func (f *failure) sso() *aws.Hint {
	login := f.origin.again()
	if f.origin.kind != kindSSO {
		login = "rdsx profiles login NAME"
	}
	var own *signInError
	isOwn := errors.As(f.err, &own)
	who := f.origin.name()
	if f.origin.profile == "" && isOwn {
		who, login = own.portal.Name(), "rdsx profiles login "+own.portal.Name()
	}
	switch {
	case isOwn && own.missing, errors.Is(f.err, os.ErrNotExist) && f.says("sso token"):
		return f.hint(aws.ErrSignIn, login, who+" is not signed in: there is no SSO token")
	case isOwn, f.says("the sso session has expired or is invalid", "cached sso token", "refresh sso token"), f.isOIDCRefusal():
		return f.hint(aws.ErrSignIn, login, "the SSO sign-in of "+who+" has expired")
	case strings.HasPrefix(f.action, "sso:") && f.is("UnauthorizedException"):
		return f.hint(aws.ErrSignIn, login, "the SSO sign-in of "+who+" has been revoked")
	case strings.HasPrefix(f.action, "sso:") && f.is("ForbiddenException"):
		return f.hint(aws.ErrSignIn, fmt.Sprintf("check sso_account_id and sso_role_name in [profile %s], or ask for that role to be assigned to you", firstOf(f.origin.signIn, "NAME")),
			"the SSO user has no such role in that account")
	case strings.HasPrefix(f.action, "sso:") && f.is("ResourceNotFoundException"):
		return f.hint(aws.ErrSignIn, "rdsx profiles import lists the accounts and roles that you have", f.plain())
	case strings.HasPrefix(f.action, "ssooidc:") && f.is("InvalidRequestException", "InvalidRequestRegionException", "InvalidClientMetadataException"):
		return f.hint(aws.ErrUsage, "check sso_start_url and sso_region: the console of IAM Identity Center shows both", "the portal does not take this sign-in: "+f.oidcWords())
	}
	return nil
}

// webIdentity recognises what STS says of a token of another identity provider.
func (f *failure) webIdentity() *aws.Hint {
	if f.action != "sts:AssumeRoleWithWebIdentity" {
		return nil
	}
	switch {
	case f.is("ExpiredTokenException", "ExpiredToken"):
		return f.hint(aws.ErrSignIn, "renew the web identity token file", f.doing("the web identity token has expired"))
	case f.is("InvalidIdentityToken", "InvalidIdentityTokenException", "IDPRejectedClaim", "IDPRejectedClaimException"):
		return f.hint(aws.ErrSignIn, "compare the token's issuer and audience with the role's trust policy and the account's identity provider", f.plain())
	case f.is("IDPCommunicationError", "IDPCommunicationErrorException"):
		return f.hint(nil, "run it again; if it stays, AWS cannot reach the identity provider", f.plain())
	}
	return nil
}

// organization recognises that the caller may not list the organization's accounts.
func (f *failure) organization() *aws.Hint {
	switch {
	case !strings.HasPrefix(f.action, "organizations:"):
		return nil
	case f.is("AWSOrganizationsNotInUseException"):
		return f.hint(nil, "import from an IAM Identity Center portal instead: rdsx profiles import SSO-SESSION", "the account is in no organization")
	case f.is("AccessDeniedException") && parseDenial(f.message).user == "":
		return f.hint(nil, "use a --profile of the management account, or of one that administers the organization for it",
			"no permission for "+f.action+": only the management account and its delegates may list the accounts")
	}
	return nil
}

// oidcWords is what OIDC says of a wrong request. It has a field of its own for that, beside the message of every other API.
func (f *failure) oidcWords() string {
	var request *oidctypes.InvalidRequestException
	var client *oidctypes.InvalidClientMetadataException
	words := ""
	switch {
	case errors.As(f.err, &request):
		words = sdk.ToString(request.Error_description)
	case errors.As(f.err, &client):
		words = sdk.ToString(client.Error_description)
	}
	if words == "" {
		return f.plain()
	}
	return oneLine(words)
}

// isOIDCRefusal says whether the portal takes a token, or the program's registration, for no good.
func (f *failure) isOIDCRefusal() bool {
	return strings.HasPrefix(f.action, "ssooidc:") &&
		f.is("InvalidGrantException", "ExpiredTokenException", "UnauthorizedClientException", "InvalidClientException", "AccessDeniedException")
}

func (f *failure) login() *aws.Hint {
	// The SDK's provider has texts alone: of a file that is not there or makes no sense, and of a refusal to renew it.
	own := f.origin.kind == kindLogin && (f.says("validate login token", "load login token") || f.code != "" && f.says("create oauth2 token"))
	if !own && !f.says("please reauthenticate") {
		return nil
	}
	next := "aws login"
	if f.origin.kind == kindLogin {
		next = f.origin.again()
	}
	return f.hint(aws.ErrSignIn, next, "the sign-in of "+f.origin.name()+" has expired or is missing")
}

func (f *failure) expired() *aws.Hint {
	if f.is("RequestExpired") { // EC2's word for both
		return f.hint(aws.ErrSignIn, f.origin.again(), f.doing(f.subject()+" have expired, or this machine's clock is wrong"))
	}
	if !f.is("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired") {
		return nil
	}
	return f.hint(aws.ErrSignIn, f.origin.again(), f.doing(f.subject()+" have expired"))
}

func (f *failure) clock() *aws.Hint {
	skewed := f.is("RequestTimeTooSkewed", "RequestInTheFuture") ||
		f.is("SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure") && f.says("signature expired", "not yet current")
	if !skewed {
		return nil
	}
	return f.hint(aws.ErrSignIn, "set the clock of this machine (timedatectl set-ntp true), then run it again",
		f.doing("AWS refuses the signature because this machine's clock is wrong ("+oneLine(firstOf(f.message, f.code))+")"))
}

func (f *failure) badKey() *aws.Hint {
	switch {
	case f.is("SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature"):
		return f.hint(aws.ErrSignIn, f.origin.again(), f.doing("the secret key of "+f.signer()+" does not belong to its key id"))
	case !f.is("InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "InvalidAccessKeyId", "MissingAuthenticationToken"):
		return nil
	}
	// The same codes mean a region that the account has not opted into, although the keys are good elsewhere.
	if region := f.origin.region; region != "" && Partition(region) == "aws" && !slices.Contains(defaultRegions(), region) {
		return f.hint(aws.ErrSignIn, fmt.Sprintf("if the keys work elsewhere: aws account enable-region --region-name %s; else %s", region, f.origin.again()),
			f.doing(fmt.Sprintf("AWS does not know %s in %s, a region that must be enabled first", f.subject(), region)))
	}
	return f.hint(aws.ErrSignIn, f.origin.again(), f.doing("AWS does not know "+f.subject()+": deleted, inactive or mistyped"))
}

// signer is whose keys signed the innermost call: AssumeRole is signed by the profile at the end of the chain.
func (f *failure) signer() string {
	if f.origin.profile != "" && f.origin.signIn != "" && strings.HasPrefix(f.action, "sts:AssumeRole") {
		return fmt.Sprintf("profile %q", f.origin.signIn)
	}
	return f.origin.name()
}

// subject is the credentials as the plural subject of a sentence.
func (f *failure) subject() string {
	switch {
	case f.origin.profile != "":
		return "the credentials of " + f.signer()
	case f.origin.kind == kindEnvironment:
		return "the keys in the environment"
	}
	return "the credentials"
}

// duration recognises an assumed role that was asked to live too long.
func (f *failure) duration() *aws.Hint {
	if !f.is("ValidationError") || !f.says("maxsessionduration", "session limit") {
		return nil
	}
	return f.hint(aws.ErrUsage, fmt.Sprintf("set duration_seconds = 3600 in [profile %s]", firstOf(f.origin.profile, "NAME")), f.plain())
}

// noKeys recognises a chain that ended at the instance's metadata without an answer.
func (f *failure) noKeys() *aws.Hint {
	if !f.says("ec2 imds", "no valid providers in chain", "static credentials are empty", "access disabled to ec2 imds") {
		return nil
	}
	return f.adopt(noCredentials(f.origin))
}

func (f *failure) process() *aws.Hint {
	if f.origin.kind != kindProcess || !f.says("process provider error", "credential_process", "error in credential_process") {
		return nil
	}
	return f.hint(aws.ErrSignIn, f.origin.again(), "the credential_process of "+f.origin.name()+" failed: "+lastPart(f.err))
}

// lastPart is the innermost message of an error.
func lastPart(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return oneLine(err.Error())
		}
		err = next
	}
}

func noCredentials(o *origin) error {
	text := "no credentials found: no keys in the environment, no default profile, and no role on this machine"
	if o.profile != "" {
		text = fmt.Sprintf("%s has no credentials, and this machine has no role", o.name())
	}
	next := "rdsx profiles add NAME, or aws configure"
	if o.profile != "" {
		next = fmt.Sprintf("aws configure --profile %s, or rdsx profiles edit %s --help", o.profile, o.profile)
	} else if len(o.profiles) > 0 {
		next = "name one with --profile: " + strings.Join(o.profiles[:min(6, len(o.profiles))], ", ")
	}
	return aws.Advise(errors.New(text), aws.ErrSignIn, next)
}
