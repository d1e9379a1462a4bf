package cli

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func testLedger(dir string, pid int) *ledger {
	return &ledger{dir: dir, pid: pid, page: page{Version: pageVersion, PID: pid, Started: time.Now()}}
}

func noted(t *testing.T, l *ledger, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := l.add(ledgerSession{ID: id, Region: "eu-west-1"}); err != nil {
			t.Fatal(err)
		}
	}
}

// dies lets go of the lock as the end of a process does, and of nothing else.
func dies(t *testing.T, l *ledger) {
	t.Helper()
	if err := l.lock.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLedgerTellsTheDeadFromTheLiving(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sessions")
	a, b, me := testLedger(dir, 1), testLedger(dir, 2), testLedger(dir, 3)
	noted(t, a, "a1", "a2")
	noted(t, b, "b1")
	noted(t, me, "m1")
	defer func() {
		if err := me.remove("m1"); err != nil {
			t.Error(err)
		}
	}()
	if dead, alive := me.left(); len(dead) != 0 || len(alive) != 4 || alive["a2"] != 1 || alive["m1"] != 3 {
		t.Fatalf("all live: dead %v, alive %v", dead, alive)
	}
	if err := b.remove("b1"); err != nil {
		t.Fatal(err)
	}
	dies(t, a)
	dead, alive := me.left()
	if len(dead) != 2 || dead[0].ID != "a1" || len(alive) != 1 {
		t.Fatalf("after a's death and b's end: dead %v, alive %v", dead, alive)
	}
	if err := me.strike("a1", "m1"); err != nil { // m1 is for its own process to remove
		t.Fatal(err)
	}
	if dead, alive := me.left(); len(dead) != 1 || dead[0].ID != "a2" || len(alive) != 1 {
		t.Fatalf("a1 is over: dead %v, alive %v", dead, alive)
	}
	if err := me.strike("a2"); err != nil {
		t.Fatal(err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 2 {
		t.Errorf("files of others are left: %v", files)
	}
}

func TestLedgerForgetsWhatIsOfNoUse(t *testing.T) {
	dir := t.TempDir()
	old := testLedger(dir, 1)
	old.page.Started = time.Now().Add(-pageLife - time.Minute)
	noted(t, old, "old")
	dies(t, old)
	for name, text := range map[string]string{"broken.json": "{", "later.json": `{"version":99,"sessions":[{"id":"x"}]}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if dead, alive := testLedger(dir, 2).left(); len(dead) != 0 || len(alive) != 0 {
		t.Errorf("dead %v, alive %v; want none", dead, alive)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 0 {
		t.Errorf("left: %v", files)
	}
}

func TestLedgerWithoutAHomeKeepsNothing(t *testing.T) {
	for name, l := range map[string]*ledger{"nil": nil, "zero": {}} {
		noted(t, l, "x")
		dead, alive := l.left()
		if err := l.remove("x"); err != nil || l.strike("x") != nil || len(dead)+len(alive) != 0 {
			t.Errorf("%s: %v, %v, %v", name, dead, alive, err)
		}
	}
}
