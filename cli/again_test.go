package cli

import "testing"

// TestAgain: a hint is a line that can be typed, holds what the user has typed, and no secret of it.
func TestAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args           []string
		command, added []string
		want           string
	}{
		{args: []string{"profiles", "add", "x", "--role-arn", "arn:aws:iam::111122223333:role/X"}, added: []string{"--yes"}, want: "rdsx profiles add x --role-arn arn:aws:iam::111122223333:role/X --yes"},
		{args: []string{"profiles", "add", "x", "--external-id", "s3cret"}, added: []string{"--yes"}, want: "rdsx profiles add x --external-id EXTERNAL-ID --yes"},
		{args: []string{"profiles", "add", "x", "--external-id=s3cret"}, added: []string{"--yes"}, want: "rdsx profiles add x --external-id=EXTERNAL-ID --yes"},
		{args: []string{"profiles", "undo", "--yes"}, added: []string{"--yes", "--force"}, want: "rdsx profiles undo --yes --force"},
		{args: []string{"ls", "--mfa-code", ""}, added: []string{"--mfa-code", "123456"}, want: "rdsx ls --mfa-code 123456"},
		{args: []string{"exec", "orders:reader", "--port=5432", "--via", "bastion a", "--", "x", "--port", "1"}, added: []string{"--port", "5433"}, want: "rdsx exec orders:reader --via 'bastion a' --port 5433 -- x --port 1"},
		{args: []string{"profiles", "rm", "--", "--yes"}, added: []string{"--yes"}, want: "rdsx profiles rm --yes -- --yes"},
		{args: []string{"setup", "all", "--database", "o=h:1@sg-1", "--operator", "it's me"}, added: []string{"--confirm", "rdsx"}, want: `rdsx setup all --database o=h:1@sg-1 --operator 'it'\''s me' --confirm rdsx`},
		{args: []string{"profiles", "rm", "x"}, command: []string{"rdsx profiles rm x"}, added: []string{"--yes"}, want: "rdsx profiles rm x --yes"},
	} {
		a := &app{Process: Process{Args: c.args}}
		command := ""
		if len(c.command) > 0 {
			command = c.command[0]
		}
		if got := a.again(command, c.added...); got != c.want {
			t.Errorf("%q: %s, want %s", c.args, got, c.want)
		}
	}
}
