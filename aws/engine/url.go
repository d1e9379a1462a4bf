package engine

import (
	"cmp"
	"net/url"
)

// caPlaceholder stands for a bundle that the user must have, in addresses that cannot do without one.
const caPlaceholder = "global-bundle.pem"

// URL is the address for a client that takes URLs, or "" when the engine has none. It holds no password.
func (e Engine) URL(c Conn) string {
	u := url.URL{Host: c.addr()}
	if c.User != "" {
		u.User = url.User(c.User)
	}
	if database := cmp.Or(c.Database, e.defaultDatabase()); database != "" {
		u.Path = "/" + database
	}
	q := parameters{}
	switch e.Family {
	case Postgres, Redshift:
		u.Scheme = "postgresql"
		u.Host = c.Host + ":" + c.port()
		q.add("hostaddr", c.local())
		q.add("sslmode", sslmode(c, "verify-full"))
		q.addCA("sslrootcert", c)
	case MySQL:
		u.Scheme = "mysql"
		switch {
		case c.Plaintext:
			q.add("ssl-mode", "DISABLED")
		case c.CAFile != "":
			q.add("ssl-mode", "VERIFY_CA")
			q.addCA("ssl-ca", c)
		default:
			q.add("ssl-mode", "REQUIRED")
		}
	case Redis:
		u.Scheme = "rediss"
		if c.Plaintext {
			u.Scheme = "redis"
		}
	case SQLServer:
		u.Scheme, u.Path = "sqlserver", ""
		q.add("database", c.Database)
		if c.Plaintext {
			q.add("encrypt", "disable")
		} else {
			q.add("encrypt", "true")
			q.add("hostNameInCertificate", c.Host)
		}
	case DocumentDB:
		documentURL(&u, &q, c)
	case Neptune, OpenSearch:
		u.Scheme, u.Path, u.User = "https", "/", nil
		if c.Plaintext {
			u.Scheme = "http"
		}
	default:
		return ""
	}
	u.RawQuery = q.text
	return u.String()
}

// documentURL names no replica set: the driver would chase its members, which are out of the tunnel's reach.
func documentURL(u *url.URL, q *parameters, c Conn) {
	u.Scheme, u.Path = "mongodb", "/"+c.Database
	if !c.Plaintext {
		q.add("tls", "true")
		q.add("tlsCAFile", cmp.Or(c.CAFile, caPlaceholder))
		q.add("tlsAllowInvalidHostnames", "true")
	}
	q.add("directConnection", "true")
	q.add("retryWrites", "false")
}

// parameters is a query that keeps its order, because people read it.
type parameters struct{ text string }

func (p *parameters) add(key, value string) {
	if value == "" {
		return
	}
	if p.text != "" {
		p.text += "&"
	}
	p.text += key + "=" + url.QueryEscape(value)
}

func (p *parameters) addCA(key string, c Conn) {
	if !c.Plaintext {
		p.add(key, c.CAFile)
	}
}

// JDBC is the address for a Java client, or "" when the engine has none. Java's drivers have no hostaddr: they check the
// certificate's chain, and its name only where the driver can be told another one.
func (e Engine) JDBC(c Conn) string {
	q := parameters{}
	switch e.Family {
	case Postgres, Redshift:
		scheme := "jdbc:postgresql://"
		if e.Family == Redshift {
			scheme = "jdbc:redshift://"
		}
		q.add("sslmode", sslmode(c, "verify-ca"))
		q.addCA("sslrootcert", c)
		q.add("user", c.User)
		return scheme + c.addr() + "/" + cmp.Or(c.Database, e.defaultDatabase()) + "?" + q.text
	case MySQL:
		return e.mysqlJDBC(c)
	case SQLServer:
		text := "jdbc:sqlserver://" + c.addr()
		if c.Database != "" {
			text += ";databaseName=" + c.Database
		}
		if c.User != "" {
			text += ";user=" + c.User
		}
		if c.Plaintext {
			return text + ";encrypt=false"
		}
		return text + ";encrypt=true;hostNameInCertificate=" + c.Host
	case Oracle:
		return "jdbc:oracle:thin:@//" + c.addr() + "/" + cmp.Or(c.Database, "ORCL")
	case Db2:
		return "jdbc:db2://" + c.addr() + "/" + cmp.Or(c.Database, "DB2")
	}
	return ""
}

// mysqlJDBC is for the driver of the engine's own name. MySQL's wants a Java key store where MariaDB's takes PEM, so only
// the latter can be told the bundle.
func (e Engine) mysqlJDBC(c Conn) string {
	mariadb := e.Name == Of("mariadb").Name
	scheme, q := "jdbc:mysql://", parameters{}
	if mariadb {
		scheme = "jdbc:mariadb://"
	}
	switch {
	case c.Plaintext && mariadb:
		q.add("sslMode", "disable")
	case c.Plaintext:
		q.add("sslMode", "DISABLED")
	case mariadb && c.CAFile != "":
		q.add("sslMode", "verify-ca")
		q.add("serverSslCert", c.CAFile)
	case mariadb:
		q.add("sslMode", "trust")
	default:
		q.add("sslMode", "REQUIRED")
	}
	q.add("user", c.User)
	return scheme + c.addr() + "/" + c.Database + "?" + q.text
}
