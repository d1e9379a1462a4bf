package world

import (
	"fmt"
	"net"
	"strconv"
)

// Named is an endpoint as RDS would name it.
type Named struct {
	ID       string // DB instance, cluster, custom endpoint, proxy or proxy endpoint
	Role     string // instance, writer, reader, custom or proxy
	Database string // the DB instance or cluster whose data it leads to
	Engine   string // as RDS spells it; a proxy's is POSTGRESQL, MYSQL or SQLSERVER
	Host     string
	Port     int
	Place    Place
}

// Endpoints lists the RDS endpoints of the whole world in the order in which they are written. Databases that have no
// address yet are left out.
func (w *World) Endpoints() []Named {
	var all []Named
	for _, a := range w.spec.Load().Accounts {
		for i := range a.Regions {
			all = append(all, a.Regions[i].named(a.ID)...)
		}
	}
	return all
}

func (r *Region) named(account string) []Named {
	var all []Named
	at := Place{account, r.Name}
	for _, c := range r.DBClusters {
		all = append(
			all,
			Named{c.ID, "writer", c.ID, c.Engine, c.Endpoint, c.Port, at},
			Named{c.ID, "reader", c.ID, c.Engine, c.ReaderEndpoint, c.Port, at},
		)
		for _, e := range c.Custom {
			all = append(all, Named{e.ID, "custom", c.ID, c.Engine, e.Endpoint, c.Port, at})
		}
	}
	for _, d := range r.DBInstances {
		if !d.HasEndpoint() {
			continue
		}
		database := d.ID
		if d.Cluster != "" {
			database = d.Cluster
		}
		all = append(all, Named{d.ID, "instance", database, d.Engine, d.Endpoint, d.Port, at})
	}
	for _, p := range r.DBProxies {
		all = append(all, Named{p.Name, "proxy", p.Target, p.Engine, p.Endpoint, p.Port, at})
		for _, e := range p.Endpoints {
			all = append(all, Named{e.Name, "proxy", p.Target, p.Engine, e.Endpoint, p.Port, at})
		}
	}
	return all
}

// Find returns the first endpoint with that id: of a cluster its writer.
func (w *World) Find(id string) (Named, bool) {
	for _, e := range w.Endpoints() {
		if e.ID == id {
			return e, true
		}
	}
	return Named{}, false
}

// Serve puts a real server behind a DB instance or cluster: SetDial for each of its endpoints, those of its members and
// proxies included. addr is as in Dials.
func (w *World) Serve(database, addr string) error {
	served := 0
	for _, e := range append(w.Endpoints(), w.Services()...) {
		if e.Database != database && e.ID != database {
			continue
		}
		served++
		if err := w.SetDial(net.JoinHostPort(e.Host, strconv.Itoa(e.Port)), addr); err != nil {
			return err
		}
	}
	if served == 0 {
		return fmt.Errorf("no database %q with an endpoint", database)
	}
	return nil
}
