package cli

import (
	"context"
	"encoding/json"
	"net"
	"testing"

	"github.com/rdsx/rdsx/aws"
)

// slowTunnel is on a board, and takes its time to end.
type slowTunnel struct {
	fakeTunnel
	asked chan struct{} // a slot for each that waits for its end
	over  chan struct{}
}

func (s *slowTunnel) End(string) {
	s.asked <- struct{}{}
	<-s.over
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = aws.StateClosed
}

// TestDownTwice: whoever wants a tunnel ended that another one is ending waits for its end as well, and is told of it.
func TestDownTwice(t *testing.T) {
	a := boardApp(t)
	tunnel := &slowTunnel{fakeTunnel: fakeTunnel{state: aws.StateOpen}, asked: make(chan struct{}), over: make(chan struct{})}
	a.board.post(tunnel, openTunnel{Name: "one", Command: "exec"})
	all, _ := a.peers(t.Context())
	back := make(chan []openTunnel, 2)
	for range 2 {
		go func() {
			ended, _ := endTunnels(context.Background(), all, openTunnels(all))
			back <- ended
		}()
	}
	for range 2 {
		select {
		case <-tunnel.asked:
		case ended := <-back:
			close(tunnel.over)
			t.Fatalf("back before the tunnel was over: %+v", ended)
		}
	}
	if again, _ := a.peers(t.Context()); len(openTunnels(again)) != 1 {
		t.Errorf("while it is being ended, listed are %+v", again)
	}
	close(tunnel.over)
	for range 2 {
		if ended := <-back; len(ended) != 1 || ended[0].Name != "one" || ended[0].State != aws.StateClosed {
			t.Errorf("told %+v", ended)
		}
	}
	if again, _ := a.peers(t.Context()); len(openTunnels(again)) != 0 {
		t.Errorf("it is over, and listed are %+v", again)
	}
}

// TestDownTooLate: a tunnel that has ended between the look and the word, or whose process leaves just then, is told as ended too.
func TestDownTooLate(t *testing.T) {
	a := boardApp(t)
	leave := a.board.post(&fakeTunnel{state: aws.StateOpen}, openTunnel{Name: "one", Command: "exec"})
	all, _ := a.peers(t.Context())
	leave()
	if ended, failed := endTunnels(t.Context(), all, openTunnels(all)); len(failed) != 0 || len(ended) != 1 || ended[0].State != aws.StateClosed || ended[0].Up != 7 {
		t.Errorf("the tunnel is gone: told %+v, %v", ended, failed)
	}
	a.board.close()
	if ended, failed := endTunnels(t.Context(), all, openTunnels(all)); len(failed) != 0 || len(ended) != 1 {
		t.Errorf("the process is gone: told %+v, %v", ended, failed)
	}

	leaving, err := listenPrivately(a.runFolders(), socketEnd)
	if err != nil {
		t.Fatal(err)
	}
	defer leaving.Close()
	all[0].path = leaving.Addr().String()
	go func() { // hangs up on what it has not heard
		c, err := leaving.Accept()
		_ = leaving.Close()
		if err == nil {
			_ = c.Close()
		}
	}()
	if ended, failed := endTunnels(t.Context(), all, openTunnels(all)); len(failed) != 0 || len(ended) != 1 {
		t.Errorf("the process is leaving: told %+v, %v", ended, failed)
	}

	odd, err := listenPrivately(a.runFolders(), socketEnd)
	if err != nil {
		t.Fatal(err)
	}
	defer odd.Close()
	all[0].path = odd.Addr().String()
	go func() { // lives, and ends nothing
		for {
			c, err := odd.Accept()
			if err != nil {
				return
			}
			_ = json.NewEncoder(c).Encode(boardReply{Error: "no"})
			hear(c)
		}
	}()
	if ended, failed := endTunnels(t.Context(), all, openTunnels(all)); len(failed) != 1 || len(ended) != 0 {
		t.Errorf("the process refuses: told %+v, %v", ended, failed)
	}
}

// hear reads the request before the connection is closed.
func hear(c net.Conn) {
	var q boardRequest
	_ = json.NewDecoder(c).Decode(&q)
	_ = c.Close()
}
