// Package iam reads policy documents and decides by them, for the subset of the language that Session Manager set-ups use.
package iam

// Policy is a policy document.
type Policy struct {
	Version    string
	Statements []Statement
}

// Statement is one rule of a policy.
type Statement struct {
	SID    string
	Effect string
}
