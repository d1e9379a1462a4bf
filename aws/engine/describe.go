package engine

import "strings"

// Describe puts what a server said of itself in one line: PostgreSQL, TLS with the certificate of orders.example.
func (e Engine) Describe(info Info) string {
	parts := []string{strings.TrimSpace(e.named() + " " + info.Version)}
	switch {
	case len(info.Names) > 0:
		parts = append(parts, "TLS with the certificate of "+strings.Join(info.Names[:1], ""))
	case info.TLS:
		parts = append(parts, "TLS")
	}
	if info.Role != "" {
		parts = append(parts, info.Role)
	}
	return strings.Join(parts, ", ")
}
