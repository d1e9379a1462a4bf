package api

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rdsx/rdsx/sim/world"
)

// Throttle says whether to refuse a call. op is SERVICE:Operation, such as ssm:StartSession. It is called concurrently.
type Throttle func(at world.Place, op string) bool

// Failing says how a call fails in spite of everything, nil for not at all: *SignatureError and *Error are answered as AWS
// words them, any other as a 500. It is called concurrently.
type Failing func(at world.Place, op string) error

// EveryNth refuses each n-th call of an operation, counted apart for each account, region and operation. n below 1 refuses none.
func EveryNth(n int) Throttle {
	var mu sync.Mutex
	counts := map[string]int{}
	return func(at world.Place, op string) bool {
		mu.Lock()
		defer mu.Unlock()
		key := at.Account + at.Region + op
		counts[key]++
		return n > 0 && counts[key]%n == 0
	}
}

// Chance refuses a share of the calls, 0…1, the same ones for the same seed and order.
func Chance(share float64, seed uint64) Throttle {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, seed))
	return func(world.Place, string) bool {
		mu.Lock()
		defer mu.Unlock()
		return r.Float64() < share
	}
}

// Bucket gives each account, region and operation burst calls at once and perSecond more each second, as EC2 does.
func Bucket(burst int, perSecond float64, now func() time.Time) Throttle {
	type level struct {
		tokens float64
		at     time.Time
	}
	var mu sync.Mutex
	levels := map[string]level{}
	return func(at world.Place, op string) bool {
		mu.Lock()
		defer mu.Unlock()
		key := at.Account + at.Region + op
		t := now()
		l, ok := levels[key]
		if !ok {
			l = level{float64(burst), t}
		}
		l.tokens = min(float64(burst), l.tokens+t.Sub(l.at).Seconds()*perSecond)
		l.at = t
		refused := l.tokens < 1
		if !refused {
			l.tokens--
		}
		levels[key] = l
		return refused
	}
}

// Only throttles the named operations (ssm:StartSession) and lets the others pass.
func Only(t Throttle, ops ...string) Throttle {
	return func(at world.Place, op string) bool {
		for _, o := range ops {
			if o == op {
				return t(at, op)
			}
		}
		return false
	}
}
