package databases

import (
	_ "embed"
	"strings"
)

//go:embed shop.sql
var shopSQL string

//go:embed shop.redis
var shopRedis string

// statements splits SQL as shop.sql is written (a statement ends with a semicolon at the end of a line) into statements of
// one line each without the semicolon: the first files of mysqld and PostgreSQL's single-user mode take a line at a time.
func statements(sql string) []string {
	var out []string
	var current []string
	for line := range strings.Lines(sql) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "--") {
			continue
		}
		text, ends := strings.CutSuffix(line, ";")
		current = append(current, text)
		if ends {
			out = append(out, strings.Join(current, " "))
			current = nil
		}
	}
	return out
}

// commands splits shop.redis: a command a line, its words separated by single spaces.
func commands(text string) [][]string {
	var out [][]string
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 0 {
			out = append(out, words)
		}
	}
	return out
}
