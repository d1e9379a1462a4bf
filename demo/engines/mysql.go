package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	sqle "github.com/dolthub/go-mysql-server"
	"github.com/dolthub/go-mysql-server/memory"
	"github.com/dolthub/go-mysql-server/server"
	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/go-mysql-server/sql/mysql_db"
	"github.com/sirupsen/logrus"
)

// nowhere is a folder that does not exist.
const nowhere = "/nonexistent/rdsx"

// mysqlServer is a running go-mysql-server.
type mysqlServer struct {
	addr    string
	engine  *sqle.Engine
	server  *server.Server
	serving chan error
}

// startMySQL fills the shop and serves it to one user with a password.
func startMySQL(ctx context.Context, password, shop string) (*mysqlServer, error) {
	logrus.SetOutput(io.Discard) // it logs every client's mistake
	// Left empty, it would let clients read every file that this process may read.
	if err := sql.SystemVariables.AssignValues(map[string]any{"secure_file_priv": nowhere}); err != nil {
		return nil, err
	}
	db := memory.NewDatabase(database)
	db.EnablePrimaryKeyIndexes()
	provider := memory.NewDBProvider(db)
	engine := sqle.NewDefault(provider)
	// The shop is made before there are users: without them every session may do everything.
	if err := fill(ctx, engine, provider, shop); err != nil {
		_ = engine.Close()
		return nil, err
	}
	users := engine.Analyzer.Catalog.MySQLDb
	users.SetPersister(&mysql_db.NoopPersister{}) // without one CREATE USER panics in v0.20.0
	editor := users.Editor()
	users.AddSuperUser(editor, user, "%", password)
	editor.Close()

	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		_ = engine.Close()
		return nil, err
	}
	s, err := server.NewServer(server.Config{Protocol: "tcp", Address: listener.Addr().String(), Listener: listener, MaxConnections: 300},
		engine, sql.NewContext, memory.NewSessionBuilder(provider), nil)
	if err != nil {
		_ = engine.Close()
		return nil, errors.Join(err, listener.Close())
	}
	m := &mysqlServer{addr: listener.Addr().String(), engine: engine, server: s, serving: make(chan error, 1)}
	go func() { m.serving <- s.Start() }()
	return m, nil
}

// Close ends the server and waits for its listener.
func (m *mysqlServer) Close() error {
	err := errors.Join(m.server.Close(), <-m.serving)
	_ = m.engine.Close() // v0.20.0 always says "context canceled"
	return err
}

// fill runs shop.sql, whose statements end with a semicolon at the end of a line and nowhere else.
func fill(ctx context.Context, engine *sqle.Engine, provider *memory.DbProvider, shop string) error {
	session := memory.NewSession(sql.NewBaseSession(), provider)
	c := sql.NewContext(ctx, sql.WithSession(session))
	c.SetCurrentDatabase(database)
	var text strings.Builder
	for line := range strings.Lines(shop) {
		if strings.HasPrefix(line, "--") {
			continue
		}
		text.WriteString(line)
	}
	for _, statement := range strings.Split(text.String(), ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		_, rows, _, err := engine.Query(c, statement)
		if err == nil {
			_, err = sql.RowIterToRows(c, rows)
		}
		if err != nil {
			return fmt.Errorf("fill the shop: %.60s: %w", strings.TrimSpace(statement), err)
		}
	}
	return nil
}
