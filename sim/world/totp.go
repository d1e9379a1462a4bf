package world

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238's default, which MFA devices of AWS use
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// TOTPStep is how long a code is shown (RFC 6238 §4).
const TOTPStep = 30 * time.Second

// TOTP is the six-digit code that a virtual MFA device with that seed (base32, as AWS shows it) displays at t.
func TOTP(seed string, t time.Time) (string, error) {
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(strings.ToUpper(seed), "="))
	if err != nil {
		return "", fmt.Errorf("MFA seed is not base32: %w", err)
	}
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(t.Unix()/int64(TOTPStep.Seconds())))
	mac := hmac.New(sha1.New, key)
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0x0f
	n := binary.BigEndian.Uint32(sum[at:at+4]) & 0x7fffffff
	return fmt.Sprintf("%06d", n%1_000_000), nil
}
