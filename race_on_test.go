//go:build race

package main

// raced says that the race detector makes everything several times slower.
const raced = true
