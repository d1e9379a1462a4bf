package account

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
)

// leastLeft is how much life cached credentials must have left: the AWS CLI takes less for expired, so that less is never
// written either (docs/aws.md §2).
const leastLeft = 15 * time.Minute

// cached is a file of the AWS CLI's cache.
type cached struct {
	Credentials struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
		Expiration      string
		AccountID       string `json:"AccountId,omitempty"`
	}
	AssumedRoleUser *assumedUser `json:",omitempty"`
	ProviderType    string       `json:",omitempty"` // sso
	// Endpoint is ours: where the credentials come from when that is not AWS, so that those of a simulator are never taken for
	// real ones, nor sent anywhere else.
	Endpoint string `json:"RdsxEndpoint,omitempty"`
}

type assumedUser struct {
	AssumedRoleID string `json:"AssumedRoleId"`
	Arn           string
}

// cacheDir is where the AWS CLI keeps role credentials; its place follows the home folder alone (docs/aws.md §1.1).
func (e environ) cacheDir() string { return e.awsDir("cli", "cache") }

// ssoDir is where all tools keep SSO tokens.
func (e environ) ssoDir() string { return e.awsDir("sso", "cache") }

// awsDir is a folder below ~/.aws as Python finds it, or "" without a home folder.
func (e environ) awsDir(names ...string) string {
	home := e.home()
	if runtime.GOOS == "windows" { // where Python looks at USERPROFILE first
		home, _ = e.first("USERPROFILE", "HOME")
	}
	if home == "" {
		return ""
	}
	return filepath.Join(append([]string{home, ".aws"}, names...)...)
}

// readCached reads an entry that is good for at least leastLeft after now.
func readCached(dir, key string, now time.Time) (cached, time.Time, bool) {
	var c cached
	if dir == "" || !readJSON(filepath.Join(dir, key+".json"), &c) {
		return cached{}, time.Time{}, false
	}
	expires, err := parseTime(c.Credentials.Expiration)
	good := err == nil && expires.Sub(now) >= leastLeft &&
		c.Credentials.AccessKeyID != "" && c.Credentials.SecretAccessKey != "" && c.Credentials.SessionToken != ""
	return c, expires, good
}

// isOf says whether c is what AssumeRole of arn gave. The CLI's key holds neither the identity that assumed nor, mostly, a
// session name, so that the answer's own ARN is looked at.
func (c cached) isOf(arn, session string) bool {
	if c.AssumedRoleUser == nil {
		return false
	}
	want := strings.SplitN(arn, ":", 6)                   // arn:PARTITION:iam::ACCOUNT:role/PATH/NAME
	have := strings.SplitN(c.AssumedRoleUser.Arn, ":", 6) // arn:PARTITION:sts::ACCOUNT:assumed-role/NAME/SESSION
	if len(want) != 6 || len(have) != 6 || want[1] != have[1] || want[4] != have[4] {
		return false
	}
	parts := strings.Split(have[5], "/")
	return len(parts) == 3 && parts[0] == "assumed-role" && parts[1] == roleName(arn) && (session == "" || parts[2] == session)
}

// roleName is the last part of a role's ARN.
func roleName(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

func (c cached) keys(expires time.Time, source string) sdk.Credentials {
	return sdk.Credentials{
		AccessKeyID: c.Credentials.AccessKeyID, SecretAccessKey: c.Credentials.SecretAccessKey, SessionToken: c.Credentials.SessionToken,
		AccountID: c.Credentials.AccountID, CanExpire: true, Expires: expires, Source: source,
	}
}

// writeCached writes an entry if it lasts long enough to be of use to anybody.
func writeCached(dir, key string, c cached, expires, now time.Time) error {
	if dir == "" || expires.Sub(now) < leastLeft {
		return nil
	}
	c.Credentials.Expiration = formatTime(expires)
	return writeJSON(filepath.Join(dir, key+".json"), c)
}

// formatTime is how the AWS CLI writes times in its caches.
func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// parseTime reads the formats that CLI and SDKs have written over the years.
func parseTime(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	return time.Parse("2006-01-02T15:04:05UTC", text)
}

// maxCache bounds what is read of a cache file; real ones have 4 KB.
const maxCache = 1 << 20

// readJSON reads a cache file; one that is missing or makes no sense is none.
func readJSON(path string, into any) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxCache {
		return false
	}
	data, err := os.ReadFile(path)
	return err == nil && json.Unmarshal(data, into) == nil
}

// writeJSON puts a file of mode 0600 in place as a whole, in a folder of mode 0700 if it is new.
func writeJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of the sign-in cache: %w", err)
	}
	f, err := os.CreateTemp(dir, "rdsx-*.tmp") // 0600
	if err != nil {
		return fmt.Errorf("write to the sign-in cache: %w", err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write to the sign-in cache: %w", err), os.Remove(f.Name()))
	}
	return nil
}
