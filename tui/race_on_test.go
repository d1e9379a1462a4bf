//go:build race

package tui

// raceDetector says that this test binary has the race detector in it.
const raceDetector = true
