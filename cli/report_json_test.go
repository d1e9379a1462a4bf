package cli

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// TestJSONNumbersRise: the lines that are no event of the tunnel have their number too, and events that were missed leave a gap.
func TestJSONNumbersRise(t *testing.T) {
	var out bytes.Buffer
	j := newJSONReporter(&out, route{})
	j.event(aws.Event{Seq: 1, Kind: aws.EventState}, aws.Tunnel{})
	j.counters(aws.Tunnel{Up: 1})
	j.event(aws.Event{Seq: 2, Kind: aws.EventConnOpened}, aws.Tunnel{})
	j.at = time.Time{}
	j.counters(aws.Tunnel{Up: 2})
	j.event(aws.Event{Seq: 5, Kind: aws.EventState}, aws.Tunnel{})
	j.end(aws.Tunnel{})
	var got []uint64
	for lines := json.NewDecoder(&out); lines.More(); {
		var line struct{ Seq uint64 }
		if err := lines.Decode(&line); err != nil {
			t.Fatal(err)
		}
		got = append(got, line.Seq)
	}
	if want := []uint64{1, 2, 3, 4, 7, 8}; !slices.Equal(got, want) {
		t.Errorf("numbered %v, want %v", got, want)
	}
}
