package profiles

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
)

// fixtures are the files of testdata/aws-config, one or more for each trap of docs/aws.md §1.3.
func fixtures(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "aws-config", "*"))
	if err != nil || len(paths) < 20 {
		t.Fatalf("%d fixtures: %v", len(paths), err)
	}
	out := map[string][]byte{}
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(p)] = data
	}
	return out
}

// botocore is the AWS CLI's own reader, asked for many files at once.
const botocore = `
import base64, json, os, sys, tempfile
from botocore import configloader
for line in sys.stdin:
    with tempfile.NamedTemporaryFile(delete=False) as f:
        f.write(base64.b64decode(line))
    try:
        raw = configloader.raw_config_parse(f.name)
        built = configloader.build_profile_map(raw)
        print(json.dumps({"raw": raw, "profiles": built["profiles"], "sessions": built["sso_sessions"]}))
    except Exception as e:
        print(json.dumps({"error": str(e)[:300]}))
    os.unlink(f.name)
`

// oracle is botocore's answer: a key's value is a string, or a map for a nested block.
type oracle struct {
	Error    string
	Raw      map[string]map[string]any
	Profiles map[string]map[string]any
	Sessions map[string]map[string]any
}

func askBotocore(t *testing.T, files [][]byte) []oracle {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	if out, err := exec.CommandContext(t.Context(), python, "-c", "import botocore").CombinedOutput(); err != nil {
		t.Skipf("botocore is not installed: %s", out)
	}
	cmd := exec.CommandContext(t.Context(), python, "-c", botocore)
	var in, out, talk bytes.Buffer
	for _, data := range files {
		fmt.Fprintln(&in, base64.StdEncoding.EncodeToString(data))
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &talk
	cmd.Env = append(os.Environ(), "PYTHONUTF8=1")
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, talk.String())
	}
	var answers []oracle
	dec := json.NewDecoder(&out)
	for range files {
		var o oracle
		if err := dec.Decode(&o); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, o)
	}
	return answers
}

// asOracle is our CLI reader's answer in the same form.
func asOracle(data []byte) oracle {
	r := readCLI(data)
	if len(r.faults) > 0 {
		return oracle{Error: r.faults[0].text}
	}
	o := oracle{Raw: map[string]map[string]any{}, Profiles: map[string]map[string]any{}, Sessions: map[string]map[string]any{}}
	for _, s := range r.sections {
		if s.name == cliDefaults {
			continue
		}
		keys := map[string]any{}
		add := func(e *entry) {
			keys[e.key] = e.value
			if len(e.nested) > 0 {
				m := map[string]any{}
				for _, p := range e.nested {
					m[p.key] = p.value
				}
				keys[e.key] = m
			}
		}
		if d := r.find(cliDefaults); d != nil {
			for _, e := range d.keys {
				add(e)
			}
		}
		for _, e := range s.keys {
			add(e)
		}
		o.Raw[s.name] = keys
		switch kind, name := cliName(s.name, false); kind {
		case kindProfile:
			o.Profiles[name] = keys
		case kindSession:
			o.Sessions[name] = keys
		}
	}
	return o
}

// TestReadsAsBotocore holds the CLI reader to botocore itself, on every fixture and on generated files.
func TestReadsAsBotocore(t *testing.T) {
	var files [][]byte
	for _, data := range fixtures(t) {
		files = append(files, data)
	}
	for seed := range uint64(4000) {
		files = append(files, newGenerator(seed, seed%2 == 0).file())
	}
	readable := 0
	for i, want := range askBotocore(t, files) {
		got := asOracle(files[i])
		if (got.Error == "") != (want.Error == "") {
			t.Fatalf("%q:\n ours %q\n botocore %q", files[i], got.Error, want.Error)
		}
		if want.Error != "" {
			continue
		}
		readable++
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q:\n ours     %v\n botocore %v", files[i], got, want)
		}
	}
	if readable < 1500 {
		t.Errorf("only %d files were readable: the generator is wrong", readable)
	}
}

// TestReadsAsGoSDK holds the SDK reader to the SDK itself, through what it exposes of a profile.
func TestReadsAsGoSDK(t *testing.T) {
	dir := t.TempDir()
	check := func(data []byte) int {
		if loneQuote(data) >= 0 {
			return 0 // the SDK panics
		}
		path := filepath.Join(dir, "config")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		v := sdkView(readSDK(data), reading{})
		names := append(v.names(), "dev", "a b", `"a b"`, "default", "DEFAULT", "c d", "a]b", "fake")
		for _, name := range names {
			got, err := config.LoadSharedConfigProfile(t.Context(), name, func(o *config.LoadSharedConfigOptions) {
				o.ConfigFiles, o.CredentialsFiles = []string{path}, []string{}
			})
			m, ok := v.profiles[name]
			var missing config.SharedConfigProfileNotExistError
			if errors.As(err, &missing) == ok {
				t.Fatalf("%q: profile %q: we say %v, the SDK %v", data, name, ok, err)
			}
			if err != nil || !ok {
				continue
			}
			for key, value := range map[string]string{
				"region": got.Region, "mfa_serial": got.MFASerial, "external_id": got.ExternalID, "role_session_name": got.RoleSessionName,
				"ca_bundle": got.CustomCABundle, "endpoint_url": got.BaseEndpoint,
			} {
				if m.get(key) != value {
					t.Fatalf("%q: %s of %q: we read %q, the SDK %q", data, key, name, m.get(key), value)
				}
			}
		}
		return len(v.profiles)
	}
	seen := 0
	for _, data := range fixtures(t) {
		seen += check(data)
	}
	for seed := range uint64(1500) {
		seen += check(newGenerator(seed, false).file())
	}
	if seen < 2000 {
		t.Errorf("only %d profiles were compared", seen)
	}
}

// TestLoneQuoteCrashesTheSDK is why check has that rule: if the SDK is ever mended, the rule goes.
func TestLoneQuoteCrashesTheSDK(t *testing.T) {
	data := []byte("[default]\nregion = eu-west-1\nx = \"\n")
	if loneQuote(data) != 2 {
		t.Errorf("found on line %d", loneQuote(data))
	}
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "out of range") {
			t.Errorf("the SDK did not panic: %v", r)
		}
	}()
	_, _ = config.LoadSharedConfigProfile(t.Context(), "default", func(o *config.LoadSharedConfigOptions) {
		o.ConfigFiles, o.CredentialsFiles = []string{path}, []string{}
	})
}
