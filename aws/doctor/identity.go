package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/aws/engine"
)

// codeOf is the code of AWS's answer, "" when there was none.
func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func deniedCode(code string) bool {
	switch code {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError":
		return true
	}
	return false
}

// identity asks who the keys belong to: of a profile that assumes a role, those that it begins with.
func identity(ctx context.Context, x *exam) Result {
	who, err := x.identity(ctx)
	if x.LoadError == nil && x.Assumes != nil {
		if who, err = x.source(ctx); x.Assumes.SourceErr != nil {
			err = x.Assumes.SourceErr
		}
	}
	if err == nil {
		return ok("%s in account %s", who.ARN, who.ID)
	}
	explained := account.Explain(err)
	kind := aws.ErrSignIn
	for _, k := range []error{aws.ErrUsage, aws.ErrNotFound} {
		if errors.Is(explained, k) {
			kind = k
		}
	}
	fix := aws.Fix{Text: "sign in again, or name another profile with --profile", Command: "rdsx profiles check"}
	if next := aws.NextOf(explained); next != "" {
		fix = aws.Fix{Text: next}
		if isCommand(next) {
			fix.Command = next
		}
	}
	fix.Console = "IAM › Users › the user › Security credentials › Access keys"
	return failed(kind, explained.Error(), fix)
}

// isCommand says whether advice can be typed as it is.
func isCommand(s string) bool {
	first, _, _ := strings.Cut(s, " ")
	return (first == "aws" || first == "rdsx") && !strings.ContainsAny(s, ",;…")
}

// assumeRole assumes the role for real, and when that is refused looks for the policy that refuses.
func assumeRole(ctx context.Context, x *exam) Result {
	if x.Assumes == nil {
		return skipped("the profile assumes no role")
	}
	who, err := x.who(ctx)
	if err == nil {
		return ok("%s", who.ARN)
	}
	explained := account.Explain(err)
	text := explained.Error()
	if strings.Contains(text, "MaxSessionDuration") || strings.Contains(text, "role chaining") {
		edit := ProfileEdit{Name: x.Assumes.Profile, Set: map[string]string{"duration_seconds": "3600"}}
		return local(failed(aws.ErrSignIn, text), edit, "ask for an hour, which every role allows")
	}
	if !deniedCode(codeOf(err)) {
		return failed(aws.ErrSignIn, text, aws.Fix{Text: aws.NextOf(explained)})
	}
	return x.whyNotAssumed(ctx, text)
}

// whyNotAssumed reads both policies that must allow it, as far as they may be read.
func (x *exam) whyNotAssumed(ctx context.Context, text string) Result {
	source, _ := x.source(ctx)
	role := nameOfARN(x.Assumes.ARN)
	client := iam.NewFromConfig(x.Assumes.Source)
	out, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: &role})
	if codeOf(err) == "NoSuchEntity" {
		return failed(aws.ErrSignIn, "there is no role "+role+" in account "+accountOf(x.Assumes.ARN), aws.Fix{
			Text: "correct role_arn of the profile " + x.Assumes.Profile, Command: "rdsx profiles edit " + x.Assumes.Profile + " --role-arn ARN",
		})
	}
	if err == nil {
		trust, _ := url.QueryUnescape(sdk.ToString(out.Role.AssumeRolePolicyDocument))
		if r, found := x.whyNotTrusted(source, trust, text); found {
			return r
		}
	}
	return failed(aws.ErrSignIn, text, allowAssume(source.ARN, x.Assumes.ARN), trustFix(source, x.Assumes.ARN, ""))
}

// whyNotTrusted looks into the role's trust policy.
func (x *exam) whyNotTrusted(who aws.Account, document, text string) (Result, bool) {
	trust, err := parseTrust(document)
	if err != nil {
		return Result{}, false
	}
	statement, trusted := trust.lets(who.ARN, who.ID)
	if !trusted {
		return failed(aws.ErrSignIn, fmt.Sprintf("the trust policy of %s does not name %s", x.Assumes.ARN, who.ARN), trustFix(who, x.Assumes.ARN, document)), true
	}
	if id := statement.wants("sts:ExternalId"); id != "" && id != x.Assumes.ExternalID {
		edit := ProfileEdit{Name: x.Assumes.Profile, Set: map[string]string{"external_id": id}}
		return local(failed(aws.ErrSignIn, "the trust policy wants an external id that the profile does not give"), edit, "give the external id"), true
	}
	if statement.wants("aws:MultiFactorAuthPresent") == "true" && x.Assumes.MFASerial == "" {
		serial := "arn:" + x.partition() + ":iam::" + who.ID + ":mfa/" + nameOfARN(who.ARN)
		edit := ProfileEdit{Name: x.Assumes.Profile, Set: map[string]string{"mfa_serial": serial}}
		return local(failed(aws.ErrSignIn, "the trust policy wants an MFA code, and the profile names no device"), edit, "name the MFA device"), true
	}
	return failed(aws.ErrSignIn, text+"; its trust policy lets you in", allowAssume(who.ARN, x.Assumes.ARN)), true
}

