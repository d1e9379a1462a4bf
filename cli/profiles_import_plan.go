package cli

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/profiles"
)

// importReport says what an import found, in the JSON of a change. Fields are only ever added.
type importReport struct {
	Found int        `json:"found"` // accounts × roles that were asked for
	Known int        `json:"known"` // of those, how many have a profile already
	Added []addedOne `json:"added"`
	Gone  []goneOne  `json:"gone"`  // profiles that rdsx wrote for what is no longer there
	Taken []string   `json:"taken"` // names that other profiles have
}

type addedOne struct {
	Profile string `json:"profile"`
	Account string `json:"account"`
	Role    string `json:"role"`
}

type goneOne struct {
	Profile string `json:"profile"`
	Account string `json:"account"`
	Role    string `json:"role"`
}

// writeImport writes what is missing and names what is gone.
func (a *app) writeImport(ctx context.Context, found imported, flags importFlags) error {
	var last importReport
	err := a.write(ctx, change{
		flags: flags.writeFlags,
		plan: func(f *profiles.File, _ bool) (*profiles.Plan, error) {
			edits, report := found.plan(f, flags)
			last = report
			return f.Plan(edits...)
		},
		done:   "imported profiles",
		report: &last,
	})
	if err == nil {
		last.tell(a, found.source)
	}
	return err
}

// plan is what to add to the file as it is.
func (i imported) plan(f *profiles.File, flags importFlags) ([]profiles.Edit, importReport) {
	settings, _ := f.Settings()
	report := importReport{Added: []addedOne{}, Gone: []goneOne{}, Taken: []string{}}
	var edits []profiles.Edit
	names := map[string]bool{}
	offered := map[string]bool{}
	for _, item := range i.items {
		offered[identity(item.account, item.role)] = true
		if !flags.wanted(item) {
			continue
		}
		report.Found++
		if slices.ContainsFunc(sortedValues(settings), item.same) {
			report.Known++
			continue
		}
		name := i.name(flags.template, item)
		if names[name] || settings[name] != nil {
			name += "-" + item.account // two accounts may have the same name
		}
		if names[name] || settings[name] != nil {
			report.Taken = append(report.Taken, name)
			continue
		}
		names[name] = true
		edits = append(edits, profiles.Edit{Op: profiles.Add, Name: name, Keys: item.keys})
		report.Added = append(report.Added, addedOne{name, item.account, item.role})
	}
	if i.portal != nil && len(edits) > 0 {
		edits = append([]profiles.Edit{*i.portal}, edits...)
	}
	for _, p := range f.Profiles() {
		keys := settings[p.Name]
		role := keys["sso_role_name"]
		if role == "" {
			role = lastPart(keys["role_arn"])
		}
		if p.Managed && p.Account != i.own && i.owned(keys) && !offered[identity(p.Account, role)] {
			report.Gone = append(report.Gone, goneOne{p.Name, p.Account, role})
		}
	}
	return edits, report
}

func identity(account, role string) string { return account + "/" + role }

// same says whether a profile leads to where the item does.
func (i importable) same(keys map[string]string) bool {
	for _, k := range i.keys {
		switch k.Name {
		case "role_arn", "sso_session", "sso_account_id", "sso_role_name":
			if keys[k.Name] != k.Value {
				return false
			}
		}
	}
	return true
}

func sortedValues(settings map[string]map[string]string) []map[string]string {
	out := make([]map[string]string, 0, len(settings))
	for _, keys := range settings {
		out = append(out, keys)
	}
	return out
}

// usualTemplate is how profiles are named when nothing else is asked for.
const usualTemplate = "{account}-{role}"

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// checkTemplate refuses a template whose names could not tell accounts apart, or that holds a word nobody knows.
func checkTemplate(template string) error {
	const next = "rdsx profiles import --template {account}-{role}"
	if template == "" {
		return nil
	}
	for _, word := range placeholder.FindAllString(template, -1) {
		if !slices.Contains([]string{"{account}", "{id}", "{role}", "{session}"}, word) {
			return usage(next, "%s in --template is none of {account}, {id}, {role} and {session}", word)
		}
	}
	if !strings.Contains(template, "{account}") && !strings.Contains(template, "{id}") {
		return usage(next, "--template needs {account} or {id}, else all accounts get one name")
	}
	return nil
}

// name fills in the template, in the letters that every reader of the file takes in a profile's name.
func (i imported) name(template string, item importable) string {
	if template == "" {
		template = usualTemplate
	}
	account := item.accountName
	if slug(account) == "" {
		account = item.account
	}
	filled := strings.NewReplacer("{account}", account, "{id}", item.account, "{role}", item.role, "{session}", i.session).Replace(template)
	return slug(filled)
}

// slug puts a dash in the place of every run of other letters, and none at the ends.
func slug(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("_.@+/", r):
			b.WriteRune(r)
		case !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-")
}

// tell says on stderr what a diff does not show.
func (r importReport) tell(a *app, source string) {
	if a.flags.json {
		return
	}
	fmt.Fprintf(a.Stderr, "%s offers %s; %d had a profile already\n", source, counted(r.Found, "role"), r.Known)
	for _, name := range r.Taken {
		fmt.Fprintf(a.Stderr, "warning: another profile is called %s; choose a --template\n", printable(name))
	}
	if len(r.Gone) == 0 {
		return
	}
	var names []string
	for _, g := range r.Gone {
		names = append(names, g.Profile)
		fmt.Fprintf(a.Stderr, "profile %s leads to %s in %s, which %s no longer offers\n", printable(g.Profile), printable(g.Role), g.Account, source)
	}
	fmt.Fprintf(a.Stderr, "hint: rdsx profiles rm %s\n", printable(strings.Join(names, " ")))
}
