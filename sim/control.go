package sim

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
)

// control answers below /sim/, as the package's documentation lists. It asks for no signature and answers nobody but this
// machine.
func (s *Sim) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sim/sessions", func(w http.ResponseWriter, r *http.Request) {
		list := s.Sessions()
		if r.URL.Query().Get("all") == "true" {
			list = s.AllSessions()
		}
		if list == nil {
			list = []SessionInfo{}
		}
		answer(w, list)
	})
	mux.HandleFunc("GET /sim/faults", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.Faults()) })
	mux.HandleFunc("POST /sim/faults", func(w http.ResponseWriter, r *http.Request) {
		var f Faults
		if ask(w, r, &f) {
			s.SetFaults(f)
			answer(w, f)
		}
	})
	mux.HandleFunc("POST /sim/freeze", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Freeze bool }
		if ask(w, r, &in) {
			s.freeze(in.Freeze)
			answer(w, s.Faults())
		}
	})
	mux.HandleFunc("POST /sim/cut", s.postCut)
	mux.HandleFunc("POST /sim/terminate", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Session, Reason string }
		if ask(w, r, &in) {
			answer(w, map[string]int{"terminated": s.Terminate(in.Session, in.Reason)})
		}
	})
	mux.HandleFunc("POST /sim/dials", func(w http.ResponseWriter, r *http.Request) {
		var in map[string]string
		if !ask(w, r, &in) {
			return
		}
		for at, to := range in {
			if err := s.world.SetDial(at, to); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
		}
		answer(w, in)
	})
	s.signInControl(mux)
	return local(mux)
}

func (s *Sim) postCut(w http.ResponseWriter, r *http.Request) {
	var in struct{ Session, Side string }
	if !ask(w, r, &in) {
		return
	}
	cuts := map[string]func(string) int{
		"client": s.CutClient, "agent": s.CutAgent, "both": s.CutBoth,
		"agent-in-ack": s.CutAgentInAck, "bye": s.CloseClient,
	}
	cut, ok := cuts[in.Side]
	if !ok {
		http.Error(w, fmt.Sprintf("side %q is none of client, agent, both, agent-in-ack, bye", in.Side), http.StatusBadRequest)
		return
	}
	answer(w, map[string]int{"cut": cut(in.Session)})
}

// local refuses callers of other machines, and web pages that a browser on this one may have open.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() || r.Header.Get("Origin") != "" {
			http.Error(w, "the control endpoint answers loopback only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func ask(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(into); err != nil {
		http.Error(w, "read request: "+err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a caller that has gone needs no answer
}
