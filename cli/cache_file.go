package cli

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/targets"
)

// A list on disk is read at every start, by those with many accounts a hundred thousand rows at once. So a value that is there
// many times, such as an instance that carries hundreds of databases, is written once and shared by those who read it, texts are
// parts of the file as it was read, and the nodes stand behind the databases, which can be shown without them.

// magic begins a list on disk. It changes when a list of before would be misread.
const magic = "rdsx list 3\n"

// codec writes values, or reads them into the places that are given: one description of each type does for both.
type codec struct {
	writing bool
	out     []byte
	in      string
	at      int // in is read up to here
	failed  bool

	known     map[string]uint64 // while writing: the number of a value that was written, by kind and what stands for it
	count     [kinds]uint64
	texts     []string // while reading: the values in the order of their numbers
	lists     [][]string
	tags      []map[string]string
	verdicts  []aws.Verdict
	accounts  []aws.Account
	instances []*aws.Instance

	// Those that are read are made many at once.
	freshInstances []aws.Instance
	freshDatabases []aws.Database
}

// The kinds of values that are written once.
const (
	kindText = iota
	kindList
	kindTags
	kindVerdict
	kindAccount
	kindInstance
	kinds
)

// A value that is written once is written as one of these, or as the number of the same value before, from firstNumber.
const (
	inFull = iota
	isZero
	firstNumber
)

func (c *codec) fail() { c.failed, c.at = true, len(c.in) }

func (c *codec) uint(v *uint64) {
	if c.writing {
		c.out = binary.AppendUvarint(c.out, *v)
		return
	}
	*v = c.next()
}

// next is what binary.Uvarint would find in a slice.
func (c *codec) next() (x uint64) {
	for shift := 0; c.at < len(c.in) && shift < 64; shift += 7 {
		b := c.in[c.at]
		c.at++
		if x |= uint64(b&0x7f) << shift; b < 0x80 {
			return x
		}
	}
	c.fail()
	return 0
}

func (c *codec) int(v *int) {
	u := uint64(*v)
	if c.uint(&u); !c.writing {
		*v = int(u)
	}
}

func (c *codec) bool(v *bool) {
	var u uint64
	if *v {
		u = 1
	}
	if c.uint(&u); !c.writing { // what is written may be looked at by others
		*v = u == 1
	}
}

// length is that of a slice or map. Nothing has more elements than bytes.
func (c *codec) length(n int) int {
	c.int(&n)
	if !c.writing && (n < 0 || n > len(c.in)-c.at) {
		c.fail()
		return 0
	}
	return n
}

// time keeps what of a time can be told from another machine's: the instant and UTC. Zero stays zero.
func (c *codec) time(t *time.Time) {
	var u uint64
	if c.writing && !t.IsZero() {
		u = uint64(t.UnixNano())
	}
	if c.uint(&u); !c.writing && u != 0 && u <= math.MaxInt64 {
		*t = time.Unix(0, int64(u)).UTC()
	}
}

// again writes the number of a value that was written before, and says whether that was so.
func (c *codec) again(kind byte, key string) bool {
	n := c.known[string(kind)+key]
	c.out = binary.AppendUvarint(c.out, n)
	return n != inFull
}

func (c *codec) note(kind byte, key string) {
	c.known[string(kind)+key] = firstNumber + c.count[kind]
	c.count[kind]++
}

// text leaves an empty one as it is found: while reading, all is made empty.
func (c *codec) text(s *string) {
	if c.writing {
		switch {
		case *s == "":
			c.out = append(c.out, isZero)
		case !c.again(kindText, *s):
			c.out = append(binary.AppendUvarint(c.out, uint64(len(*s))), *s...)
			c.note(kindText, *s)
		}
		return
	}
	switch n := c.next(); {
	case n == isZero:
	case n == inFull:
		length := c.length(0)
		*s = c.in[c.at : c.at+length]
		c.at += length
		c.texts = append(c.texts, *s)
	case n-firstNumber < uint64(len(c.texts)):
		*s = c.texts[n-firstNumber]
	default:
		c.fail()
	}
}

// shared writes or reads a value of a kind: in full the first time, by its number after that. zero says that v is its type's.
func shared[T any](c *codec, kind byte, table *[]T, v *T, zero bool, full func(*T)) {
	if !c.writing {
		switch n := c.next(); {
		case n == isZero:
		case n == inFull:
			full(v)
			*table = append(*table, *v)
		case n-firstNumber < uint64(len(*table)):
			*v = (*table)[n-firstNumber]
		default:
			c.fail()
		}
		return
	}
	if zero {
		c.out = append(c.out, isZero)
		return
	}
	before := c.out
	c.out = nil
	full(v)
	first := c.out
	if c.out = before; c.again(kind, string(first)) {
		return
	}
	c.out = append(c.out, first...)
	// By the time that it comes again, all that is in it is known.
	before, c.out = c.out, nil
	full(v)
	c.note(kind, string(c.out))
	c.out = before
}

// fresh gives the next of a stock of empty values.
func fresh[T any](stock *[]T) *T {
	if len(*stock) == 0 {
		*stock = make([]T, 64)
	}
	v := &(*stock)[0]
	*stock = (*stock)[1:]
	return v
}

func (c *codec) list(v *[]string) {
	shared(c, kindList, &c.lists, v, *v == nil, func(v *[]string) {
		n := c.length(len(*v))
		if !c.writing {
			*v = make([]string, n)
		}
		for i := range *v {
			c.text(&(*v)[i])
		}
	})
}

