package session

import (
	"sync"
	"time"

	"github.com/rdsx/rdsx/aws/session/wire"
)

const (
	// aheadMessages and aheadBytes bound what is kept of messages that arrive before their turn. The agent resends ten a
	// second at most while it goes on sending new ones (docs/protocol.md §1.3), so a loss piles up a few hundred.
	aheadMessages = 10_000
	aheadBytes    = 8 << 20
	// maxAcks bounds the acknowledgements that wait for the writer; those beyond are left out, and the agent repeats
	// its messages.
	maxAcks = 10_000
	// ackDelay is how long acknowledgements wait for company: several go out in one system call, or ride along with data.
	// Nothing at the agent waits for one, its time-out lies at least 10 ms above its round trip, and acknowledgements
	// held back even 50 ms change no throughput (docs/protocol.md §1.3, §3). One that comes back at once is lost on an agent
	// that files a message after sending it (B8).
	ackDelay = 4 * time.Millisecond
	// ackBatch is how many wait at most.
	ackBatch = 32
	// acksKept is how many acknowledgements are remembered after they were written: the last ones before the loss of a
	// websocket may not have arrived.
	acksKept = 1024
	// reackFor is how long before the last sign of life of a websocket an acknowledgement may have been lost with it.
	reackFor = 2 * time.Second
	// bulkAfter is the score of full messages from which a download is bulk, some 20 ms at the agent's pace; bulkMost bounds the
	// score, so that a few short messages end it.
	bulkAfter, bulkMost = 16, 160
	// bulkPause is the longest that a bulk download lets a reader wait: its messages come a millisecond or two apart, and one that
	// a rest has brought nothing of has paused for as long already.
	bulkPause = 4 * time.Millisecond
	// frameBorder is how many full messages lie at least between two borders of the agent's mux frames in a bulk download, whose
	// frames have 32 KB.
	frameBorder = 16
	// restStep is how much longer a rest gets with each point of the score, a tenth of the time that the agent has taken for
	// the message: the last message of a download comes 5 % later on the average, and never more than 16 ms. At its pace a
	// rest of 16 ms brings 15 messages, which cost about as much to wake up for as one.
	restStep = 100 * time.Microsecond
)

// verdict is what becomes of a received stream message.
type verdict int

const (
	accept verdict = iota // its turn: deliver, acknowledge
	keep                  // ahead of its turn: acknowledge, deliver later
	repeat                // had before: acknowledge again, or a sender whose acknowledgement was lost repeats it for ever (B2)
	refuse                // ahead and no room: neither acknowledged nor kept
)

// early is a kept message.
type early struct {
	payloadType wire.PayloadType
	payload     []byte
}

// receiver puts stream messages in order. It belongs to the reading goroutine and outlives websockets.
type receiver struct {
	expected int64
	ahead    map[int64]early
	bytes    int // payload bytes in ahead
	full     int // score of full data messages, see measure
	run      int // full data messages since the last short one
}

// measure scores how much of a bulk download this is. The agent fills a message only when more is waiting behind it, but cuts
// one short now and then at the border of a mux frame (docs/protocol.md §1.4): short ones that are closer together than that
// take the score away.
func (r *receiver) measure(m *wire.Message) {
	if m.PayloadType == wire.PayloadOutput && len(m.Payload) >= defaultPayload {
		r.full = min(r.full+1, bulkMost)
		r.run++
		return
	}
	if r.run < frameBorder {
		r.full /= 4
	}
	r.run = 0
}

// idle takes the score away after a silence that no bulk download makes: the next answer is read at once until it is long itself.
// A busy machine makes such a silence now and then, and a download that goes on is bulk again after bulkAfter messages.
func (r *receiver) idle() { r.full = 0 }

// bulk says whether a bulk download is running.
func (r *receiver) bulk() bool { return r.full >= bulkAfter }

// rest is how long to wait for more messages before the next read: not at all when this is no bulk download, nor after a short
// message, which may have been the last one.
func (r *receiver) rest() time.Duration {
	if !r.bulk() || r.run == 0 {
		return 0
	}
	return time.Duration(r.full) * restStep
}

