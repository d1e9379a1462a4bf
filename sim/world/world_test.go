package world

import (
	"testing"
)

func TestTmp(t *testing.T) {
	w, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range w.Accounts() {
		for _, r := range a.Regions {
			for _, e := range r.endpoints() {
				t.Log(e.host, e.ips, e.status)
			}
		}
	}
}
