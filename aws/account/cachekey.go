package account

import (
	"crypto/sha1" //nolint:gosec // the AWS CLI's names of files, no protection
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// cacheKey is the name that the AWS CLI gives a cached answer: SHA-1 of the arguments as Python's json.dumps(sort_keys=True)
// writes them (docs/aws.md §2). compact leaves out the blanks after , and :.
func cacheKey(args map[string]any, compact bool) string {
	sum := sha1.Sum([]byte(pythonJSON(args, compact))) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

// roleArgs are the arguments of an AssumeRole call that come from the profile. What rdsx adds itself (a session name, an hour)
// is not among them, as the CLI's own additions are not.
func roleArgs(arn, sessionName, externalID, serial string, seconds int) map[string]any {
	args := map[string]any{"RoleArn": arn}
	for name, value := range map[string]string{"RoleSessionName": sessionName, "ExternalId": externalID, "SerialNumber": serial} {
		if value != "" {
			args[name] = value
		}
	}
	if seconds > 0 {
		args["DurationSeconds"] = seconds
	}
	return args
}

// ssoArgs are those of the SSO role credentials of CLI version 2. session is "" for a legacy profile.
func ssoArgs(account, role, session, startURL string) map[string]any {
	args := map[string]any{"accountId": account, "roleName": role}
	if session != "" {
		args["sessionName"] = session
	} else {
		args["startUrl"] = startURL
	}
	return args
}

// sha1Name is the name of an SSO token's file without its ending: of the sso-session's name, or of the start URL.
func sha1Name(text string) string {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

// pythonJSON writes v as Python's json.dumps does with ensure_ascii and sort_keys. It knows maps, lists of strings, strings,
// whole numbers and nil.
func pythonJSON(v any, compact bool) string {
	comma, colon := ", ", ": "
	if compact {
		comma, colon = ",", ":"
	}
	switch v := v.(type) {
	case map[string]any:
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, pythonString(key)+colon+pythonJSON(v[key], compact))
		}
		return "{" + strings.Join(parts, comma) + "}"
	case []string:
		var parts []string
		for _, s := range v {
			parts = append(parts, pythonString(s))
		}
		return "[" + strings.Join(parts, comma) + "]"
	case string:
		return pythonString(v)
	case int:
		return strconv.Itoa(v)
	}
	return "null"
}

func pythonString(s string) string {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\f': `\f`, '\b': `\b`}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch escaped, ok := short[r]; {
		case ok:
			b.WriteString(escaped)
		case r >= ' ' && r <= '~':
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
