package sim

import (
	"net/http"
	"time"

	"github.com/rdsx/rdsx/sim/api"
	"github.com/rdsx/rdsx/sim/world"
)

// SignIns is the simulated IAM Identity Center: who confirms what, and how long it lasts.
func (s *Sim) SignIns() *api.SignIns { return s.api.SignIns() }

// signInControl adds what a test in another process needs of it to the control endpoint:
//
//	GET  /sim/signins             the user codes of device sign-ins that wait
//	POST /sim/signins             {"approval":"auto|ask|deny","token_life":"8h","answer":"CODE","allow":true,"revoke":true}
//	POST /sim/expire              every temporary key is expired from now on
//	GET  /sim/mfa?serial=ARN      the code that the device shows now
func (s *Sim) signInControl(mux *http.ServeMux) {
	mux.HandleFunc("GET /sim/signins", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.SignIns().Waiting()) })
	mux.HandleFunc("POST /sim/signins", s.postSignIns)
	mux.HandleFunc("POST /sim/expire", func(w http.ResponseWriter, _ *http.Request) {
		s.ExpireKeys()
		answer(w, true)
	})
	mux.HandleFunc("GET /sim/mfa", func(w http.ResponseWriter, r *http.Request) {
		for _, a := range s.world.Accounts() {
			for _, u := range a.Users {
				if u.MFASerial == "" || u.MFASerial != r.URL.Query().Get("serial") {
					continue
				}
				code := s.world.MFACode()
				if u.MFASeed != "" {
					code, _ = world.TOTP(u.MFASeed, time.Now()) // the world has checked the seed
				}
				answer(w, map[string]string{"code": code})
				return
			}
		}
		http.Error(w, "no such device", http.StatusNotFound)
	})
}

// ExpireKeys expires every temporary key that the simulated STS and SSO portal have issued.
func (s *Sim) ExpireKeys() { s.api.Keys().Expire() }

func (s *Sim) postSignIns(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Approval  api.Approval
		TokenLife string `json:"token_life"`
		Answer    *string
		Allow     bool
		Revoke    bool
	}
	if !ask(w, r, &in) {
		return
	}
	switch in.Approval {
	case "":
	case api.ApproveAll, api.ApproveAsk, api.ApproveNo:
		s.SignIns().SetApproval(in.Approval)
	default:
		http.Error(w, "approval is none of auto, ask, deny", http.StatusBadRequest)
		return
	}
	if in.TokenLife != "" {
		d, err := time.ParseDuration(in.TokenLife)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.SignIns().SetTokenLife(d)
	}
	answered := 0
	if in.Answer != nil {
		answered = s.SignIns().Answer(*in.Answer, in.Allow)
	}
	if in.Revoke {
		s.SignIns().Revoke()
	}
	answer(w, map[string]int{"answered": answered})
}
