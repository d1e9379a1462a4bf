package api

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rdsx/rdsx/sim/world"
)

const stsVersion = "2011-06-15"

func stsService() *service {
	return &service{name: "sts", wire: queryWire{xmlns: "https://sts.amazonaws.com/doc/" + stsVersion + "/"}, operations: map[string]operation{
		"GetCallerIdentity": {"", getCallerIdentity}, // allowed to everybody, even by an explicit deny
		"AssumeRole":        {"", assumeRole},
		"GetSessionToken":   {"", getSessionToken},
	}}
}

type callerIdentity struct {
	Arn     string
	UserID  string `xml:"UserId"`
	Account string
}

func getCallerIdentity(c *call) (any, error) {
	const action = "sts:GetCallerIdentity"
	c.api.asked.add(Asked{c.id.ARN, action, c.request(action, "*", nil), false})
	return callerIdentity{c.id.ARN, c.id.UserID, c.id.Account}, nil
}

type stsCredentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      string
}

func (k *issued) answer() stsCredentials {
	return stsCredentials{k.access, k.secret, k.token, k.expires.UTC().Format("2006-01-02T15:04:05Z")}
}

func getSessionToken(c *call) (any, error) {
	if c.id.Temporary {
		return nil, &denial{"Cannot call GetSessionToken with session credentials"}
	}
	d, err := duration(c, 12*time.Hour, 15*time.Minute, 36*time.Hour)
	if err != nil {
		return nil, err
	}
	mfaAt, err := c.mfa()
	if err != nil {
		return nil, err
	}
	k := c.api.keys.issue(c.id.Principal, d, nil, mfaAt)
	return struct{ Credentials stsCredentials }{k.answer()}, nil
}

// duration reads DurationSeconds.
func duration(c *call, usual, least, most time.Duration) (time.Duration, error) {
	text := c.form.Get("DurationSeconds")
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, failf("MalformedInput", "DurationSeconds must be an integer")
	}
	switch d := time.Duration(n) * time.Second; {
	case d < least:
		return 0, stsInvalid("durationSeconds", text, "have value greater than or equal to "+strconv.Itoa(int(least.Seconds())))
	case d > most:
		return 0, stsInvalid("durationSeconds", text, "have value less than or equal to "+strconv.Itoa(int(most.Seconds())))
	default:
		return d, nil
	}
}

// stsInvalid is invalid under the name that STS has for it.
func stsInvalid(field, value, constraint string) *Error {
	e := invalid(field, value, constraint)
	e.Code = "ValidationError"
	return e
}

var (
	serialPattern = regexp.MustCompile(`^[\w+=/:,.@-]{9,256}$`)
	codePattern   = regexp.MustCompile(`^\d{6}$`)
)

// mfa checks SerialNumber and TokenCode and returns when the code was given: now, or the zero time when there is none, or
// the time of the MFA call that the caller's credentials come from.
func (c *call) mfa() (time.Time, error) {
	serial, code := c.form.Get("SerialNumber"), c.form.Get("TokenCode")
	if serial == "" && code == "" {
		return c.id.mfaAt, nil
	}
	if !serialPattern.MatchString(serial) {
		return time.Time{}, stsInvalid("serialNumber", serial, "satisfy regular expression pattern: [\\w+=/:,.@-]*")
	}
	if !codePattern.MatchString(code) {
		return time.Time{}, stsInvalid("tokenCode", code, "satisfy regular expression pattern: [\\d]*")
	}
	if c.id.User == "" || c.userOf().MFASerial != serial {
		return time.Time{}, &denial{"MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user."}
	}
	if !c.api.devices.accept(c.api.world, c.userOf(), code, c.api.now()) {
		return time.Time{}, &denial{"MultiFactorAuthentication failed with invalid MFA one time pass code. "}
	}
	return c.api.now(), nil
}

func (c *call) userOf() world.User {
	a, _ := c.api.world.Account(c.id.Account)
	for _, u := range a.Users {
		if u.Name == c.id.User {
			return u
		}
	}
	return world.User{}
}

// roleByARN finds a role by its ARN, path included.
func roleByARN(w *world.World, arn string) (world.Account, world.Role, bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return world.Account{}, world.Role{}, false
	}
	a, _ := w.Account(parts[4])
	for _, r := range a.Roles {
		if parts[5] == "role"+r.Path+r.Name {
			return a, r, true
		}
	}
	return world.Account{}, world.Role{}, false
}
