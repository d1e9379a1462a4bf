package profiles

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Errors of Windows that the syscall package has no name for.
const (
	errWriteProtect     = syscall.Errno(19)
	errSharingViolation = syscall.Errno(32)
)

// cannotCreate says whether err means that a folder takes no new files.
func cannotCreate(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, errWriteProtect)
}

// cannotReplace says whether err means that the file cannot be renamed over, though it may be written: another program has
// it open without sharing its deletion.
func cannotReplace(err error) bool {
	return errors.Is(err, errSharingViolation) || cannotCreate(err)
}

// Windows keeps access lists, not modes: the profile's folder is the user's own.
func othersCanRead(fs.FileInfo) bool { return false }

func hasOtherNames(fs.FileInfo) bool { return false }

func keepOwner(*os.File, fs.FileInfo) bool { return true }

// A folder cannot be synced on Windows; NTFS journals the rename.
func syncFolder(string) error { return nil }
