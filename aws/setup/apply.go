package setup

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"github.com/rdsx/rdsx/aws"
)

// Stack applies a template through a change set: nothing is made before Execute.
type Stack struct {
	Name  string
	Every time.Duration // between two looks; 2 s when 0

	client *cloudformation.Client
	set    string // ARN of the change set
	isNew  bool   // the stack exists for the change set alone
}

// Change is one line of a change set.
type Change struct {
	Action  string // Add, Modify, Remove
	Kind    string // AWS::IAM::Role
	ID      string // logical
	Replace bool
}

var stackPattern = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9-]{0,127}$`)

// setName is what a change set is called, as a layout of time: it tells those of rdsx from somebody else's.
const setName = "rdsx-20060102-150405"

// Prepare creates the change set and waits until CloudFormation has worked it out. No changes and no error: the stack is as
// the template says. A stack that waits for somebody else's change set is refused. The caller ends with Execute or Discard.
func (s *Stack) Prepare(ctx context.Context, cfg sdk.Config, template string) ([]Change, error) {
	if !stackPattern.MatchString(s.Name) {
		return nil, usage(fmt.Sprintf("--stack %q: a letter, then letters, digits and hyphens", s.Name))
	}
	s.client = cloudformation.NewFromConfig(cfg)
	kind := types.ChangeSetTypeUpdate
	stack, err := s.describe(ctx)
	switch {
	case isMissing(err):
		kind, s.isNew = types.ChangeSetTypeCreate, true
	case err != nil:
		return nil, fmt.Errorf("read the stack %s: %w", s.Name, err)
	case stack.StackStatus == types.StackStatusReviewInProgress:
		if err := s.ours(ctx); err != nil {
			return nil, err
		}
		kind, s.isNew = types.ChangeSetTypeCreate, true
	case neverMade(stack.StackStatus):
		return nil, s.failure(stack.StackStatus, "nothing of it was made, and it takes no change")
	}
	out, err := s.client.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{
		StackName: &s.Name, ChangeSetName: sdk.String(time.Now().UTC().Format(setName)), ChangeSetType: kind,
		TemplateBody: &template, Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
		Tags: []types.Tag{{Key: sdk.String("rdsx:setup"), Value: &s.Name}},
	})
	if err != nil {
		return nil, fmt.Errorf("create a change set for the stack %s: %w", s.Name, err)
	}
	s.set = sdk.ToString(out.Id)
	return s.changes(ctx)
}

// ours is nil when the stack, which was never made, holds change sets of rdsx alone: what else there is would go with it.
func (s *Stack) ours(ctx context.Context) error {
	pages := cloudformation.NewListChangeSetsPaginator(s.client, &cloudformation.ListChangeSetsInput{StackName: &s.Name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list the change sets of the stack %s: %w", s.Name, err)
		}
		for _, set := range page.Summaries {
			name := sdk.ToString(set.ChangeSetName)
			if _, err := time.Parse(setName, name); err != nil {
				return aws.Advise(fmt.Errorf("the stack %s was not made yet and waits for the change set %s, which is not of rdsx: it is left alone", s.Name, name), aws.ErrUsage,
					"name another stack with --stack, or look at it: aws cloudformation describe-change-set --stack-name "+s.Name+" --change-set-name "+name+" --region "+s.client.Options().Region)
			}
		}
	}
	return nil
}

// changes waits for the change set and reads it.
func (s *Stack) changes(ctx context.Context) ([]Change, error) {
	var all []Change
	for token := (*string)(nil); ; {
		out, err := s.client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: &s.set, StackName: &s.Name, NextToken: token})
		if err != nil {
			return nil, fmt.Errorf("read the change set of %s: %w", s.Name, err)
		}
		switch out.Status {
		case types.ChangeSetStatusCreatePending, types.ChangeSetStatusCreateInProgress:
			if err := s.wait(ctx); err != nil {
				return nil, err
			}
			continue
		case types.ChangeSetStatusFailed:
			reason := sdk.ToString(out.StatusReason)
			if strings.Contains(reason, "didn't contain changes") || strings.Contains(reason, "No updates are to be performed") {
				return nil, s.Discard(ctx)
			}
			return nil, fmt.Errorf("the change set of %s failed: %s", s.Name, reason)
		}
		for _, c := range out.Changes {
			if r := c.ResourceChange; r != nil {
				all = append(all, Change{string(r.Action), sdk.ToString(r.ResourceType), sdk.ToString(r.LogicalResourceId), r.Replacement == types.ReplacementTrue})
			}
		}
		if token = out.NextToken; sdk.ToString(token) == "" {
			return all, nil
		}
	}
}

// Execute applies the change set and waits for its end. On failure CloudFormation takes back what it did; the error holds its
// first reason.
func (s *Stack) Execute(ctx context.Context) error {
	if _, err := s.client.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: &s.set, StackName: &s.Name}); err != nil {
		return fmt.Errorf("execute the change set of %s: %w", s.Name, err)
	}
	for {
		stack, err := s.describe(ctx)
		if err != nil {
			return fmt.Errorf("read the stack %s: %w", s.Name, err)
		}
		switch status := string(stack.StackStatus); {
		case status == "CREATE_COMPLETE" || status == "UPDATE_COMPLETE" || status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
			return nil
		case strings.HasSuffix(status, "_IN_PROGRESS") && !strings.Contains(status, "ROLLBACK"):
			if err := s.wait(ctx); err != nil {
				return err
			}
		default:
			return s.failure(stack.StackStatus, s.reason(ctx))
		}
	}
}

// neverMade says whether a stack has failed as it was created: it holds nothing and has to be deleted before the next try.
func neverMade(s types.StackStatus) bool {
	return s == types.StackStatusRollbackComplete || s == types.StackStatusRollbackFailed || s == types.StackStatusCreateFailed
}

// failure says what became of the stack. One that failed as it was changed still holds the set-up before: it is looked at, not
// deleted.
func (s *Stack) failure(status types.StackStatus, reason string) error {
	command := "describe-stack-events"
	if neverMade(status) {
		command = "delete-stack"
	}
	return aws.Advise(fmt.Errorf("the stack %s is %s: %s", s.Name, status, reason), nil,
		"aws cloudformation "+command+" --stack-name "+s.Name+" --region "+s.client.Options().Region)
}

// Discard takes the change set away, and the empty stack that was made for it.
func (s *Stack) Discard(ctx context.Context) error {
	if s.set == "" {
		return nil
	}
	_, err := s.client.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: &s.set, StackName: &s.Name})
	if s.isNew && s.ours(ctx) == nil { // else somebody has proposed a change of their own in the meantime
		_, gone := s.client.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &s.Name})
		err = errors.Join(err, gone)
	}
	if err != nil {
		return fmt.Errorf("take the change set of %s away: %w", s.Name, err)
	}
	return nil
}

// reason is why the first resource failed.
func (s *Stack) reason(ctx context.Context) string {
	out, err := s.client.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &s.Name})
	if err != nil {
		return "its events could not be read: " + err.Error()
	}
	slices.Reverse(out.StackEvents) // newest first
	for _, e := range out.StackEvents {
		if strings.HasSuffix(string(e.ResourceStatus), "_FAILED") {
			return sdk.ToString(e.LogicalResourceId) + ": " + sdk.ToString(e.ResourceStatusReason)
		}
	}
	return "its events name no failure"
}

func (s *Stack) describe(ctx context.Context) (types.Stack, error) {
	out, err := s.client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &s.Name})
	if err != nil {
		return types.Stack{}, err
	}
	if len(out.Stacks) == 0 {
		return types.Stack{}, fmt.Errorf("no stack %s", s.Name)
	}
	return out.Stacks[0], nil
}

// isMissing knows the ValidationError with which CloudFormation says that it has no such stack.
func isMissing(err error) bool {
	var e smithy.APIError
	return errors.As(err, &e) && e.ErrorCode() == "ValidationError" && strings.Contains(e.ErrorMessage(), "does not exist")
}

func (s *Stack) wait(ctx context.Context) error {
	every := s.Every
	if every <= 0 {
		every = 2 * time.Second
	}
	t := time.NewTimer(every)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
