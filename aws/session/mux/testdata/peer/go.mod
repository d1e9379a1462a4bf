module github.com/rdsx/rdsx/aws/session/mux/testdata/peer

go 1.26.0

require github.com/xtaci/smux v1.5.58
