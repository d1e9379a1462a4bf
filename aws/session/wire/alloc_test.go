package wire

import "testing"

func TestHotPathDoesNotAllocate(t *testing.T) {
	m := sample()
	m.Payload = make([]byte, 1024)
	frame := m.Append(nil)
	ackFrame := AppendAck(nil, &m, m.ID, 1)
	body := ackFrame[Overhead:]
	out := make([]byte, 0, 2048)
	var got Message
	var ack Ack
	for name, f := range map[string]func(){
		"Append":    func() { out = m.Append(out[:0]) },
		"AppendAck": func() { out = AppendAck(out[:0], &m, m.ID, 1) },
		"Decode": func() {
			if err := Decode(frame, &got); err != nil {
				t.Error(err)
			}
		},
		"ParseAck": func() {
			if err := ParseAck(body, &ack); err != nil {
				t.Error(err)
			}
		},
	} {
		if n := testing.AllocsPerRun(200, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	m := sample()
	m.Payload = make([]byte, 1024)
	out := make([]byte, 0, 2048)
	b.ReportAllocs()
	b.SetBytes(1024)
	for b.Loop() {
		out = m.Append(out[:0])
	}
}

func BenchmarkDecode(b *testing.B) {
	m := sample()
	m.Payload = make([]byte, 1024)
	frame := m.Append(nil)
	b.ReportAllocs()
	b.SetBytes(1024)
	for b.Loop() {
		if err := Decode(frame, &m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendAck(b *testing.B) {
	m := sample()
	out := make([]byte, 0, 2048)
	b.ReportAllocs()
	for b.Loop() {
		out = AppendAck(out[:0], &m, m.ID, 1)
	}
}

func BenchmarkParseAck(b *testing.B) {
	m := sample()
	body := AppendAck(nil, &m, m.ID, 1)[Overhead:]
	var a Ack
	b.ReportAllocs()
	for b.Loop() {
		if err := ParseAck(body, &a); err != nil {
			b.Fatal(err)
		}
	}
}
