package mux

import (
	"sync"
	"time"
)

// Who goes first in a message:
//
//  1. Control: NOP, SYN in the order of Open, FIN of streams whose data is out.
//  2. Interactive streams, first come first served, each with all it has.
//  3. Bulk streams in turn, one message's worth of bytes each (deficit round robin).
//
// A stream is interactive while everything it has queued fits its credit: burst bytes at the start, used up by sending,
// refilled with refill bytes a second. So a query is interactive and a dump is not, a dump through a slow pipe stops being
// interactive after its first 16 KiB, and a session that has been quiet is interactive again after a quarter of a second.
// When bulk has got nothing in patience messages running, the next message begins with a bulk stream: many busy
// interactive streams can slow it down and never starve it, and a query waits for that one message at most.
const (
	burst    = 16 << 10
	refill   = 64 << 10 // bytes per second
	patience = 8        // messages
	minCut   = 64       // bytes: a smaller piece of a longer queue is not worth its header
)

// schedule is the queues of a session. The session's lock guards it.
type schedule struct {
	nop                        bool
	control, interactive, bulk list
	passedOver                 int // messages since bulk was last served, while there was some
}

func (q *schedule) clear() {
	q.nop = false
	for _, l := range []*list{&q.control, &q.interactive, &q.bulk} {
		for l.head != nil {
			st := l.head
			l.remove(st)
			st.send.stop(nil)
		}
	}
}

// sender is the half of a stream that sends. The session's lock guards it.
type sender struct {
	out      buffer
	syn, fin bool  // still to be sent
	err      error // why Write fails; nil while it does not
	writers  int   // blocked in Write
	changed  sync.Cond
	deadline deadline

	credit     int
	creditedAt time.Time
	deficit    int
	list       *list
	prev, next *Stream
}

// stop drops what is queued, SYN and FIN included if they are no longer of use, and makes writes fail with err.
func (o *sender) stop(err error) {
	o.out.clear()
	o.syn, o.fin = false, false
	if o.err == nil {
		o.err = err
	}
	o.changed.Broadcast()
}

func (o *sender) refilled(now time.Time) int {
	if o.credit < burst {
		since := min(now.Sub(o.creditedAt), time.Second)
		if add := int(since * refill / time.Second); add > 0 {
			o.credit = min(burst, o.credit+add)
			o.creditedAt = now
		}
	}
	return o.credit
}

func (o *sender) spend(n int, now time.Time) {
	if o.credit == burst {
		o.creditedAt = now
	}
	o.credit = max(0, o.credit-n)
}

// place puts st into the list where it belongs and signals if that is one. s.mu is held.
func (s *Session) place(st *Stream) {
	o, q := &st.send, &s.sending
	if s.basic || s.err != nil {
		s.signal()
		return
	}
	want := o.list
	switch {
	case o.syn || o.out.n == 0 && o.fin:
		want = &q.control
	case o.out.n == 0:
		want = nil
	case o.list == nil || o.list == &q.control:
		want = &q.bulk
		if o.out.n <= o.refilled(time.Now()) {
			want = &q.interactive
		}
	}
	if want != o.list {
		if o.list != nil {
			o.list.remove(st)
		}
		if want != nil {
			want.push(st)
		}
	}
	if want != nil {
		s.signal()
	}
}

// Next fills p, or Config.Payload bytes of it, with the next message: whole frames, of several streams if they fit.
// It returns the number of bytes; 0 means that nothing is queued. p has room for at least 16 bytes.
func (s *Session) Next(p []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.basic {
		return s.nextBasic(p)
	}
	f := s.begin(p)
	q := &s.sending
	if q.interactive.head != nil || q.bulk.head != nil {
		now, had := time.Now(), q.bulk.head != nil
		served := false
		if q.passedOver >= patience {
			served = s.nextBulk(&f, now)
		}
		s.nextInteractive(&f, now)
		served = s.nextBulk(&f, now) || served
		if q.passedOver++; served || !had {
			q.passedOver = 0
		}
		s.nextControl(&f)
	}
	return f.n
}

