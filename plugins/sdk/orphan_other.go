//go:build !linux

package sdk

// askForSIGTERM has nothing to do where no signal tells of the death of the parent.
func askForSIGTERM() bool { return true }
