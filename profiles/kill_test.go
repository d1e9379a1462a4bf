package profiles

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// childEnv makes the test binary a writer instead of running tests: "die STEP HOW PATH" or "write N ROUNDS PATH".
const childEnv = "RDSX_PROFILES_TEST_CHILD"

func TestMain(m *testing.M) {
	if task := os.Getenv(childEnv); task != "" {
		if err := child(strings.SplitN(task, " ", 4)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(task []string) error {
	if task[0] == "die" {
		return dieAt(step(task[1]), task[2], task[3])
	}
	var n, rounds int
	if _, err := fmt.Sscan(task[1]+" "+task[2], &n, &rounds); err != nil {
		return err
	}
	for round := range rounds {
		if err := addUntilWritten(task[3], fmt.Sprintf("w%d-%d", n, round)); err != nil {
			return err
		}
	}
	return nil
}

// dieAt starts an edit and stays at the step until the process is killed.
func dieAt(at step, how, path string) error {
	f, err := open(context.Background(), Files{Config: path}, seam{func(s step) error {
		if s == at {
			fmt.Println("here")
			_, err := io.Copy(io.Discard, os.Stdin) // which never ends
			return err
		}
		if s == stepRename && how == "in-place" {
			return syscall.EBUSY
		}
		return nil
	}})
	if err != nil {
		return err
	}
	edit := Edit{Op: Remove, Name: "short", Foreign: true}
	if at < "m" { // half of the steps make the file longer, half shorter
		edit = added("orders")
	}
	plan, err := f.Plan(edit)
	if err != nil {
		return err
	}
	_, err = plan.Commit(context.Background())
	return err
}

// addUntilWritten plans again whenever another writer was faster, as the commands do.
func addUntilWritten(path, name string) error {
	for {
		f, err := Open(context.Background(), Files{Config: path})
		if err != nil {
			return err
		}
		plan, err := f.Plan(added(name))
		if err != nil {
			return err
		}
		if _, err = plan.Commit(context.Background()); !errors.Is(err, ErrChanged) {
			return err
		}
	}
}

func startChild(t *testing.T, task string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+task)
	cmd.Stderr = os.Stderr
	return cmd
}

// TestKillAtEveryStep kills a writer at every step of a write, by rename and in place. The file is the old or the new one,
// whole; after a kill in the midst of a write in place it is so once it is opened again. The next write works.
func TestKillAtEveryStep(t *testing.T) {
	byRename := []step{stepLocked, stepBackupPut, stepBackedUp, stepCreate, stepHalf, stepSync, stepVerify, stepRename, stepRenamed, stepDirSync, stepReread}
	inPlace := []step{stepRecord, stepOpen, stepWritten, stepCut, stepPlaceSync, stepReread, stepUnrecorded}
	for how, steps := range map[string][]step{"rename": byRename, "in-place": inPlace} {
		if how == "in-place" && runtime.GOOS == "windows" {
			continue // the write in place is asked for with an error of Unix
		}
		for _, at := range steps {
			t.Run(how+"/"+string(at), func(t *testing.T) {
				t.Parallel()
				killAt(t, at, how)
			})
		}
	}
}

func killAt(t *testing.T, at step, how string) {
	old := small + "[profile short]\nregion = eu-west-1\n"
	for n := range 300 {
		old += fmt.Sprintf("# line %d of a long comment that fills the file\n", n)
	}
	path := written(t, old)
	cmd := startChild(t, fmt.Sprintf("die %s %s %s", at, how, path))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	killed := cmd.Process.Kill()
	_ = cmd.Wait()
	if line != "here\n" || killed != nil {
		t.Fatalf("the writer never came to %s: %q, %v, %v", at, line, err, killed)
	}
	want := inMemory([]byte(old))
	edit := Edit{Op: Remove, Name: "short", Foreign: true}
	if at < "m" {
		edit = added("orders")
	}
	plan, err := want.Plan(edit)
	if err != nil {
		t.Fatal(err)
	}
	whole := func() bool {
		got := read(t, path)
		return got == old || got == string(plan.Bytes())
	}
	// Only here is the file a mix, until it is opened again.
	if whole() == (at == stepWritten) {
		t.Errorf("after the kill: %.300q", read(t, path))
	}
	if f := opened(t, path); !whole() {
		t.Errorf("after it was opened again: %.300q", f.Bytes())
	}
	if _, err := commit(t, Files{Config: path}, seam{}, added("next")); err != nil {
		t.Errorf("the next write: %v", err)
	}
	for _, name := range names(t, filepath.Dir(path)) {
		if name != "config" && name != "config.rdsx-bak" {
			t.Errorf("left behind: %s", name)
		}
	}
}

// TestTwentyWriters has twenty processes add profiles to one file at once, while a reader looks: no profile is lost, nothing
// of the file is touched, and at every moment the file is whole.
func TestTwentyWriters(t *testing.T) {
	const writers, rounds = 20, 2
	path := written(t, small)
	var failed [writers]error
	var running sync.WaitGroup
	for n := range writers {
		cmd := startChild(t, fmt.Sprintf("write %d %d %s", n, rounds, path))
		running.Go(func() { failed[n] = cmd.Run() })
	}
	done := make(chan struct{})
	go func() {
		running.Wait()
		close(done)
	}()
	looked := lookUntil(t, path, done)
	<-done
	if err := errors.Join(failed[:]...); err != nil {
		t.Fatal(err)
	}
	f := opened(t, path)
	if got := len(f.Profiles()); got != writers*rounds+1 {
		t.Errorf("%d profiles, want %d", got, writers*rounds+1)
	}
	if errs := f.fatal(); len(errs) > 0 || looked == 0 {
		t.Error(errs, looked)
	}
	t.Logf("the file was read %d times meanwhile", looked)
}

func lookUntil(t *testing.T, path string, done <-chan struct{}) (times int) {
	last := small
	for {
		select {
		case <-done:
			return times
		default:
		}
		data, err := os.ReadFile(path)
		if runtime.GOOS == "windows" && err != nil {
			continue // it is being renamed over
		}
		times++
		if got := string(data); err != nil || !strings.HasPrefix(got, last) || !strings.HasSuffix(got, "rdsx_managed = 1\n") && got != small {
			t.Fatalf("the file is not whole: %v, %q", err, got)
		}
		last = string(data)
	}
}
