package tui

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/golden"
	"github.com/rdsx/rdsx/tui/roles"
)

// ssoProfiles is a config file whose profiles all sign in to one portal.
func ssoProfiles(names ...string) *fakeProfiles {
	f := &fakeProfiles{}
	for _, name := range names {
		f.rows = append(f.rows, roles.Row{Profile: aws.Profile{
			Name: name, Kind: aws.ProfileSSO, Account: "123456789012", Chain: []string{name, "sso corp"}, Session: "corp", SignIn: aws.SignIn{State: aws.SignInExpired},
		}})
	}
	return f
}

// waiting is a dashboard with a tunnel that has a connection and waits for a sign-in.
func waiting(t *testing.T, f *fakeProfiles) (*driver, *fakeTunnel) {
	t.Helper()
	w := newWorld()
	w.profiles = f
	d := opening(t, w)
	w.tunnels[0].busy()
	w.tunnels[0].waits()
	d.read()
	return d, w.tunnels[0]
}

const offered = "sign in to prod-admin?"

// TestTunnelOffersItsSignIn: the sign-in that a tunnel waits for is offered by itself, Enter begins it, the tunnel stays, and it
// tries again as soon as the terminal is back.
func TestTunnelOffersItsSignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := ssoProfiles("prod-admin")
		d, tunnel := waiting(t, f)
		d.sees(offered)
		d.sees("orders-prod  1 connection")
		d.keys("enter")
		d.seesNot(offered)
		if len(d.asked) != 1 || len(d.other) == 0 || !slices.Equal(f.signIns, []string{"prod-admin"}) {
			t.Fatalf("nothing signs in: %v", f.signIns)
		}
		if tunnel.retried != 0 || d.w.open() != 1 {
			t.Fatalf("before the sign-in is over: %d retries, %d tunnels", tunnel.retried, d.w.open())
		}
		d.send(answered{d.asked[0].signIn})
		if tunnel.retried != 1 {
			t.Error("the tunnel sits out its delay after the sign-in")
		}
		d.read()
		d.seesNot(offered)
		tunnel.goesOn()
		d.read()
		d.sees("● open")
		tunnel.waits() // hours later
		d.read()
		d.sees(offered)
	})
}

// TestSignInForASession: the same where the session is over and a connection wanted another.
func TestSignInForASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		f := ssoProfiles("prod-admin")
		w.profiles = f
		d := opening(t, w)
		tunnel := w.tunnels[0]
		tunnel.needs()
		d.read()
		d.sees(offered)
		d.sees("before it starts a session")
		d.sees("orders-prod  0 connections")
		d.keys("esc")
		d.read()
		d.seesNot(offered)
		d.keys("s")
		if len(d.asked) != 1 || !slices.Equal(f.signIns, []string{"prod-admin"}) {
			t.Fatalf("s signs in to %v", f.signIns)
		}
		d.send(answered{d.asked[0].signIn})
		if tunnel.retried != 1 {
			t.Error("the tunnel is not told")
		}
		tunnel.set(func(t *aws.Tunnel) { t.State, t.Reason, t.SignIn = aws.StateIdle, "", false })
		d.read()
		tunnel.needs()
		d.read()
		d.sees(offered)
	})
}

// TestOfferIsPutOff: Esc is an answer until the tunnel has gone on, also where attempts fail for other reasons in between; the
// dashboard still has the sign-in at a key.
func TestOfferIsPutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := ssoProfiles("prod-admin")
		d, tunnel := waiting(t, f)
		d.keys("esc")
		d.sees("put off: s on the dashboard signs in")
		for range 3 {
			tunnel.set(func(t *aws.Tunnel) { t.Sessions[0].SignIn, t.Sessions[0].Attempt = false, t.Sessions[0].Attempt+1 })
			d.read()
			tunnel.waits()
			d.read()
			d.seesNot(offered)
		}
		if len(f.signIns) != 0 || d.w.open() != 1 {
			t.Fatalf("after a no: signed in to %v, %d tunnels", f.signIns, d.w.open())
		}
		d.m.toast = chrome.Toast{}
		d.sees("s sign in")
		d.keys("s")
		if len(d.asked) != 1 || !d.asked[0].signIn || !slices.Equal(f.signIns, []string{"prod-admin"}) {
			t.Errorf("s signs in to %v", f.signIns)
		}
		tunnel.goesOn()
		d.read()
		d.seesNot("s sign in")
		d.keys("s")
		d.sees("orders-prod waits for no sign-in")
	})
}

// TestOneOfferForAPortal: one sign-in is for all profiles of a portal, so one question is.
func TestOneOfferForAPortal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.profiles = ssoProfiles("prod-admin", "dev")
		d := opening(t, w)
		d.keys("n ctrl+u =billing enter enter")
		d.read()
		w.tunnels[1].set(func(t *aws.Tunnel) { t.Target.Account.Profile = "dev" })
		for _, tunnel := range w.tunnels {
			tunnel.busy()
			tunnel.waits()
		}
		d.read()
		d.sees(offered)
		d.sees("orders-prod  1 connection")
		d.sees("billing-prod  1 connection")
		d.keys("esc")
		d.read()
		d.seesNot("sign in to")
	})
}

// TestOfferKeepsItsPlace: it waits while another dialog asks something, goes when somebody has signed in elsewhere, and takes no
// Enter of somebody who is still typing.
func TestOfferKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		f := ssoProfiles("prod-admin")
		w.profiles = f
		d := opening(t, w)
		w.tunnels[0].busy()
		d.read()
		d.keys("n enter")
		w.tunnels[0].waits()
		d.read()
		d.sees("local port for orders-prod")
		d.seesNot(offered)
		d.keys("esc")
		d.read()
		d.sees(offered)
		d.keys("ctrl+c")
		d.sees("close everything and leave?")
		d.keys("esc")
		d.sees(offered)
		next, gate := d.m.Update(golden.Press("x"))
		d.m = next.(Model)
		d.send(golden.Press("enter"))
		if len(f.signIns) != 0 {
			t.Error("an Enter in the middle of typing began a sign-in")
		}
		d.run(gate)
		d.sees(offered)
		w.tunnels[0].goesOn()
		d.read()
		d.seesNot(offered)
	})
}

// TestNothingToOffer: where signing in to a portal is of no use nothing is offered: the code of an MFA device is asked for anyway,
// and keys are nobody's to sign in to.
func TestNothingToOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, p := range []aws.Profile{
			{Name: "prod-admin", Kind: aws.ProfileRole, Chain: []string{"prod-admin", "me", "keys"}, MFA: "arn:aws:iam::1:mfa/me"},
			{Name: "prod-admin", Kind: aws.ProfileKeys, Chain: []string{"prod-admin", "keys"}},
			{Name: "prod-admin", Kind: aws.ProfileSSO, Chain: []string{"prod-admin", "sso corp"}, Session: "corp", Problem: "no sso_region"},
			{Name: "another", Kind: aws.ProfileSSO, Chain: []string{"another", "sso corp"}, Session: "corp"},
		} {
			d, _ := waiting(t, &fakeProfiles{rows: []roles.Row{{Profile: p}}})
			d.read()
			d.seesNot("sign in to")
		}
		d, _ := waiting(t, &fakeProfiles{rows: []roles.Row{{Profile: aws.Profile{
			Name: "prod-admin", Kind: aws.ProfileRole, Chain: []string{"prod-admin", "console", "login"},
		}}}})
		d.sees(offered)
	})
}
