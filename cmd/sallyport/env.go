package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/sallyport-auth/sallyport/config"
)

// The exit codes of the program.
const (
	exitFailed = 1 // refused or failed
	exitUsage  = 2
	exitConfig = 3
	exitTests  = 4 // tests of policies failed
)

// errSilent ends the program with exit code 1 when everything has been said.
var errSilent = errors.New("failed")

// environment is what a command gets from the outside: its streams and the
// options that every command shares.
type environment struct {
	stdin      *os.File
	stdout     io.Writer
	stderr     io.Writer
	configPath string
	json       bool
}

// exitError carries the exit code that an error ends the program with.
type exitError struct {
	code int
	err  error
}

// Error implements error.
func (e *exitError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *exitError) Unwrap() error { return e.err }

// exitCode is the exit code for what a command returned.
func exitCode(err error) int {
	var exit *exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.code
	}
	return exitFailed
}

// loadConfig reads the configuration.
func (e *environment) loadConfig() (*config.Config, error) {
	cfg, err := config.Load(e.configPath)
	if err != nil {
		if _, missing := os.Stat(e.configPath); errors.Is(missing, fs.ErrNotExist) {
			err = fmt.Errorf("%w (name the configuration by --config or SALLYPORT_CONFIG)", err)
		}
		return nil, &exitError{exitConfig, err}
	}
	return cfg, nil
}

// printJSON prints a value as indented JSON.
func (e *environment) printJSON(v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		_, err = io.WriteString(e.stdout, legibleJSON(data)+"\n")
	}
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// report prints a report, for programs or for people. Where it is not well, that is
// all there is to say: the exit code is 1.
func (e *environment) report(v any, forPeople func() error, well bool) error {
	var err error
	if e.json {
		err = e.printJSON(v)
	} else {
		err = forPeople()
	}
	if err == nil && !well {
		return errSilent
	}
	return err
}

// legibleJSON escapes what a terminal would not print but obey. It stands in
// strings alone, so the JSON says the same as before.
func legibleJSON(data []byte) string {
	var b strings.Builder
	for _, r := range string(data) {
		if r == '\n' || unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

func goVersion() string { return runtime.Version() }
