package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Faults are what can be wrong between the client and the agent. They can be changed while sessions run; a change holds for
// frames sent after it. The zero value is a perfect network.
type Faults struct {
	Up   Direction // client to agent
	Down Direction // agent to client

	RTT       time.Duration // half of it each way
	Bandwidth int64         // bytes a second, each way for itself; 0 is unlimited
	Freeze    bool          // nothing passes and pings go unanswered, while every socket stays open
	Seed      uint64        // of the dice; the same seed and the same traffic meet the same fate

	MaxPayload       int64 // a client's message with more payload closes its websocket with 1009; 0 is no limit
	MaxPayloadSilent bool  // such a message is lost instead, and nobody is told

	ResumeRefused    bool // ResumeSession gives no token, as if the session were over
	ThrottledAPI     bool // every API call is refused as throttled
	TokenRefused     bool // the gateway takes no token
	AgentDown        bool // an agent whose websocket is lost does not come back, and after five retries never will
	HandshakeRefused bool // the agent ends the session when the client's HandshakeResponse arrives
	HandshakeSilent  bool // the agent connects and says nothing

	// Numbers of events still to come: each that happens counts its field down to 0.
	RefuseResumes     int // ResumeSession gives no token
	FailResumes       int // ResumeSession answers 500
	ThrottleResumes   int // ResumeSession is throttled
	FailStarts        int // StartSession answers 500
	ThrottleStarts    int // StartSession is throttled
	ExpireCredentials int // a call of ssm finds the caller's credentials expired
	FailUpgrades      int // a websocket upgrade is answered 500
	RefuseTokens      int // a token is dead when it arrives, as if it had been kept too long

	CutLoses bool // a cut takes with it what is under way in either direction
}

// Direction is what happens to frames on their way in one direction. Probabilities are 0…1.
type Direction struct {
	Loss      float64
	Duplicate float64
	Reorder   float64       // of being held back by ReorderBy, so that later frames overtake
	ReorderBy time.Duration // 10 ms when 0
}

func (d Direction) quiet() bool { return d.Loss == 0 && d.Duplicate == 0 && d.Reorder == 0 }

// field is one fault by its name on the command line and in JSON.
type field struct {
	name string
	ptr  any // *float64, *time.Duration, *int64, *int, *uint64 or *bool
}

// fields lists every fault. A name without a direction ("loss") is handled by Set: it stands for both.
func (f *Faults) fields() []field {
	return []field{
		{"up-loss", &f.Up.Loss},
		{"up-duplicate", &f.Up.Duplicate},
		{"up-reorder", &f.Up.Reorder},
		{"up-reorder-by", &f.Up.ReorderBy},
		{"down-loss", &f.Down.Loss},
		{"down-duplicate", &f.Down.Duplicate},
		{"down-reorder", &f.Down.Reorder},
		{"down-reorder-by", &f.Down.ReorderBy},
		{"rtt", &f.RTT},
		{"bandwidth", &f.Bandwidth},
		{"freeze", &f.Freeze},
		{"seed", &f.Seed},
		{"max-payload", &f.MaxPayload},
		{"max-payload-silent", &f.MaxPayloadSilent},
		{"resume-refused", &f.ResumeRefused},
		{"throttled-api", &f.ThrottledAPI},
		{"token-refused", &f.TokenRefused},
		{"agent-down", &f.AgentDown},
		{"handshake-refused", &f.HandshakeRefused},
		{"handshake-silent", &f.HandshakeSilent},
		{"refuse-resumes", &f.RefuseResumes},
		{"fail-resumes", &f.FailResumes},
		{"throttle-resumes", &f.ThrottleResumes},
		{"fail-starts", &f.FailStarts},
		{"throttle-starts", &f.ThrottleStarts},
		{"expire-credentials", &f.ExpireCredentials},
		{"fail-upgrades", &f.FailUpgrades},
		{"refuse-tokens", &f.RefuseTokens},
		{"cut-loses", &f.CutLoses},
	}
}

// names are those that Set knows, without the directions.
func (f *Faults) names() []string {
	var out []string
	for _, fl := range f.fields() {
		name := strings.TrimPrefix(strings.TrimPrefix(fl.name, "up-"), "down-")
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// Set changes one fault by name: "rtt"="20ms", "loss"="0.01" (both directions), "up-loss"="0.01", "bandwidth"="1000000",
// "freeze"="true".
func (f *Faults) Set(name, value string) error {
	found := false
	for _, fl := range f.fields() {
		if fl.name != name && fl.name != "up-"+name && fl.name != "down-"+name {
			continue
		}
		found = true
		if err := fl.set(value); err != nil {
			return fmt.Errorf("fault %s: %w", name, err)
		}
	}
	if !found {
		return fmt.Errorf("fault %q is unknown; there are %s", name, strings.Join(f.names(), ", "))
	}
	return nil
}

// set reads value into the field. The error says what would have been right: it is shown to whoever typed it.
func (fl field) set(value string) error {
	var err error
	right, ok := "", true
	switch p := fl.ptr.(type) {
	case *float64:
		*p, err = strconv.ParseFloat(value, 64)
		right, ok = "a probability is 0 to 1", *p >= 0 && *p <= 1 // NaN is neither
	case *time.Duration:
		*p, err = time.ParseDuration(value)
		right, ok = "a time is such as 20ms", *p >= 0
	case *int64:
		*p, err = strconv.ParseInt(value, 10, 64)
		right, ok = "a number from 0 on", *p >= 0
	case *int:
		*p, err = strconv.Atoi(value)
		right, ok = "a number from 0 on", *p >= 0
	case *uint64:
		*p, err = strconv.ParseUint(value, 10, 64)
		right = "a number from 0 on"
	case *bool:
		*p, err = strconv.ParseBool(value)
		right = "true or false"
	}
	if err != nil || !ok {
		return errors.New(right)
	}
	return nil
}

// ParseFaults reads "rtt=20ms,loss=0.01,freeze=true". A name alone stands for true.
func ParseFaults(s string) (Faults, error) {
	var f Faults
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			value = "true"
		}
		if err := f.Set(name, value); err != nil {
			return Faults{}, err
		}
	}
	return f, nil
}

// MarshalJSON writes the faults that are not zero, by the names of Set, durations as "20ms".
func (f Faults) MarshalJSON() ([]byte, error) {
	out := map[string]any{}
	for _, fl := range f.fields() {
		switch p := fl.ptr.(type) {
		case *float64:
			put(out, fl.name, *p)
		case *time.Duration:
			if *p != 0 {
				out[fl.name] = p.String()
			}
		case *int64:
			put(out, fl.name, *p)
		case *int:
			put(out, fl.name, *p)
		case *uint64:
			put(out, fl.name, *p)
		case *bool:
			put(out, fl.name, *p)
		}
	}
	return json.Marshal(out)
}

func put[T comparable](out map[string]any, name string, v T) {
	var zero T
	if v != zero {
		out[name] = v
	}
}

// UnmarshalJSON reads an object of the names of Set. What the object does not name becomes zero, and a name with a direction
// wins over one without.
func (f *Faults) UnmarshalJSON(b []byte) error {
	var in map[string]any
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	if err := d.Decode(&in); err != nil {
		return fmt.Errorf("read faults: %w", err)
	}
	*f = Faults{}
	for _, directed := range []bool{false, true} {
		for name, v := range in {
			if directed != (strings.HasPrefix(name, "up-") || strings.HasPrefix(name, "down-")) {
				continue
			}
			if err := f.Set(name, fmt.Sprint(v)); err != nil {
				return err
			}
		}
	}
	return nil
}