// local adds an edit of the profile to a failure, as --fix makes it and as a command.
func local(r Result, edit ProfileEdit, text string) Result {
	args := []string{"rdsx", "profiles", "edit", edit.Name}
	for _, key := range [][2]string{{"external_id", "--external-id"}, {"mfa_serial", "--mfa-serial"}, {"duration_seconds", "--duration"}, {"region", "--region"}} {
		if v, ok := edit.Set[key[0]]; ok {
			args = append(args, key[1], v)
		}
	}
	r.Profile = &edit
	r.Fixes = []aws.Fix{{Text: text, Command: engine.Quote(args)}}
	return r
}

// allowAssume is the edit of whoever assumes the role.
func allowAssume(who, role string) aws.Fix {
	return putPolicy(who, "rdsx-assume-"+nameOfARN(role), policy(statement{Effect: "Allow", Action: "sts:AssumeRole", Resource: role}), "let "+who+" assume "+role)
}

// trustFix lets somebody assume the role. document is its trust policy, "" when that could not be read.
func trustFix(who aws.Account, role, document string) aws.Fix {
	add := statement{Effect: "Allow", Principal: map[string]string{"AWS": who.ARN}, Action: "sts:AssumeRole"}
	return addTrust(nameOfARN(role), "name "+who.ARN+" in the trust policy of "+role+", besides those that it names already", document, add)
}

// addTrust adds a statement to the trust policy that there is.
func addTrust(role, text, document string, add statement) aws.Fix {
	fix := aws.Fix{Text: text, Console: "IAM › Roles › " + role + " › Trust relationships › Edit trust policy"}
	var whole map[string]any
	if json.Unmarshal([]byte(document), &whole) != nil {
		fix.Text += ", with the statement " + policy(add)
		return fix
	}
	statements, many := whole["Statement"].([]any)
	if !many {
		statements = []any{whole["Statement"]}
	}
	whole["Statement"] = append(statements, add)
	merged, _ := json.Marshal(whole) // what JSON gave
	fix.Command = engine.Quote([]string{"aws", "iam", "update-assume-role-policy", "--role-name", role, "--policy-document", string(merged)})
	fix.Terraform = "resource \"aws_iam_role\" \"this\" {\n  name               = \"" + role + "\"\n  assume_role_policy = " + heredoc(string(merged)) + "\n}"
	return fix
}

// statement is one of a policy, in the order in which people write it.
type statement struct {
	Effect    string
	Principal any `json:",omitempty"`
	Action    any
	Resource  any `json:",omitempty"`
	Condition any `json:",omitempty"`
}

func policy(of ...statement) string {
	text, _ := json.Marshal(struct { // maps and strings always marshal
		Version   string
		Statement []statement
	}{"2012-10-17", of})
	return string(text)
}

func heredoc(text string) string { return "<<-EOF\n    " + text + "\n  EOF" }

// putPolicy is the edit that adds an inline policy to whoever who is: a user, a role, or a permission set of Identity Center.
func putPolicy(who, name, document, text string) aws.Fix {
	kind, holder := holderOf(who)
	fix := aws.Fix{Text: text, Console: "IAM › " + strings.ToUpper(kind[:1]) + kind[1:] + "s › " + holder + " › Add permissions › Create inline policy"}
	if set, found := strings.CutPrefix(holder, "AWSReservedSSO_"); found {
		set, _, _ = strings.Cut(set, "_")
		fix.Text += "; the permission set " + set + " needs the inline policy " + document
		fix.Console = "IAM Identity Center › Permission sets › " + set + " › Inline policy"
		return fix
	}
	fix.Command = engine.Quote([]string{"aws", "iam", "put-" + kind + "-policy", "--" + kind + "-name", holder, "--policy-name", name, "--policy-document", document})
	fix.Terraform = "resource \"aws_iam_" + kind + "_policy\" \"rdsx\" {\n  name   = \"" + name + "\"\n  " + kind + "   = \"" + holder + "\"\n  policy = " + heredoc(document) + "\n}"
	return fix
}

// holderOf is the user or role behind an ARN, that of a session of a role included.
func holderOf(arn string) (kind, name string) {
	resource := arn[strings.LastIndexByte(arn, ':')+1:]
	switch parts := strings.Split(resource, "/"); parts[0] {
	case "assumed-role":
		if len(parts) > 1 {
			return "role", parts[1]
		}
		return "role", resource
	case "role":
		return "role", parts[len(parts)-1]
	default:
		return "user", parts[len(parts)-1]
	}
}

func nameOfARN(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

func accountOf(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 4 {
		return parts[4]
	}
	return ""
}
