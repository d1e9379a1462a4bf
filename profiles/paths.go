package profiles

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// lockName is the sidecar that writers of a folder lock. It protects against rdsx alone: no other tool takes a lock.
const lockName = ".rdsx.lock"

// maxLinks is how many symbolic links may lead to the file.
const maxLinks = 40

// resolveLinks follows symbolic links, also to a file that does not exist yet: renaming onto a link would replace it.
func resolveLinks(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for range maxLinks {
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return realFolder(path), nil
		}
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return realFolder(path), nil
		}
		to, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(realFolder(path)), to)
		}
		path = to
	}
	return "", fmt.Errorf("more than %d symbolic links", maxLinks)
}

// realFolder resolves the links in path's folder, if it exists.
func realFolder(path string) string {
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return path
}

// place is where companions of the target can be: beside it, or in the spare folder when its own takes no new files.
type place struct{ dir, base string }

func (p place) lock() string   { return filepath.Join(p.dir, lockName) }
func (p place) backup() string { return filepath.Join(p.dir, p.base+".rdsx-bak") }
func (p place) record() string { return filepath.Join(p.dir, p.base+".rdsx-new") }

// temp is the one temporary file that becomes name; under the lock there is never a second.
func temp(name string) string {
	return filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".rdsx-tmp")
}

// places are where companions can be, the preferred one first.
func (f *File) places() []place {
	places := []place{{filepath.Dir(f.target), filepath.Base(f.target)}}
	if f.files.Spare != "" {
		sum := sha256.Sum256([]byte(f.target))
		places = append(places, place{f.files.Spare, filepath.Base(f.target) + "-" + hex.EncodeToString(sum[:6])})
	}
	return places
}

// firstPlace calls do with one place after the other until one takes new files.
func (f *File) firstPlace(do func(place) error) error {
	var err error
	for _, p := range f.places() {
		if err = os.MkdirAll(p.dir, 0o700); err == nil {
			err = do(p)
		}
		if err == nil || !cannotCreate(err) {
			return err
		}
	}
	return err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
