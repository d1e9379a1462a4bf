package cli

import (
	"slices"
	"strings"
)

// again is a command to type: command, or, where that is "", the user's own command line, with what is added to it. Values that
// open something are not repeated: their flag's name in capitals stands for them. What is behind -- stays there: it is no flag of ours.
func (a *app) again(command string, added ...string) string {
	words := []string{command}
	var typed, behind []string
	if command == "" {
		typed = withoutSecrets(a.Args)
		words = []string{"rdsx"}
		if i := slices.Index(typed, "--"); i >= 0 {
			typed, behind = typed[:i], typed[i:]
		}
	}
	pair := len(added) == 2 && !strings.HasPrefix(added[1], "-")
	for i := 0; i < len(typed); i++ {
		if pair { // a flag with its value, which takes the place of one before
			if typed[i] == added[0] {
				i++
				continue
			}
			if strings.HasPrefix(typed[i], added[0]+"=") {
				continue
			}
		}
		words = append(words, shellWord(typed[i]))
	}
	for _, word := range added {
		if pair || !slices.Contains(typed, word) {
			words = append(words, shellWord(word))
		}
	}
	for _, word := range behind {
		words = append(words, shellWord(word))
	}
	return strings.Join(words, " ")
}

// withoutSecrets is a command line without the values of flags that carry secrets.
func withoutSecrets(args []string) []string {
	out := slices.Clone(args)
	for i, arg := range out {
		name, _, joined := strings.Cut(arg, "=")
		switch name {
		case "--external-id", "--mfa-code", "--parameter":
		default:
			continue
		}
		stands := strings.ToUpper(strings.TrimPrefix(name, "--"))
		switch {
		case joined:
			out[i] = name + "=" + stands
		case i+1 < len(out):
			out[i+1] = stands
		}
	}
	return out
}

// shellWord is a word as a POSIX shell takes it.
func shellWord(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:=@,+%", r)
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
