package api

import (
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const ec2Version = "2016-11-15"

// ec2Service: the describe calls of EC2 are allowed on all resources or none.
func ec2Service() *service {
	return &service{name: "ec2", wire: queryWire{xmlns: "http://ec2.amazonaws.com/doc/" + ec2Version + "/", ec2: true}, operations: map[string]operation{
		"DescribeInstances":      {"*", describeInstances},
		"DescribeSecurityGroups": {"*", describeSecurityGroups},
		"DescribeSubnets":        {"*", describeSubnets},
		"DescribeVpcs":           {"*", describeVpcs},
		"DescribeRouteTables":    {"*", describeRouteTables},
		"DescribeNetworkAcls":    {"*", describeNetworkAcls},
		"DescribeRegions":        {"*", describeRegions},
	}}
}

// set is a list of EC2's XML, written also when it is empty.
type set[T any] struct {
	Items []T `xml:"item"`
}

func setOf[T any](items ...T) set[T] { return set[T]{items} }

type ec2Tag struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

// tagList sorts tags by key, so that answers do not change from call to call.
func tagList(tags map[string]string) []ec2Tag {
	all := make([]ec2Tag, 0, len(tags))
	for k, v := range tags {
		all = append(all, ec2Tag{k, v})
	}
	slices.SortFunc(all, func(a, b ec2Tag) int { return strings.Compare(a.Key, b.Key) })
	return all
}

// kind is how one family of EC2 resources is asked for.
type kind struct {
	ids      string // name of the id parameter: InstanceId
	prefix   string // of an id: i-
	code     string // of its errors: InvalidInstanceID → .NotFound, .Malformed
	noun     string // in its messages: instance ID
	most     int    // largest MaxResults
	notFound string // the whole code when it is not code + .NotFound
}

// resource is a thing that EC2's filters look at.
type resource[T any] struct {
	id     string
	vpc    string
	tags   map[string]string
	fields map[string][]string // values of the other filters, by name
	view   T
}

// names are the tags as EC2 filters see them.
func (r resource[T]) values(filter string) ([]string, bool) {
	switch filter {
	case "vpc-id":
		return []string{r.vpc}, true
	case "tag-key":
		var keys []string
		for k := range r.tags {
			keys = append(keys, k)
		}
		return keys, true
	}
	if key, ok := strings.CutPrefix(filter, "tag:"); ok {
		if v, ok := r.tags[key]; ok {
			return []string{v}, true
		}
		return nil, true
	}
	v, ok := r.fields[filter]
	return v, ok
}

// choose applies ids, filters and paging of a describe call to all resources of a kind. known are the filter names that the
// kind has beyond vpc-id and tags.
func choose[T any](c *call, k kind, all []resource[T], known ...string) ([]T, string, error) {
	ids := list(c.form, k.ids)
	if err := checkIDs(k, all, ids); err != nil {
		return nil, "", err
	}
	size, err := ec2PageSize(c.form, k, len(ids) > 0)
	if err != nil {
		return nil, "", err
	}
	if len(ids) > 0 {
		all = slices.DeleteFunc(all, func(r resource[T]) bool { return !slices.Contains(ids, r.id) })
	}
	for i := 1; ; i++ {
		at := "Filter." + strconv.Itoa(i)
		name := c.form.Get(at + ".Name")
		if name == "" {
			break
		}
		if name != "vpc-id" && name != "tag-key" && !strings.HasPrefix(name, "tag:") && !slices.Contains(known, name) {
			return nil, "", failf("InvalidParameterValue", "The filter '%s' is invalid", name)
		}
		wanted := list(c.form, at+".Value")
		all = slices.DeleteFunc(all, func(r resource[T]) bool {
			have, _ := r.values(name)
			return !anyMatches(have, wanted)
		})
	}
	part, next, ok := page(all, c.name, c.form.Get("NextToken"), c.atMost(size))
	if !ok {
		return nil, "", failf("InvalidParameterValue", "Unable to parse pagination token")
	}
	views := make([]T, len(part))
	for i, r := range part {
		views[i] = r.view
	}
	return views, next, nil
}

func checkIDs[T any](k kind, all []resource[T], ids []string) error {
	for _, id := range ids {
		rest, ok := strings.CutPrefix(id, k.prefix)
		if !ok || !hexID.MatchString(rest) {
			return failf(k.code+".Malformed", "Invalid id: %q", id)
		}
		if !slices.ContainsFunc(all, func(r resource[T]) bool { return r.id == id }) {
			code := k.notFound
			if code == "" {
				code = k.code + ".NotFound"
			}
			return failf(code, "The %s '%s' does not exist", k.noun, id)
		}
	}
	return nil
}

var hexID = regexp.MustCompile(`^([0-9a-f]{8}|[0-9a-f]{17})$`)

// ec2PageSize reads MaxResults; without it an answer is whole.
func ec2PageSize(form url.Values, k kind, byID bool) (int, error) {
	text := form.Get("MaxResults")
	if text == "" {
		return 1 << 30, nil
	}
	if byID && k.ids == "InstanceId" {
		return 0, failf("InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults")
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 5 {
		return 0, failf("InvalidParameterValue", "Value ( %s ) for parameter maxResults is invalid. Expecting a value greater than or equal to 5.", text)
	}
	return min(n, k.most), nil
}

// anyMatches compares with EC2's wildcards * and ?.
func anyMatches(have, wanted []string) bool {
	return slices.ContainsFunc(wanted, func(w string) bool {
		return slices.ContainsFunc(have, func(v string) bool { return v == w || wildcard(w, v) })
	})
}

// wildcard uses path.Match, whose star stops at a slash and whose bracket is special: both are taken out of its way.
func wildcard(pattern, s string) bool {
	clean := strings.NewReplacer("/", "\x00", "[", `\[`, `\`, `\\`)
	ok, err := path.Match(clean.Replace(pattern), strings.ReplaceAll(s, "/", "\x00"))
	return ok && err == nil
}

type regionView struct {
	Name     string `xml:"regionName"`
	Endpoint string `xml:"regionEndpoint"`
	OptIn    string `xml:"optInStatus"`
}

func describeRegions(c *call) (any, error) {
	enabled, notOptedIn := c.api.world.Regions()
	var all []resource[regionView]
	add := func(name, status string) {
		view := regionView{name, "ec2." + name + ".amazonaws.com", status}
		all = append(all, resource[regionView]{id: name, view: view, fields: map[string][]string{"region-name": {name}, "opt-in-status": {status}, "endpoint": {view.Endpoint}}})
	}
	for _, name := range enabled {
		add(name, "opt-in-not-required")
	}
	names := list(c.form, "RegionName")
	if c.form.Get("AllRegions") == "true" || len(names) > 0 {
		for _, name := range notOptedIn {
			add(name, "not-opted-in")
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(r resource[regionView]) bool { return r.id == name }) {
			return nil, &Error{"InvalidParameterValue", "Invalid region provided: [" + name + "]", http.StatusBadRequest}
		}
	}
	if len(names) > 0 {
		all = slices.DeleteFunc(all, func(r resource[regionView]) bool { return !slices.Contains(names, r.id) })
	}
	views, _, err := choose(c, kind{ids: "-", most: 1000}, all, "region-name", "opt-in-status", "endpoint")
	if err != nil {
		return nil, err
	}
	return struct {
		Regions set[regionView] `xml:"regionInfo"`
	}{setOf(views...)}, nil
}
