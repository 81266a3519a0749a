// Command sallyport is the authentication proxy and its tools.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	_ "time/tzdata" // login.time_zone works on machines without zone files

	"github.com/alecthomas/kong"
)

// version is set at build time.
var version = "devel"

// cli is the command line. Each command is a struct with a Run method in a file
// of its own.
type cli struct {
	Config string `short:"c" default:"sallyport.yaml" env:"SALLYPORT_CONFIG" placeholder:"FILE" help:"The configuration file (${default})."`
	JSON   bool   `name:"json" help:"Print JSON instead of text."`

	Serve     serveCmd     `cmd:"" help:"Run the proxy in the foreground. SIGHUP reloads the configuration, SIGTERM ends it."`
	Check     checkCmd     `cmd:"" help:"Check the configuration, policies and plugins without listening."`
	Login     loginCmd     `cmd:"" help:"Try a login as a NAS or an LDAP application would."`
	Directory directoryCmd `cmd:"" help:"Look after directories."`
	User      userCmd      `cmd:"" help:"Manage users of the embedded store."`
	Group     groupCmd     `cmd:"" help:"Manage groups of the embedded store."`
	Policy    policyCmd    `cmd:"" help:"Manage scoped policies, and test and ask policies of both kinds."`
	Plugin    pluginCmd    `cmd:"" help:"Look at condition helpers, call them, and begin a new one."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
}

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run runs one command line and returns the exit code.
func run(ctx context.Context, args []string, stdin, stdout, stderr *os.File) int {
	env := &environment{stdin: stdin, stdout: stdout, stderr: stderr}
	var line cli
	exited := -1
	parser, err := kong.New(&line,
		kong.Name("sallyport"),
		kong.Description("An authentication proxy: RADIUS and LDAP in, users from your directories, policies decide."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code; panic(stopParsing{}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		fmt.Fprintln(stderr, "sallyport:", err)
		return exitFailed
	}
	command, err := parse(parser, args)
	switch {
	case exited >= 0: // --help
		return exited
	case err != nil:
		fmt.Fprintf(stderr, "sallyport: %v\nTry \"sallyport --help\".\n", err)
		return exitUsage
	}
	env.configPath, env.json = line.Config, line.JSON
	command.BindTo(ctx, (*context.Context)(nil))
	err = command.Run(env)
	code := exitCode(err)
	switch {
	case err == nil || errors.Is(err, errSilent):
	case code == exitConfig: // each line begins with file:line:column, for editors
		fmt.Fprintln(stderr, strings.TrimSpace(err.Error()))
	default:
		fmt.Fprintln(stderr, "sallyport:", strings.TrimSpace(err.Error()))
	}
	return code
}

// stopParsing unwinds the parser after it has printed the help.
type stopParsing struct{}

func parse(parser *kong.Kong, args []string) (command *kong.Context, err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(stopParsing); !ok {
				panic(r)
			}
		}
	}()
	return parser.Parse(args)
}

// versionCmd is "sallyport version".
type versionCmd struct{}

// Run prints the version of the program and of the Go that built it.
func (versionCmd) Run(env *environment) error {
	if env.json {
		return env.printJSON(map[string]string{"version": version, "go": goVersion()})
	}
	fmt.Fprintf(env.stdout, "sallyport %s (%s)\n", version, goVersion())
	return nil
}
