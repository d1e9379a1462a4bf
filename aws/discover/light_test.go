package discover

import (
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/rds"
)

const machinesXML = `<?xml version="1.0" encoding="UTF-8"?>
<!-- a <comment> -->
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>r</requestId>
  <reservationSet><item><ownerId>1</ownerId><groupSet/><instancesSet>
    <item a="b c"><instanceId>i-1</instanceId><vpcId>vpc-1</vpcId><subnetId>s-1</subnetId><privateIpAddress>10.0.0.1</privateIpAddress>
      <instanceState><code>16</code><name>running</name></instanceState><placement><availabilityZone>eu-west-1a</availabilityZone><tenancy>default</tenancy></placement>
      <groupSet><item><groupId>sg-1</groupId><groupName>a</groupName></item></groupSet>
      <networkInterfaceSet><item><groupSet><item><groupId>sg-2</groupId></item></groupSet><privateIpAddress>10.0.0.1</privateIpAddress></item></networkInterfaceSet>
      <tagSet><item><key>Name</key><value>R&amp;D &lt;東京&gt;</value></item><item><key>note</key><value/></item></tagSet></item>
    <item><instanceId>i-2</instanceId></item>
  </instancesSet></item></reservationSet><nextToken>more</nextToken>
</DescribeInstancesResponse>`

func TestLightMachines(t *testing.T) {
	t.Parallel()
	out, err := readMachines([]byte(machinesXML))
	if err != nil || *out.NextToken != "more" || len(out.Reservations) != 1 || len(out.Reservations[0].Instances) != 2 {
		t.Fatalf("%+v %v", out, err)
	}
	got := machineOf(out.Reservations[0].Instances[0])
	want := machine{"running", "eu-west-1a", "vpc-1", "s-1", "10.0.0.1", []string{"sg-1", "sg-2"}, map[string]string{"Name": "R&D <東京>", "note": ""}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestLightRefuses holds what is left to the SDK's own reader: nothing is guessed.
func TestLightRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":       "",
		"another":       "<DescribeRegionsResponse/>",
		"cut":           machinesXML[:len(machinesXML)-40],
		"crossed":       "<DescribeInstancesResponse><a><b></a></b></DescribeInstancesResponse>",
		"number":        "<DescribeInstancesResponse><nextToken>&#65;</nextToken></DescribeInstancesResponse>",
		"data":          "<DescribeInstancesResponse><nextToken><![CDATA[x]]></nextToken></DescribeInstancesResponse>",
		"declaration":   "<!DOCTYPE x><DescribeInstancesResponse/>",
		"element there": "<DescribeInstancesResponse><nextToken>a<b/></nextToken></DescribeInstancesResponse>",
		"not UTF-8":     "<DescribeInstancesResponse><nextToken>\xff</nextToken></DescribeInstancesResponse>",
	} {
		if out, err := readMachines([]byte(text)); err == nil {
			t.Errorf("%s gives %+v", name, out)
		} else if !errors.As(err, new(*xmlError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := readDatabases([]byte("<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances><DBInstance><MultiAZ>perhaps</MultiAZ></DBInstance></DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>")); err == nil {
		t.Error("a truth that is none is believed")
	}
}

// FuzzLightXML proves that whatever the reader takes, encoding/xml takes too, and that both read the same.
func FuzzLightXML(f *testing.F) {
	f.Add([]byte(machinesXML))
	f.Add([]byte(`<DescribeDBInstancesResponse><DescribeDBInstancesResult><Marker>m</Marker><DBInstances><DBInstance><DBInstanceIdentifier>a</DBInstanceIdentifier><MultiAZ>true</MultiAZ><Endpoint><Address>h</Address><Port>5432</Port></Endpoint></DBInstance></DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if out, err := readMachines(text); err == nil {
			var want struct {
				Token string `xml:"nextToken"`
				Sets  []struct {
					Instances []struct {
						ID string `xml:"instanceId"`
					} `xml:"instancesSet>item"`
				} `xml:"reservationSet>item"`
			}
			if !wellFormed(text) || xml.Unmarshal(text, &want) != nil {
				return // the SDK's reader is as forgiving: see wellFormed
			}
			if out.NextToken != nil && strings.Count(string(text), "nextToken") == 2 && *out.NextToken != want.Token {
				t.Errorf("token %q, want %q", *out.NextToken, want.Token)
			}
		}
		if out, err := readDatabases(text); err == nil && out == (*rds.DescribeDBInstancesOutput)(nil) {
			t.Error("nothing, and no error")
		}
	})
}

// wellFormed says whether encoding/xml reads the text to its end.
func wellFormed(text []byte) bool {
	d := xml.NewDecoder(strings.NewReader(string(text)))
	for {
		if _, err := d.Token(); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

func BenchmarkLightMachines(b *testing.B) {
	item := machinesXML[strings.Index(machinesXML, "<item a="):strings.Index(machinesXML, "<item><instanceId>i-2")]
	text := []byte(strings.Replace(machinesXML, item, strings.Repeat(item, 500), 1))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := readMachines(text); err != nil {
			b.Fatal(err)
		}
	}
}
