package profiles

// step is a point in a write at which a process can die or the system can fail.
type step string

// The steps of a write, in order. Those from stepRecord on belong to a write in place.
const (
	stepLocked    step = "locked"
	stepBackupPut step = "backup-put" // the backup's temporary file is whole, not yet in its place
	stepBackedUp  step = "backed-up"
	stepCreate    step = "create" // before the temporary file is made
	stepHalf      step = "half"   // half of it is written
	stepSync      step = "sync"
	stepVerify    step = "verify"
	stepRename    step = "rename"
	stepRenamed   step = "renamed"
	stepDirSync   step = "dir-sync"
	stepReread    step = "reread"

	stepRecord     step = "record" // before the intended bytes are recorded
	stepOpen       step = "open"
	stepWritten    step = "written" // over the old bytes, not yet cut to length
	stepCut        step = "cut"
	stepPlaceSync  step = "place-sync"
	stepUnrecorded step = "unrecorded"
)

// seam lets tests stop a write at a step, or make it fail there with a system's error. The zero value does neither.
type seam struct {
	hook func(step) error
}

func (s seam) at(st step) error {
	if s.hook == nil {
		return nil
	}
	return s.hook(st)
}