// Urgent is Next without the bulk streams: what may go although enough is under way already. In basic mode it gives nothing.
func (s *Session) Urgent(p []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.basic {
		return 0
	}
	f := s.begin(p)
	if s.sending.interactive.head != nil {
		s.nextInteractive(&f, time.Now())
		s.nextControl(&f)
	}
	return f.n
}

// begin starts a message with what goes first. s.mu is held.
func (s *Session) begin(p []byte) frames {
	f := frames{p: p[:min(len(p), s.cfg.Payload)]}
	if s.sending.nop && f.header(cmdNOP, 0, 0) {
		s.sending.nop = false
	}
	s.nextControl(&f)
	return f
}

func (s *Session) nextControl(f *frames) {
	for st := s.sending.control.head; st != nil; st = s.sending.control.head {
		o := &st.send
		switch {
		case o.syn:
			if !f.header(cmdSYN, 0, st.id) {
				return
			}
			o.syn = false
			s.announced = st.id + 1
		default:
			if !f.header(cmdFIN, 0, st.id) {
				return
			}
			o.fin = false
		}
		s.sending.control.remove(st)
		s.place(st)
	}
}

func (s *Session) nextInteractive(f *frames, now time.Time) {
	for st := s.sending.interactive.head; st != nil; st = s.sending.interactive.head {
		o := &st.send
		if o.out.n > o.refilled(now) {
			s.sending.interactive.remove(st)
			s.sending.bulk.push(st)
			continue
		}
		if s.data(f, st, o.out.n, now); o.out.n > 0 {
			return
		}
		s.place(st)
	}
}

// nextBulk reports whether a bulk stream got a byte into the message.
func (s *Session) nextBulk(f *frames, now time.Time) bool {
	served := false
	for st := s.sending.bulk.head; st != nil; st = s.sending.bulk.head {
		o := &st.send
		if o.deficit < minCut {
			o.deficit += len(f.p) - headerSize
		}
		n := s.data(f, st, o.deficit, now)
		served = served || n > 0
		o.deficit -= n
		switch {
		case o.out.n == 0:
			o.deficit = 0
			s.place(st)
		case n == 0:
			return served
		case o.deficit < minCut:
			s.sending.bulk.remove(st)
			s.sending.bulk.push(st)
		}
	}
	return served
}

// data appends data frames of st, at most limit bytes in all, and returns how many bytes went in. s.mu is held.
func (s *Session) data(f *frames, st *Stream, limit int, now time.Time) int {
	o, total := &st.send, 0
	for total < limit && o.out.n > 0 {
		n := min(o.out.n, limit-total, f.room()-headerSize)
		if n <= 0 || f.n > 0 && n < min(o.out.n, minCut) {
			break
		}
		f.header(cmdPSH, n, st.id)
		o.out.read(f.p[f.n : f.n+n])
		f.n += n
		total += n
	}
	o.spend(total, now)
	s.wakeWriters(st)
	return total
}

// wakeWriters lets blocked writers go on once half of the buffer is free, so that they do not run for every message.
func (s *Session) wakeWriters(st *Stream) {
	if st.send.writers > 0 && st.send.out.n <= s.cfg.SendBuffer/2 {
		st.send.changed.Broadcast()
	}
}

// list is a queue of streams, each of which is in one list at most.
type list struct{ head, tail *Stream }

func (l *list) push(st *Stream) {
	o := &st.send
	o.list, o.prev, o.next = l, l.tail, nil
	if l.tail == nil {
		l.head = st
	} else {
		l.tail.send.next = st
	}
	l.tail = st
}

func (l *list) remove(st *Stream) {
	o := &st.send
	if o.prev == nil {
		l.head = o.next
	} else {
		o.prev.send.next = o.next
	}
	if o.next == nil {
		l.tail = o.prev
	} else {
		o.next.send.prev = o.prev
	}
	o.list, o.prev, o.next = nil, nil, nil
}
