//go:build unix

package profiles

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// cannotCreate says whether err means that a folder takes no new files.
func cannotCreate(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// cannotReplace says whether err means that the file cannot be renamed over, though it can be written: it is a mount of its
// own, as in containers (EBUSY, EXDEV), or its folder takes no new files.
func cannotReplace(err error) bool {
	return errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EXDEV) || cannotCreate(err)
}

func othersCanRead(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }

// hasOtherNames says whether the file has hard links: a rename would part them.
func hasOtherNames(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Nlink > 1
}

// keepOwner gives f the owner and group of the file that it replaces. false means that this user cannot.
func keepOwner(f *os.File, info fs.FileInfo) bool {
	want, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	if have, ok := mine.Sys().(*syscall.Stat_t); ok && have.Uid == want.Uid && have.Gid == want.Gid {
		return true
	}
	return f.Chown(int(want.Uid), int(want.Gid)) == nil
}

// syncFolder makes a rename in dir last through a power cut.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // some network file systems have nothing to sync
	}
	return errors.Join(err, d.Close())
}
