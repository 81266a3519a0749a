package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"text/tabwriter"

	"github.com/sallyport-auth/sallyport/plugins"
	"github.com/sallyport-auth/sallyport/policyengine"
)

type pluginDescribeCmd struct {
	Name string `arg:"" help:"Name of the plugin in plugins.allow."`
}

// pluginJSON is what a program offers, for --json.
type pluginJSON struct {
	Name        string         `json:"name"`
	CallsItself string         `json:"calls_itself"`
	Version     string         `json:"version"`
	SHA256      string         `json:"sha256"`
	Observes    bool           `json:"observes"`       // it is told how logins end
	Reads       []string       `json:"observed_facts"` // the facts that it is told then
	Functions   []functionJSON `json:"functions"`
}

type functionJSON struct {
	Name   string         `json:"name"`
	Doc    string         `json:"doc"`
	Args   []argumentJSON `json:"args"`
	Result string         `json:"result"`
	Class  string         `json:"class"`
	// TTL is empty where answers are not kept for a time; those of class D are
	// kept without one.
	TTL     string   `json:"ttl,omitempty"`
	Timeout string   `json:"timeout"`
	Reads   []string `json:"facts"`
}

type argumentJSON struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Doc  string `json:"doc"`
}

// Run starts the program, prints its description and ends it.
func (c *pluginDescribeCmd) Run(ctx context.Context, env *environment) error {
	cfg, err := env.loadConfig()
	if err != nil {
		return err
	}
	if err := checkPlugin(cfg, c.Name); err != nil {
		return err
	}
	h, err := openPlugin(ctx, env, cfg, c.Name, slog.LevelWarn)
	if err != nil {
		return err
	}
	defer h.Close()
	d := newPluginJSON(&h.Descriptions()[0])
	if env.json {
		return env.printJSON(d)
	}
	return d.print(env)
}

func newPluginJSON(d *plugins.Description) *pluginJSON {
	j := &pluginJSON{
		Name: d.Name, CallsItself: d.CallsItself, Version: d.Version, SHA256: d.SHA256,
		Observes: d.Observes, Reads: orEmpty(d.Reads),
	}
	for _, f := range d.Functions {
		one := functionJSON{
			Name: f.Name, Doc: f.Doc, Args: []argumentJSON{}, Result: string(f.Result), Class: string(f.Class),
			Timeout: f.Timeout.String(), Reads: orEmpty(f.Reads),
		}
		if f.TTL > 0 {
			one.TTL = f.TTL.String()
		}
		for _, a := range f.Args {
			one.Args = append(one.Args, argumentJSON{a.Name, string(a.Type), a.Doc})
		}
		j.Functions = append(j.Functions, one)
	}
	return j
}

// classMeaning says what the letter of a class means.
func classMeaning(class string) string {
	switch policyengine.Class(class) {
	case policyengine.Deterministic:
		return "D, always the same for the same arguments and facts"
	case policyengine.ReadsState:
		return "S, reads stored or upstream state"
	case policyengine.SideEffect:
		return "W, changes something"
	}
	return "N, reads the network or the clock"
}

// print prints the program and each function with what is known of it.
func (j *pluginJSON) print(env *environment) error {
	table := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
	row := func(key, value string) { fmt.Fprintf(table, "%s\t%s\n", key, orDash(onScreen(value))) }
	row("plugin", j.Name)
	if j.CallsItself != j.Name {
		row("calls itself", j.CallsItself)
	}
	row("version", j.Version)
	row("sha256", j.SHA256)
	if j.Observes {
		row("observes", "how logins end; facts: "+orNone(strings.Join(j.Reads, ", ")))
	}
	for i := range j.Functions {
		f := &j.Functions[i]
		fmt.Fprintln(table)
		row("function", j.signature(f))
		row("  answers", f.Doc)
		for _, a := range f.Args {
			row("  "+onScreen(a.Name), a.Doc)
		}
		row("  class", classMeaning(f.Class))
		row("  kept", f.kept())
		row("  timeout", f.Timeout)
		row("  facts", strings.Join(f.Reads, ", "))
	}
	return table.Flush()
}

// signature is the function as policies call it, with its types.
func (j *pluginJSON) signature(f *functionJSON) string {
	args := make([]string, len(f.Args))
	for i, a := range f.Args {
		args[i] = a.Name + ": " + a.Type
	}
	return fmt.Sprintf("plugin.%s.%s(%s) -> %s", j.Name, f.Name, strings.Join(args, ", "), f.Result)
}

// kept says how long answers are given again without a call.
func (f *functionJSON) kept() string {
	switch {
	case f.TTL != "":
		return "for " + f.TTL
	case f.Class == string(policyengine.Deterministic):
		return "as long as there is room"
	}
	return "not at all"
}