// judge decides on m. Advancing never depends on whether an acknowledgement can be sent (B5, docs/protocol.md §1.6). After
// accept the caller delivers m and then everything that next gives.
func (r *receiver) judge(m *wire.Message) verdict {
	switch {
	case m.Seq == r.expected:
		r.expected++
		return accept
	case m.Seq < r.expected:
		return repeat
	}
	if _, have := r.ahead[m.Seq]; have {
		return repeat
	}
	if len(r.ahead) >= aheadMessages || r.bytes+len(m.Payload) > aheadBytes {
		return refuse
	}
	if r.ahead == nil {
		r.ahead = map[int64]early{}
	}
	r.ahead[m.Seq] = early{m.PayloadType, append([]byte(nil), m.Payload...)}
	r.bytes += len(m.Payload)
	return keep
}

// next gives the kept message whose turn it is.
func (r *receiver) next() (early, bool) {
	if len(r.ahead) == 0 {
		return early{}, false
	}
	e, ok := r.ahead[r.expected]
	if ok {
		delete(r.ahead, r.expected)
		r.bytes -= len(e.payload)
		r.expected++
	}
	return e, ok
}

// ackQueue hands acknowledgements from the reader to the writer. Neither waits for the other.
type ackQueue struct {
	wake func() // the writer has acknowledgements to send; called from any goroutine

	mu      sync.Mutex
	waiting []ackItem
	timer   *time.Timer // wakes the writer ackDelay after the first one waits
	timed   bool        // timer runs

	out   []ackItem // the writer's, being sent
	at    int
	frame []byte // the writer's buffer

	done   []ackItem // the writer's: a ring of those written last
	doneAt int
}

type ackItem struct {
	seq int64
	id  [16]byte
	at  int64 // when it was written, ms since the epoch
}

// push queues an acknowledgement. Unless timed, the caller wakes the writer when it has no more of them.
func (q *ackQueue) push(seq int64, id [16]byte, timed bool) {
	q.mu.Lock()
	if len(q.waiting) < maxAcks {
		q.waiting = append(q.waiting, ackItem{seq: seq, id: id})
	}
	n := len(q.waiting)
	switch {
	case !timed || q.timed:
	case q.timer == nil:
		q.timed, q.timer = true, time.AfterFunc(ackDelay, q.wake)
	default:
		q.timed = true
		q.timer.Reset(ackDelay)
	}
	q.mu.Unlock()
	if n == ackBatch {
		q.wake()
	}
}

// take gives the next acknowledgement as a frame that is good until the next call, or nil. Only the writer calls it.
func (q *ackQueue) take(now int64) []byte {
	if q.at == len(q.out) {
		q.mu.Lock()
		q.waiting, q.out, q.at = q.out[:0], q.waiting, 0
		if q.timed {
			q.timed = false
			q.timer.Stop()
		}
		q.mu.Unlock()
		if len(q.out) == 0 {
			return nil
		}
	}
	item := q.out[q.at]
	q.at++
	q.remember(item, now)
	of := wire.Message{Type: wire.OutputStreamData, Seq: item.seq, ID: item.id}
	q.frame = wire.AppendAck(q.frame[:0], &of, wire.NewID(), now)
	return q.frame
}

func (q *ackQueue) remember(item ackItem, now int64) {
	item.at = now
	if len(q.done) < acksKept {
		q.done = append(q.done, item)
		return
	}
	q.done[q.doneAt] = item
	q.doneAt = (q.doneAt + 1) % acksKept
}

// again queues what was written since a time, ms since the epoch, once more: the websocket is lost and those may be lost with
// it. The agent would send each such message again, ten a second and before any other (docs/protocol.md §1.3). No writer may
// run.
func (q *ackQueue) again(since int64) {
	var lost []ackItem
	for i := range q.done {
		if item := q.done[(q.doneAt+i)%len(q.done)]; item.at >= since {
			lost = append(lost, item)
		}
	}
	q.done, q.doneAt = q.done[:0], 0
	q.mu.Lock()
	defer q.mu.Unlock()
	lost = append(lost, q.out[q.at:]...)
	q.out, q.at = q.out[:0], 0
	q.waiting = append(lost, q.waiting...)
}
