package account

import (
	"path/filepath"
	"runtime"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
)

// environ is a process environment as a map. An empty value counts as unset, as it does for the SDK.
type environ map[string]string

func newEnviron(list []string) environ {
	env := make(environ, len(list))
	for _, entry := range list {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || name == "" {
			continue
		}
		if runtime.GOOS == "windows" {
			name = strings.ToUpper(name)
		}
		env[name] = value
	}
	return env
}

// first is the value of the first of names that is set, and that name.
func (e environ) first(names ...string) (value, name string) {
	for _, name := range names {
		if v := e[name]; v != "" {
			return v, name
		}
	}
	return "", ""
}

func (e environ) isTrue(name string) bool { return strings.EqualFold(e[name], "true") }

func (e environ) home() string {
	home, _ := e.first("HOME", "USERPROFILE")
	return home
}

// configFile and credentialsFile are where the profiles are. Without a home folder in the environment the SDK's own idea
// of it is used.
func (e environ) configFile() string {
	if path, _ := e.first("AWS_CONFIG_FILE"); path != "" {
		return e.expand(path)
	}
	if home := e.home(); home != "" {
		return filepath.Join(home, ".aws", "config")
	}
	return config.DefaultSharedConfigFilename()
}

func (e environ) credentialsFile() string {
	if path, _ := e.first("AWS_SHARED_CREDENTIALS_FILE"); path != "" {
		return e.expand(path)
	}
	if home := e.home(); home != "" {
		return filepath.Join(home, ".aws", "credentials")
	}
	return config.DefaultSharedCredentialsFilename()
}

// expand resolves a leading ~/ as the aws CLI does; the Go SDK would look for a folder of that name.
func (e environ) expand(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && e.home() != "" {
		return filepath.Join(e.home(), rest)
	}
	return path
}

// sessionName is rdsx-<user>, in the letters that STS allows ([\w+=,.@-], 2 to 64 of them).
func (e environ) sessionName() string {
	user, _ := e.first("USER", "LOGNAME", "USERNAME")
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("_+=,.@-", r):
			return r
		}
		return '-'
	}, user)
	if clean == "" {
		return "rdsx"
	}
	name := "rdsx-" + clean
	return name[:min(len(name), 64)]
}
