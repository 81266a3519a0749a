// Command watchlist is a condition helper that knows a list of logins: the
// simplest useful example of a plugin.
//
// It offers one function to policies:
//
//	listed(login) -> boolean    class S (reads state)
//
// which is true when the login is on the list; case does not matter. In an
// expression policy that lets in whoever is not on the list:
//
//	allow if not plugin.watchlist.listed(input.request.user.username)
//
// The list comes from the arguments, from a file with one login per line (blank
// lines and lines that begin with # are skipped), or from both:
//
//	plugins:
//	  directory: plugins.d
//	  allow:
//	    - name: watchlist
//	      args: [--names, "erin,frank", --file, /etc/sallyport/watchlist.txt]
//
// A changed file counts from the next call on. While the file cannot be read the
// answer is an error and not "not listed". It runs in the plugin directory, which
// is what a relative path of the file starts from.
//
// Build it with
//
//	go build -trimpath -ldflags "-s -w" -o plugins.d/watchlist ./examples/plugins/watchlist
//	(cd plugins.d && sha256sum watchlist > SHA256SUMS)
package main

import (
	"context"
	"flag"

	"github.com/sallyport-auth/sallyport/plugins/sdk"
)

func main() {
	names := flag.String("names", "", "logins on the list, separated by commas")
	file := flag.String("file", "", "file with one login per line")
	flag.Parse()
	sdk.Serve(plugin(newList(*names, *file)))
}

func plugin(l *list) sdk.Plugin {
	return sdk.Plugin{
		Name:    "watchlist",
		Version: "1.0.0",
		Functions: []sdk.Function{{
			Name:  "listed",
			Doc:   "listed(login) is true when the login is on the watch list, whatever its case.",
			Args:  []sdk.Arg{{Name: "login", Doc: "the login to look for"}},
			Class: sdk.ReadsState,
			Call: sdk.Func1(func(_ context.Context, _ sdk.Facts, login string) (bool, error) {
				return l.has(login)
			}),
		}},
	}
}
