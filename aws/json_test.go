package aws

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden JSON anew")

// TestJSON holds what --json prints of a tunnel and of an event to testdata. Scripts read these names: a line of the golden files
// may be added, by a field that is new, and none may change or go.
func TestJSON(t *testing.T) {
	for name, v := range map[string]any{"tunnel": &Tunnel{}, "event": &Event{}} {
		fill(t, name, reflect.ValueOf(v).Elem())
		got, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name+".json")
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n")); !bytes.Equal(bytes.TrimSpace(want), got) {
			t.Errorf("%s differs (where fields were added, and nothing else: run with -update):\n%s", path, got)
		}
	}
}

// fill gives every field a value that tells which one it is, whatever it is and whenever it was added: omitempty hides none.
func fill(t *testing.T, name string, v reflect.Value) {
	t.Helper()
	if at, ok := v.Addr().Interface().(*time.Time); ok {
		*at = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, strings.ToLower(v.Type().Field(i).Name), v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, name, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, name, v.Index(0))
	case reflect.Map:
		one := reflect.New(v.Type().Elem()).Elem()
		fill(t, name, one)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), one)
	case reflect.String:
		v.SetString("the " + name)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(number(name)))
	case reflect.Uint64:
		v.SetUint(uint64(number(name)))
	default:
		t.Fatalf("%s is a %s: fill does not know how", name, v.Kind())
	}
}

// number is one that hardly another name has.
func number(name string) (n int) {
	for _, c := range name {
		n = (n*31 + int(c)) % 9973
	}
	return n
}
