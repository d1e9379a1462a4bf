package world

import (
	"maps"
	"reflect"
	"slices"
)

// clone copies everything that Update, UpdateTopology and SetDial may write to: all regions, the peerings, gateways and dials. The rest is shared and never written.
func (s *Spec) clone() *Spec {
	next := *s
	next.Dials = maps.Clone(s.Dials)
	if next.Dials == nil {
		next.Dials = map[string]string{}
	}
	next.Peerings = slices.Clone(s.Peerings)
	next.Transits = deep(reflect.ValueOf(s.Transits)).Interface().([]Transit)
	next.Accounts = slices.Clone(s.Accounts)
	for i := range next.Accounts {
		regions := reflect.ValueOf(s.Accounts[i].Regions)
		next.Accounts[i].Regions = deep(regions).Interface().([]Region)
	}
	return &next
}

// deep copies a value of structs, slices, maps and plain values: all that a region is made of.
func deep(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(deep(v.Index(i)))
		}
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for it := v.MapRange(); it.Next(); {
			out.SetMapIndex(it.Key(), deep(it.Value()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			out.Field(i).Set(deep(v.Field(i)))
		}
	default:
		out.Set(v)
	}
	return out
}
