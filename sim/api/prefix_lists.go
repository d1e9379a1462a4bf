package api

import (
	"strings"
)

type prefixListView struct {
	ID      string      `xml:"prefixListId"`
	Name    string      `xml:"prefixListName"`
	ARN     string      `xml:"prefixListArn"`
	Family  string      `xml:"addressFamily"`
	State   string      `xml:"state"`
	Most    int         `xml:"maxEntries"`
	Version int         `xml:"version"`
	Owner   string      `xml:"ownerId"`
	Tags    set[ec2Tag] `xml:"tagSet"`
}

func describePrefixLists(c *call) (any, error) {
	var all []resource[prefixListView]
	for _, l := range c.region().PrefixLists {
		v := prefixListView{
			ID: l.ID, Name: l.Name, ARN: c.fill("arn:aws:ec2:{region}:{account}:prefix-list/" + l.ID), Family: "IPv4", State: "create-complete",
			Most: len(l.Entries), Version: 1, Owner: c.place.Account,
		}
		if len(l.Entries) > 0 && strings.Contains(l.Entries[0], ":") {
			v.Family = "IPv6"
		}
		all = append(all, resource[prefixListView]{id: l.ID, view: v, fields: map[string][]string{
			"prefix-list-id": {l.ID}, "prefix-list-name": {l.Name}, "owner-id": {c.place.Account},
		}})
	}
	k := kind{ids: "PrefixListId", prefix: "pl-", code: "InvalidPrefixListID", noun: "prefix list ID", most: 100}
	views, next, err := choose(c, k, all, "prefix-list-id", "prefix-list-name", "owner-id")
	if err != nil {
		return nil, err
	}
	return struct {
		Set  set[prefixListView] `xml:"prefixListSet"`
		Next string              `xml:"nextToken,omitempty"`
	}{setOf(views...), next}, nil
}

type prefixEntryView struct {
	CIDR        string `xml:"cidr"`
	Description string `xml:"description,omitempty"`
}

func getPrefixListEntries(c *call) (any, error) {
	id := c.form.Get("PrefixListId")
	for _, l := range c.region().PrefixLists {
		if l.ID != id {
			continue
		}
		var all []resource[prefixEntryView]
		for _, e := range l.Entries {
			all = append(all, resource[prefixEntryView]{id: e, view: prefixEntryView{CIDR: e}})
		}
		views, next, err := choose(c, kind{ids: "-", most: 100}, all)
		if err != nil {
			return nil, err
		}
		return struct {
			Set  set[prefixEntryView] `xml:"entrySet"`
			Next string               `xml:"nextToken,omitempty"`
		}{setOf(views...), next}, nil
	}
	return nil, failf("InvalidPrefixListID.NotFound", "The prefix list ID '%s' does not exist", id)
}

type awsListView struct {
	ID    string      `xml:"prefixListId"`
	Name  string      `xml:"prefixListName"`
	CIDRs set[string] `xml:"cidrSet"`
}

// describeAWSPrefixLists gives AWS's own lists alone: here those whose name says so.
func describeAWSPrefixLists(c *call) (any, error) {
	var all []resource[awsListView]
	for _, l := range c.region().PrefixLists {
		if strings.HasPrefix(l.Name, "com.amazonaws.") {
			all = append(all, resource[awsListView]{id: l.ID, view: awsListView{l.ID, l.Name, setOf(l.Entries...)}, fields: map[string][]string{
				"prefix-list-id": {l.ID}, "prefix-list-name": {l.Name},
			}})
		}
	}
	k := kind{ids: "PrefixListId", prefix: "pl-", code: "InvalidPrefixListId", noun: "prefix list ID", most: 1000}
	views, next, err := choose(c, k, all, "prefix-list-id", "prefix-list-name")
	if err != nil {
		return nil, err
	}
	return struct {
		Set  set[awsListView] `xml:"prefixListSet"`
		Next string           `xml:"nextToken,omitempty"`
	}{setOf(views...), next}, nil
}
