package account

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// TestCacheKeys holds the names of cache files to those that Python's json.dumps and hashlib.sha1 give, as the AWS CLI uses them.
func TestCacheKeys(t *testing.T) {
	t.Parallel()
	const start = "https://corp.awsapps.com/start"
	e := environ{"HOME": "/h", "USERPROFILE": "/h"}
	registered := func(p Portal) string {
		return strings.TrimSuffix(filepath.Base(e.registrationPath(p)), ".json")
	}
	for got, want := range map[string]string{
		cacheKey(roleArgs("arn:aws:iam::222222222222:role/ops", "", "", "", 0), false):                                                       "d3359c39f03e3875d13fa1d47470d2d10f23cafc",
		cacheKey(roleArgs("arn:aws:iam::222222222222:role/ops", "rdsx-ada", "a/b=c", "arn:aws:iam::111111111111:mfa/ada", 3600), false):      "fcf9772607c8f27f585d37ede831aff5aedd2a67",
		cacheKey(roleArgs("arn:aws:iam::222222222222:role/équipe \"x\" \\ \x7f 🔑", "", "", "", 0), false):                                    "c69a6f998877cacc712884f41cb39f095a9c4c21",
		cacheKey(ssoArgs("111111111111", "Reader", "corp", ""), true):                                                                        "6240de452d7f305e2a8d0395cbacd1844c518717",
		cacheKey(ssoArgs("111111111111", "Reader", "", start+"#/"), true):                                                                    "9e26f53d2c47dde52011af49a7f7d2965204606c",
		registered(Portal{Session: "corp", StartURL: start, Region: "eu-west-1", Scopes: []string{"sso:account:access", "codewhisperer:x"}}): "67f4b01ebbc6487934555112aedc13139108ec59",
		registered(Portal{StartURL: start, Region: "eu-west-1"}):                                                                             "3a62fc7fd3ab838419eccab5b58d0124a95b510d",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

const opsARN = "arn:aws:iam::222222222222:role/ops"

// cliEntry is an entry as CLI version 1 writes it.
func cliEntry(arn string, until time.Time) string {
	return `{"Credentials": {"AccessKeyId": "ASIACLI", "SecretAccessKey": "cli-secret", "SessionToken": "cli-token", "Expiration": "` +
		until.UTC().Format("2006-01-02T15:04:05") + `UTC", "AccountId": "222222222222"}, "AssumedRoleUser": {"AssumedRoleId": "AROA:s", "Arn": "` + arn +
		`"}, "ResponseMetadata": {"RequestId": "x", "HTTPStatusCode": 200, "RetryAttempts": 0}}`
}

// put writes a cache file below the home of env.
func put(t *testing.T, env []string, folder, name, text string) string {
	t.Helper()
	dir := filepath.Join(newEnviron(env).home(), ".aws", folder, "cache")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name+".json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCacheEntries says which entries of the AWS CLI's cache are good for a role. There is no STS to ask.
func TestCacheEntries(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, c := range map[string]struct {
		entry string
		good  bool
	}{
		"of the CLI":                  {cliEntry("arn:aws:sts::222222222222:assumed-role/ops/botocore-session-1", now.Add(time.Hour)), true},
		"good for 16 minutes":         {cliEntry("arn:aws:sts::222222222222:assumed-role/ops/x", now.Add(16*time.Minute)), true},
		"good for 14 minutes":         {cliEntry("arn:aws:sts::222222222222:assumed-role/ops/x", now.Add(14*time.Minute)), false},
		"expired":                     {cliEntry("arn:aws:sts::222222222222:assumed-role/ops/x", now.Add(-time.Hour)), false},
		"another role":                {cliEntry("arn:aws:sts::222222222222:assumed-role/admin/x", now.Add(time.Hour)), false},
		"another account":             {cliEntry("arn:aws:sts::333333333333:assumed-role/ops/x", now.Add(time.Hour)), false},
		"another partition":           {cliEntry("arn:aws-cn:sts::222222222222:assumed-role/ops/x", now.Add(time.Hour)), false},
		"of a simulator":              {strings.Replace(cliEntry("arn:aws:sts::222222222222:assumed-role/ops/x", now.Add(time.Hour)), `{"Credentials"`, `{"RdsxEndpoint": "http://127.0.0.1:1", "Credentials"`, 1), false},
		"half a file":                 {cliEntry("arn:aws:sts::222222222222:assumed-role/ops/x", now.Add(time.Hour))[:80], false},
		"without a token":             {strings.Replace(cliEntry("arn:aws:sts::222222222222:assumed-role/ops/x", now.Add(time.Hour)), `"cli-token"`, `""`, 1), false},
		"says nothing of whose it is": {`{"Credentials": {"AccessKeyId": "ASIACLI", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2099-01-01T00:00:00Z"}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := home(t, roleChain, baseKeys)
			put(t, env, "cli", cacheKey(roleArgs(opsARN, "", "", "", 0), false), c.entry)
			cfg, _, _, err := Load(t.Context(), Options{Profile: "ops", Env: env})
			if err != nil {
				t.Fatal(err)
			}
			if c.good {
				got, err := cfg.Credentials.Retrieve(t.Context())
				if err != nil || got.AccessKeyID != "ASIACLI" {
					t.Errorf("%s %v", got.AccessKeyID, err)
				}
				return
			}
			key := cacheKey(roleArgs(opsARN, "", "", "", 0), false)
			hit, _, ok := readCached(newEnviron(env).cacheDir(), key, time.Now())
			if ok && hit.Endpoint == "" && hit.isOf(opsARN, "") {
				t.Error("it would be used")
			}
		})
	}
}

// TestRoleIsShared writes an entry that the CLI can read, and uses it in the next process; at another endpoint it does not.
func TestRoleIsShared(t *testing.T) {
	t.Parallel()
	f, other := newFake(t, nil), newFake(t, nil)
	env := home(t, roleChain, baseKeys)
	use := func(profile, url string) string {
		t.Helper()
		cfg, _, _, err := Load(t.Context(), Options{Profile: profile, Env: env, EndpointURL: url})
		if err != nil {
			t.Fatal(err)
		}
		got, err := cfg.Credentials.Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return got.AccessKeyID
	}
	for range 3 {
		if id := use("ops", f.URL); id != "ASIAROLE" {
			t.Fatal(id)
		}
	}
	if got := f.seen(); !slices.Equal(got, []string{"AssumeRole AKIABASE"}) {
		t.Errorf("calls %v", got)
	}
	path := filepath.Join(newEnviron(env).cacheDir(), cacheKey(roleArgs(opsARN, "", "", "", 0), false)+".json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var entry map[string]map[string]string
	_ = json.Unmarshal(data, &entry) // the endpoint beside them is text
	if entry["Credentials"]["Expiration"] != "2099-01-01T00:00:00Z" || entry["AssumedRoleUser"]["AssumedRoleId"] != "AROA:s" || entry["Credentials"]["AccountId"] != "222222222222" {
		t.Errorf("entry %s", data)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("folder %v %v", info.Mode(), err)
	}
	use("ops", other.URL)
	if got := other.seen(); len(got) != 1 {
		t.Errorf("credentials of one endpoint went to another: %v", got)
	}
	use("short", f.URL)
	if files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(files) != 2 { // a session of 15 minutes is kept here: the fake gives until 2099
		t.Errorf("%d entries", len(files))
	}
}

// TestShortSessionsAreNotKept proves that nothing is written which the CLI would take for expired.
func TestShortSessionsAreNotKept(t *testing.T) {
	t.Parallel()
	soon := time.Now().Add(14 * time.Minute)
	f := newFake(t, func(c call) (int, string) {
		return 200, strings.ReplaceAll(success(c), "2099-01-01T00:00:00Z", soon.UTC().Format(time.RFC3339))
	})
	env := home(t, roleChain, baseKeys)
	cfg, _, _, err := Load(t.Context(), Options{Profile: "ops", Env: env, EndpointURL: f.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cfg.Credentials.Retrieve(t.Context()); err != nil {
		t.Fatal(err)
	}
	if files, _ := filepath.Glob(filepath.Join(newEnviron(env).cacheDir(), "*")); len(files) != 0 {
		t.Errorf("kept: %v", files)
	}
}

// TestACacheThatCannotBeWritten costs nothing but the cache.
func TestACacheThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	env := home(t, roleChain, baseKeys)
	if err := os.WriteFile(filepath.Join(newEnviron(env).home(), ".aws", "cli"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, _, err := Load(t.Context(), Options{Profile: "ops", Env: env, EndpointURL: f.URL})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := cfg.Credentials.Retrieve(t.Context()); err != nil || got.AccessKeyID != "ASIAROLE" {
		t.Errorf("%s %v", got.AccessKeyID, err)
	}
}

// FuzzCached reads anything as a cache file: no panic, and never credentials of another role.
func FuzzCached(f *testing.F) {
	f.Add(cliEntry("arn:aws:sts::222222222222:assumed-role/ops/x", time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)), opsARN)
	f.Add(`{"Credentials":null,"AssumedRoleUser":{}}`, "arn:::::")
	f.Add(`[]`, "")
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text, arn string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "k.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		hit, expires, ok := readCached(dir, "k", now)
		if ok && (expires.Sub(now) < leastLeft || hit.Credentials.SecretAccessKey == "") {
			t.Errorf("taken: %s", text)
		}
		if hit.isOf(arn, "") && !strings.Contains(text, "assumed-role") && !strings.Contains(text, `\u`) {
			t.Errorf("%s is of %q", text, arn)
		}
		_, _ = readToken(filepath.Join(dir, "k.json"), Portal{StartURL: arn})
		if p := parseScopes(text); slices.Contains(p, "") {
			t.Errorf("an empty scope in %q", p)
		}
	})
}

func ssoKeys(session string) map[string]string {
	return map[string]string{"sso_session": session, "sso_account_id": "333333333333", "sso_role_name": "Reader"}
}

// TestProfiles says how each profile stands, by files alone.
func TestProfiles(t *testing.T) {
	t.Parallel()
	env := home(t, "", "")
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) string { return formatTime(now.Add(d)) }
	put(t, env, "sso", sha1Name("fresh"), `{"startUrl":"https://f","accessToken":"t","expiresAt":"`+in(2*time.Hour)+`"}`)
	put(t, env, "sso", sha1Name("over"), `{"startUrl":"https://o","accessToken":"t","expiresAt":"`+in(-time.Hour)+`"}`)
	put(t, env, "sso", sha1Name("renew"), `{"startUrl":"https://r","accessToken":"t","expiresAt":"`+in(-time.Hour)+`","refreshToken":"r","clientId":"c","clientSecret":"s","registrationExpiresAt":"`+in(time.Hour)+`"}`)
	put(t, env, "sso", sha1Name("moved"), `{"startUrl":"https://elsewhere","accessToken":"t","expiresAt":"`+in(time.Hour)+`"}`)
	put(t, env, "cli", cacheKey(roleArgs(opsARN, "", "", "arn:aws:iam::1:mfa/a", 0), false), cliEntry("arn:aws:sts::222222222222:assumed-role/ops/x", now.Add(40*time.Minute)))
	put(t, env, "cli", sessionKey("AKIADEVICE", "arn:aws:iam::1:mfa/b"), cliEntry("", now.Add(30*time.Minute)))
	role := func(keys ...string) map[string]string {
		m := map[string]string{"role_arn": opsARN, "source_profile": "keys"}
		for i := 0; i < len(keys); i += 2 {
			m[keys[i]] = keys[i+1]
		}
		return m
	}
	profiles := map[string]map[string]string{
		"keys": {"aws_access_key_id": "AKIA", "region": "eu-west-1"}, "device": {"aws_access_key_id": "AKIADEVICE"}, "none": {"region": "eu-west-1"},
		"cached": role("mfa_serial", "arn:aws:iam::1:mfa/a"), "asks": role("mfa_serial", "arn:aws:iam::1:mfa/c", "rdsx_managed", "1"),
		"device-role": role("mfa_serial", "arn:aws:iam::1:mfa/b", "source_profile", "device"), "plain-role": role(),
		"fresh": ssoKeys("fresh"), "over": ssoKeys("over"), "renew": ssoKeys("renew"), "moved": ssoKeys("moved"), "never": ssoKeys("never"),
		"over-role": role("source_profile", "over"), "circle": role("source_profile", "circle2"), "circle2": role("source_profile", "circle"),
		"orphan": role("source_profile", "gone"), "login": {"login_session": "arn:aws:iam::1:user/x"}, "process": {"credential_process": "x"},
		"machine": {"role_arn": opsARN, "credential_source": "Ec2InstanceMetadata"}, "web": {"role_arn": opsARN, "web_identity_token_file": "f"},
	}
	sessions := map[string]map[string]string{
		"fresh": {"sso_start_url": "https://f"}, "over": {"sso_start_url": "https://o"}, "renew": {"sso_start_url": "https://r"}, "moved": {"sso_start_url": "https://m"},
	}
	want := map[string]string{
		"keys": "keys unknown keys>keys", "device": "keys unknown device>keys", "none": "none unknown none",
		"cached": "role signed in 40m0s cached>keys>keys", "asks": "role needs MFA asks>keys>keys", "device-role": "role signed in 30m0s device-role>device>keys",
		"plain-role": "role unknown plain-role>keys>keys", "fresh": "sso signed in 2h0m0s fresh>sso fresh", "over": "sso expired -1h0m0s over>sso over",
		"renew": "sso signed in renew>sso renew", "moved": "sso signed out moved>sso moved", "never": "sso signed out never>sso never",
		"over-role": "role expired -1h0m0s over-role>over>sso over", "circle": "role unknown circle>circle2 !", "circle2": "role unknown circle2>circle !",
		"orphan": "role unknown orphan>gone !", "login": "login signed out login>login", "process": "process unknown process>process",
		"machine": "role unknown machine>Ec2InstanceMetadata", "web": "web-identity unknown web>web-identity",
	}
	list := Profiles(env, now, profiles, sessions)
	if !slices.IsSortedFunc(list, func(a, b aws.Profile) int { return strings.Compare(a.Name, b.Name) }) || len(list) != len(want) {
		t.Errorf("%d profiles, or not in order", len(list))
	}
	for _, p := range list {
		got := string(p.Kind) + " " + string(p.SignIn.State)
		if !p.SignIn.Expires.IsZero() {
			got += " " + p.SignIn.Expires.Sub(now).String()
		}
		got += " " + strings.Join(p.Chain, ">")
		if p.Problem != "" {
			got += " !"
		}
		if got != want[p.Name] {
			t.Errorf("%s: %q, want %q", p.Name, got, want[p.Name])
		}
		if p.Managed != (p.Name == "asks") {
			t.Errorf("%s: managed %v", p.Name, p.Managed)
		}
	}
}

// TestFindPortal goes from names to portals.
func TestFindPortal(t *testing.T) {
	t.Parallel()
	profiles := map[string]map[string]string{
		"dev": {"sso_session": "corp", "sso_account_id": "1"}, "over": {"role_arn": "r", "source_profile": "dev"}, "old": {"sso_start_url": "https://o", "sso_region": "eu-west-1"},
		"keys": {"aws_access_key_id": "A"}, "both": {"aws_access_key_id": "A"}, "login": {"login_session": "x"}, "lost": {"role_arn": "r"},
		"half": {"sso_session": "half"},
	}
	sessions := map[string]map[string]string{
		"corp": {"sso_start_url": "https://c", "sso_region": "eu-west-1", "sso_registration_scopes": "a:b, c:d ,"},
		"both": {"sso_start_url": "https://b", "sso_region": "eu-west-1"}, "half": {"sso_region": "eu-west-1"},
	}
	for name, want := range map[string]string{
		"dev": "https://c corp [a:b c:d]", "over": "https://c corp [a:b c:d]", "corp": "https://c corp [a:b c:d]", "old": "https://o  []", "both": "https://b both []",
		"keys": "usage rdsx profiles whoami keys", "login": "usage aws login --profile login", "lost": "usage rdsx profiles check", "half": "usage rdsx profiles check",
		"nobody": "not found rdsx profiles ls",
	} {
		p, err := FindPortal(name, profiles, sessions)
		got := p.StartURL + " " + p.Session + " [" + strings.Join(p.Scopes, " ") + "]"
		if err != nil {
			got = kindName(err) + " " + nextOf(err)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