func (c *codec) tagMap(v *map[string]string) {
	shared(c, kindTags, &c.tags, v, *v == nil, func(v *map[string]string) {
		n := c.length(len(*v))
		if c.writing {
			for _, key := range slices.Sorted(maps.Keys(*v)) {
				value := (*v)[key]
				c.text(&key)
				c.text(&value)
			}
			return
		}
		*v = make(map[string]string, n)
		for range n {
			var key, value string
			c.text(&key)
			c.text(&value)
			(*v)[key] = value
		}
	})
}

func (c *codec) account(v *aws.Account) {
	shared(c, kindAccount, &c.accounts, v, *v == aws.Account{}, func(v *aws.Account) {
		for _, s := range []*string{&v.ID, &v.ARN, &v.Partition, &v.Profile, &v.Region} {
			c.text(s)
		}
	})
}

// instance is written once for itself and for all that it carries.
func (c *codec) instance(v **aws.Instance) {
	shared(c, kindInstance, &c.instances, v, *v == nil, func(v **aws.Instance) {
		if !c.writing {
			*v = fresh(&c.freshInstances)
		}
		c.instanceFields(*v)
	})
}

func (c *codec) instanceFields(i *aws.Instance) {
	c.text(&i.ID)
	c.text(&i.Name)
	c.text(&i.PingStatus)
	c.time(&i.LastPing)
	c.text(&i.AgentVersion)
	c.text(&i.Platform)
	c.text(&i.State)
	c.text(&i.IP)
	c.text(&i.VPC)
	c.text(&i.Subnet)
	c.text(&i.AZ)
	c.list(&i.Groups)
	c.text(&i.Account)
	c.text(&i.Region)
	c.tagMap(&i.Tags)
	c.list(&i.Profiles)
}

func (c *codec) endpoint(e *aws.Endpoint) {
	c.text(&e.Host)
	c.int(&e.Port)
}

func (c *codec) database(v **aws.Database) {
	there := *v != nil
	if c.bool(&there); !there {
		return
	}
	if !c.writing {
		*v = fresh(&c.freshDatabases)
	}
	d := *v
	c.text(&d.ID)
	c.text((*string)(&d.Role))
	c.text(&d.Cluster)
	c.text(&d.Engine)
	c.text(&d.EngineVersion)
	c.endpoint(&d.Endpoint)
	c.text(&d.Status)
	c.bool(&d.MultiAZ)
	c.text(&d.VPC)
	c.text(&d.AZ)
	c.list(&d.Subnets)
	c.list(&d.Groups)
	c.bool(&d.IAMAuth)
	c.text(&d.Account)
	c.text(&d.Region)
	c.tagMap(&d.Tags)
	c.text(&d.Service)
	c.text(&d.ARN)
	c.text(&d.ResourceID)
	n := c.length(len(d.Ports))
	if !c.writing && n > 0 {
		d.Ports = make([]aws.Port, n)
	}
	for i := range d.Ports {
		c.int(&d.Ports[i].Port)
		c.text(&d.Ports[i].For)
		c.text(&d.Ports[i].Host)
	}
	c.text(&d.Secret)
	c.text(&d.CA)
	c.text((*string)(&d.TLS))
	c.list(&d.Profiles)
}

func (c *codec) verdict(v *aws.Verdict) {
	shared(c, kindVerdict, &c.verdicts, v, v.Answer == "" && v.Layers == nil && v.Notes == nil, func(v *aws.Verdict) {
		c.text((*string)(&v.Answer))
		n := c.length(len(v.Layers))
		if !c.writing && n > 0 {
			v.Layers = make([]aws.Layer, n)
		}
		for i := range v.Layers {
			c.layer(&v.Layers[i])
		}
		c.list(&v.Notes)
	})
}

func (c *codec) layer(l *aws.Layer) {
	c.text(&l.Name)
	c.text((*string)(&l.Answer))
	c.text(&l.Rule)
	c.text(&l.Why)
	there := l.Fix != nil
	if c.bool(&there); !there {
		return
	}
	if !c.writing {
		l.Fix = &aws.Fix{}
	}
	for _, s := range []*string{&l.Fix.Text, &l.Fix.Command, &l.Fix.Account, &l.Fix.Terraform, &l.Fix.Console} {
		c.text(s)
	}
}

func (c *codec) row(r *targets.Row) {
	c.account(&r.Account)
	c.text(&r.Alias)
	c.database(&r.Database)
	c.instance(&r.Instance)
	c.endpoint(&r.Endpoint)
	c.via(&r.Via)
	c.text(&r.Why)
	c.text((*string)(&r.Reach))
	c.verdict(&r.Path)
	c.text(&r.Unusable)
	c.text(&r.Next)
	c.time(&r.LastUsed)
}

func (c *codec) via(v *aws.Instance) {
	carrier := v
	if c.writing && v.ID == "" {
		carrier = nil
	}
	if !c.writing {
		carrier = nil
	}
	if c.instance(&carrier); !c.writing && carrier != nil {
		*v = *carrier
	}
}

func (c *codec) rows(rows []targets.Row) []targets.Row {
	n := c.length(len(rows))
	if !c.writing {
		rows = make([]targets.Row, n)
	}
	for i := 0; i < len(rows) && !c.failed; i++ {
		c.row(&rows[i])
	}
	return rows
}

// head is what stands before the rows.
func (c *codec) head(l *list) {
	c.time(&l.At)
	c.account(&l.Account)
	c.list(&l.Denied)
}
