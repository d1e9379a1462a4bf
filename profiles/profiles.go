// Package profiles reads, checks and edits ~/.aws/config without ever rewriting it.
//
// A change is planned on the bytes of the file: a Plan holds the spans that change, and everything else stays as it is. A plan
// is shown as a diff, written by Commit (lock, compare, backup, temporary file, rename), and taken back by PlanUndo. Before
// anything is written, three readers (the AWS CLI's rules, the Go SDK's rules, gopkg.in/ini.v1) must agree that the profile is as
// meant and that every other section reads as before.
//
// What rdsx writes is marked by a key in the section, rdsx_managed = 1. It never writes keys or tokens.
package profiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// ManagedKey marks a section as written by rdsx. Every reader ignores it (docs/aws.md §1.1).
const ManagedKey = "rdsx_managed"

// maxFile bounds what is read. The largest real file known is 0.2 MB.
const maxFile = 16 << 20

// Files says where things are. The caller has resolved AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE.
type Files struct {
	Config      string // the file that is read and edited; it need not exist
	Credentials string // only ever read, for what profiles lead to; "" for none
	// Spare is a folder for the lock and the backup when Config's own folder is read-only; "" for none, and then such a file
	// is not edited.
	Spare string
}

// File is both files as they were when they were opened.
type File struct {
	files       Files
	target      string // Config with its symbolic links resolved
	data        []byte
	exists      bool
	credentials []byte
	wide        [2]bool // config, credentials: readable by others than the owner
	seam        seam
}

// Open reads the files. A file that does not exist is empty. If a write in place was killed half-way, Open finishes it first
// and so may wait for the lock until ctx ends.
func Open(ctx context.Context, files Files) (*File, error) {
	return open(ctx, files, seam{})
}

func open(ctx context.Context, files Files, s seam) (*File, error) {
	target, err := resolveLinks(files.Config)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", files.Config, err)
	}
	f := &File{files: files, target: target, seam: s}
	if err := f.recover(ctx); err != nil {
		return nil, err
	}
	f.data, f.exists, f.wide[0], err = readFile(target)
	if err != nil {
		return nil, err
	}
	if files.Credentials != "" {
		f.credentials, _, f.wide[1], err = readFile(files.Credentials)
		if errors.Is(err, fs.ErrPermission) {
			return f, nil // both readers take an unreadable credentials file for an empty one
		}
	}
	return f, err
}

// readFile reads a regular file. The null device, which people name in AWS_CONFIG_FILE to have none, is empty.
func readFile(path string) (data []byte, exists, wide bool, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, false, nil
	}
	switch {
	case err != nil:
		return nil, false, false, fmt.Errorf("read %s: %w", path, err)
	case info.Mode()&fs.ModeCharDevice != 0 || path == os.DevNull:
		return nil, true, false, nil
	case !info.Mode().IsRegular():
		return nil, false, false, fmt.Errorf("read %s: it is not a regular file", path)
	case info.Size() > maxFile:
		return nil, false, false, fmt.Errorf("read %s: %d bytes are too many for an AWS config file", path, info.Size())
	}
	data, err = os.ReadFile(path)
	if err != nil {
		return nil, false, false, fmt.Errorf("read %s: %w", path, err)
	}
	return data, true, othersCanRead(info), nil
}

// Path is the config file, with symbolic links resolved.
func (f *File) Path() string { return f.target }

// Bytes is the config file's content. The caller must not change it.
func (f *File) Bytes() []byte { return f.data }

// Profile is one profile as its tools would use it. No field holds a secret.
type Profile struct {
	Name    string `json:"name"`
	Kind    Kind   `json:"kind"`
	Account string `json:"account,omitempty"`
	Region  string `json:"region,omitempty"`
	RoleARN string `json:"role_arn,omitempty"`
	// Chain leads from the profile to what gives its credentials: names of profiles, then keys, sso …, process, Environment…
	Chain    []string  `json:"chain"`
	Managed  bool      `json:"managed"`        // written by rdsx
	Line     int       `json:"line,omitempty"` // of its header in the config file, from 1; 0 when it is only in credentials
	Problems []Finding `json:"problems,omitempty"`
}

// ChainLine is the chain in one line.
func (p Profile) ChainLine() string {
	if len(p.Chain) < 2 {
		return ""
	}
	return strings.Join(p.Chain[1:], " → ")
}

// Session is one [sso-session NAME].
type Session struct {
	Name     string   `json:"name"`
	StartURL string   `json:"start_url,omitempty"`
	Region   string   `json:"region,omitempty"`
	Managed  bool     `json:"managed"`
	Line     int      `json:"line"`
	Used     []string `json:"used_by,omitempty"` // names of profiles
}

// view is how the files are best understood: as the AWS CLI reads them, or as the SDK does where the CLI gives up.
func (f *File) view() view {
	cli, creds := readCLI(f.data), readCLI(f.credentials)
	if len(cli.faults) > 0 || len(creds.faults) > 0 {
		return sdkView(readSDK(f.data), readSDK(f.credentials))
	}
	return cliView(cli, creds)
}

// Profiles lists what both files hold, by name.
func (f *File) Profiles() []Profile {
	v := f.view()
	findings := f.Check()
	out := make([]Profile, 0, len(v.profiles))
	for _, name := range v.names() {
		m := v.profiles[name]
		chain, _ := v.chainOf(name)
		p := Profile{
			Name: name, Kind: kindOf(m), Account: accountOf(m), Region: m.get("region"), RoleARN: m.get("role_arn"),
			Chain: chain, Managed: m.get(ManagedKey) != "", Line: m.line + 1,
		}
		for _, found := range findings {
			if found.Profile == name {
				p.Problems = append(p.Problems, found)
			}
		}
		out = append(out, p)
	}
	return out
}

// Sessions lists the sso-sessions by name.
func (f *File) Sessions() []Session {
	v := f.view()
	out := make([]Session, 0, len(v.sessions))
	for _, name := range sortedKeys(v.sessions) {
		m := v.sessions[name]
		s := Session{Name: name, StartURL: m.get("sso_start_url"), Region: m.get("sso_region"), Managed: m.get(ManagedKey) != "", Line: m.line + 1}
		for _, profile := range v.names() {
			if v.profiles[profile].get("sso_session") == name {
				s.Used = append(s.Used, profile)
			}
		}
		out = append(out, s)
	}
	return out
}
