package mux

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Client(Config{SendBuffer: 100})
		st := open(t, s)
		set := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		timedOut := func(err error) {
			t.Helper()
			var timeout net.Error
			if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("got %v, want a timeout", err)
			}
		}
		start := time.Now()
		set(st.SetDeadline(start.Add(3 * time.Second)))
		_, err := st.Read(make([]byte, 1))
		timedOut(err)
		_, err = st.WriteTo(io.Discard)
		timedOut(err)
		if n, err := st.Write([]byte("x")); n != 0 {
			t.Error("a write after the deadline is queued")
		} else {
			timedOut(err)
		}
		set(st.SetDeadline(time.Now().Add(time.Second)))
		n, err := st.Write(make([]byte, 250))
		timedOut(err)
		if n != 100 {
			t.Errorf("%d bytes were queued, want 100", n)
		}
		_, err = st.ReadFrom(strings.NewReader("x"))
		timedOut(err)
		if waited := time.Since(start); waited != 4*time.Second {
			t.Errorf("waited %v, want 4s", waited)
		}

		set(st.SetReadDeadline(time.Now().Add(time.Second))) // moved while somebody waits
		moved := time.Now()
		time.AfterFunc(500*time.Millisecond, func() {
			st.SetReadDeadline(moved.Add(5 * time.Second)) //nolint:errcheck // cannot fail
		})
		_, err = st.Read(make([]byte, 1))
		timedOut(err)
		if waited := time.Since(moved); waited != 5*time.Second {
			t.Errorf("waited %v for a deadline moved to 5s", waited)
		}

		set(st.SetDeadline(time.Time{}))
		input(t, s, cmdPSH, 3, "x")
		if n, err := st.Read(make([]byte, 5)); n != 1 || err != nil {
			t.Errorf("without a deadline: %d, %v", n, err)
		}
		set(st.SetDeadline(time.Now().Add(time.Hour)))
		st.Close()
		set(st.SetDeadline(time.Now().Add(time.Hour)))
		if st.send.deadline.timer != nil || st.recv.deadline.timer != nil {
			t.Error("a closed stream has a timer")
		}
	})
}
