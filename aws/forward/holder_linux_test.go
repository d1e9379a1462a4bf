package forward

import (
	"strings"
	"testing"
)

const procNetTCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000    26        0 35218 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1539 0100007F:C001 01 00000000:00000000 00:00000000 00000000  1000        0 35219 1 0000000000000000 20 4 30 10 -1
`

func TestListener(t *testing.T) {
	if s, ok := listener(strings.NewReader(procNetTCP), 5432); !ok || s != (socket{inode: "35218", uid: "26"}) {
		t.Errorf("%+v, %v", s, ok)
	}
	for _, port := range []int{5433, 1, 0x538, 49153} { // 5433 is connected, not listening
		if s, ok := listener(strings.NewReader(procNetTCP), port); ok {
			t.Errorf("port %d is held by %+v", port, s)
		}
	}
}

func TestHolderOfNothing(t *testing.T) {
	if got := Holder(FreePort(0)); got != (Process{}) {
		t.Errorf("a free port is held by %v", got)
	}
}

func FuzzListener(f *testing.F) {
	f.Add(procNetTCP, 5432)
	f.Add("x:1538 0A", 5432)
	f.Fuzz(func(t *testing.T, table string, port int) {
		s, ok := listener(strings.NewReader(table), port)
		if ok && (s.inode == "" || !strings.Contains(table, s.inode)) {
			t.Errorf("inode %q is not in the table", s.inode)
		}
	})
}
