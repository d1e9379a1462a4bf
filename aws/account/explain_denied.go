package account

import (
	"fmt"
	"strings"

	"github.com/rdsx/rdsx/aws"
)

// denial is what an AccessDenied message says.
type denial struct {
	user     string // the caller's ARN
	action   string
	resource string
	why      string // "no identity-based policy allows …", "an explicit deny in …"; "" when AWS does not say
	explicit bool
	encoded  bool // the reason is encrypted, for sts:DecodeAuthorizationMessage
}

// parseDenial reads the sentence that most services answer with:
//
//	User: ARN is not authorized to perform: ACTION on resource: ARN because no … policy allows the ACTION action
//	User: ARN is not authorized to perform: ACTION on resource: ARN with an explicit deny in a service control policy
func parseDenial(message string) denial {
	d := denial{encoded: strings.Contains(message, "Encoded authorization failure message:")}
	rest, ok := after(message, "User: ")
	if !ok {
		return d
	}
	d.user, rest, _ = strings.Cut(rest, " ")
	if rest, ok = after(rest, "not authorized to perform: "); !ok {
		return d
	}
	if why, ok := after(rest, " because "); ok {
		d.why = why
	} else if why, ok := after(rest, " with an explicit deny"); ok {
		d.why, d.explicit = "an explicit deny"+why, true
	}
	d.why = strings.TrimRight(oneLine(d.why), ".")
	d.action = word(rest)
	if resource, ok := after(rest, "on resource: "); ok {
		d.resource = word(resource)
	}
	return d
}

func after(s, mark string) (string, bool) {
	_, rest, ok := strings.Cut(s, mark)
	return rest, ok
}

// word is the first word of s without the punctuation of the sentence round it.
func word(s string) string {
	first, _, _ := strings.Cut(s, " ")
	return strings.TrimRight(first, ".,;")
}

func (f *failure) denied() *aws.Hint {
	if !f.is("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException", "AuthorizationError", "NotAuthorized", "OptInRequired") {
		return nil
	}
	if f.is("OptInRequired") {
		return f.hint(nil, "enable the service and the region for the account: aws account enable-region --region-name "+firstOf(f.origin.region, "REGION"), f.plain())
	}
	d := parseDenial(f.message)
	action := firstOf(d.action, f.action, "this call")
	text := "no permission for " + action
	if d.resource != "" && d.resource != "*" {
		text += " on " + d.resource
	}
	switch {
	case d.why != "":
		text += ": " + strings.Replace(d.why, " allows the "+action+" action", " allows it", 1)
	case d.user == "" && f.message != "":
		// Not the usual sentence: the service has something of its own to say, such as just-in-time access.
		text += ": " + strings.TrimSuffix(oneLine(cutEncoded(f.message)), ".")
	}
	var kind error
	switch action {
	case "ssm:StartSession", "ssm:ResumeSession":
		kind = aws.ErrRefusedByAWS
	case "sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sso:GetRoleCredentials":
		kind = aws.ErrSignIn
	}
	return f.hint(kind, f.permit(d, action), text)
}

// permit is what has to change for the denied call to be allowed.
func (f *failure) permit(d denial, action string) string {
	who := firstOf(d.user, "the caller")
	on := firstOf(d.resource, "*")
	switch {
	case d.encoded:
		return "aws sts decode-authorization-message --encoded-message TEXT says which policy denies it (--debug shows TEXT)"
	case f.says("just-in-time"):
		return "aws ssm start-access-request --targets Key=InstanceIds,Values=INSTANCE --reason TEXT, and wait for its approval"
	case d.explicit:
		return "ask those who keep that policy: an explicit deny is stronger than any permission"
	case action == "sts:AssumeRole" && f.origin.mfa:
		return fmt.Sprintf("let the trust policy of %s name %s, and the policies of %s allow sts:AssumeRole on it", firstOf(d.resource, f.origin.role, "the role"), who, who)
	case action == "sts:AssumeRole":
		return fmt.Sprintf("let the trust policy of %s name %s; if it asks for MFA or an external id: rdsx profiles edit %s --mfa-serial ARN, or --external-id ID",
			firstOf(d.resource, f.origin.role, "the role"), who, firstOf(f.origin.profile, "NAME"))
	}
	return fmt.Sprintf("allow %s on %s for %s", action, on, who)
}

// cutEncoded drops the encrypted part of an EC2 message: hundreds of letters that say nothing to a person.
func cutEncoded(message string) string {
	text, _, _ := strings.Cut(message, "Encoded authorization failure message:")
	return strings.TrimSpace(text)
}

func (f *failure) throttled() *aws.Hint {
	if !f.is("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException", "RequestLimitExceeded",
		"TooManyRequestsException", "EC2ThrottledException", "SlowDown", "PriorRequestNotComplete") && !f.says("retry quota exceeded") {
		return nil
	}
	return f.hint(nil, "wait a minute and run it again; others in this account and region use the same quota",
		f.doing("AWS throttles this call, also after retries"))
}

// session explains what ssm:StartSession and its relatives answer with types of their own.
func (f *failure) session() *aws.Hint {
	switch {
	case f.is("TargetNotConnected"):
		return f.hint(aws.ErrRefusedByAWS, "aws ssm describe-instance-information: is it Online, in this account and region? else start its agent", f.plain())
	case f.is("InvalidDocument", "InvalidDocumentVersion"):
		return f.hint(aws.ErrRefusedByAWS, "check --document: it must be a Session document that you may see in this region", f.plain())
	case f.is("InvalidParameters") && strings.HasPrefix(f.action, "ssm:"):
		return f.hint(aws.ErrRefusedByAWS, "check what the document's parameters allow: aws ssm describe-document --name DOCUMENT", f.plain())
	case strings.HasPrefix(f.action, "ssm:") && f.says("advanced-instances tier"):
		return f.hint(aws.ErrRefusedByAWS, "enable the advanced-instances tier for hybrid nodes, or go --via an EC2 instance", f.plain())
	}
	return nil
}
