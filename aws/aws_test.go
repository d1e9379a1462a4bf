package aws

import (
	"errors"
	"fmt"
	"testing"
)

func TestEndpointString(t *testing.T) {
	for want, e := range map[string]Endpoint{
		"db.example:5432": {Host: "db.example", Port: 5432},
		"[fd00::1]:3306":  {Host: "fd00::1", Port: 3306},
	} {
		if got := e.String(); got != want {
			t.Errorf("%+v: got %q, want %q", e, got, want)
		}
	}
}

func TestAvailable(t *testing.T) {
	at := Endpoint{Host: "h", Port: 5432}
	for status, want := range map[string]bool{"available": true, "backing-up": true, "modifying": true, "stopped": false, "creating": false, "": false} {
		if got := (Database{Status: status, Endpoint: at}).Available(); got != want {
			t.Errorf("status %q: available = %v, want %v", status, got, want)
		}
	}
	if (Database{Status: "available"}).Available() {
		t.Error("a database without an endpoint is called available")
	}
}

func TestTargetName(t *testing.T) {
	free := Target{Endpoint: Endpoint{Host: "h", Port: 1}}
	if got := free.Name(); got != "h:1" {
		t.Errorf("free target is called %q", got)
	}
	free.Database = &Database{ID: "orders"}
	if got := free.Name(); got != "orders" {
		t.Errorf("database target is called %q", got)
	}
}

func TestAdvise(t *testing.T) {
	cause := errors.New("expired")
	err := fmt.Errorf("list databases: %w", Advise(cause, ErrSignIn, "aws sso login"))
	if !errors.Is(err, ErrSignIn) || !errors.Is(err, cause) {
		t.Errorf("%v lost its kind or its cause", err)
	}
	if got := NextOf(err); got != "aws sso login" {
		t.Errorf("advice = %q", got)
	}
	if Advise(nil, ErrSignIn, "x") != nil {
		t.Error("advice on no error is an error")
	}
	if got := NextOf(cause); got != "" {
		t.Errorf("advice out of nothing: %q", got)
	}
}

// TestTyped: a command of another profile's account says so, and one that names its own account's profile is left alone.
func TestTyped(t *testing.T) {
	prod, other := "111111111111", "222222222222"
	edit := func(of, command string) Layer { return Layer{Answer: No, Fix: &Fix{Account: of, Command: command}} }
	for _, c := range []struct{ profile, of, command, want string }{
		{"acme", "", "aws ec2 x --region r", "aws ec2 x --region r --profile acme"},
		{"acme", prod, "aws ec2 x", "aws ec2 x --profile acme"},
		{"acme", other, "aws ec2 x", "aws ec2 x"},
		{"my own", "", "rdsx doctor orders", "rdsx doctor orders --profile 'my own'"},
		{"default", "", "aws ec2 x", "aws ec2 x"},
		{"", "", "aws ec2 x", "aws ec2 x"},
		{"acme", "", "aws ec2 x --profile b", "aws ec2 x --profile b"},
		{"acme", "", "", ""},
	} {
		v := Verdict{Answer: No, Layers: []Layer{edit(c.of, c.command)}}
		if got := v.For(Account{ID: prod, Profile: c.profile}).Fix().Command; got != c.want {
			t.Errorf("%q as %q: %q, want %q", c.command, c.profile, got, c.want)
		}
		if v.Fix().Command != c.command {
			t.Errorf("the verdict itself now says %q", v.Fix().Command)
		}
	}
}
