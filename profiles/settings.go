package profiles

import "maps"

// Settings are the keys of every profile and every sso-session, as the readers of Profiles see them: for those who work out
// what a profile leads to. Secret keys and tokens are left out.
func (f *File) Settings() (profiles, sessions map[string]map[string]string) {
	v := f.view()
	plain := func(all map[string]*meaning) map[string]map[string]string {
		out := make(map[string]map[string]string, len(all))
		for name, m := range all {
			keys := maps.Clone(m.keys)
			maps.DeleteFunc(keys, func(key, _ string) bool { return isSecret(key) })
			out[name] = keys
		}
		return out
	}
	return plain(v.profiles), plain(v.sessions)
}
