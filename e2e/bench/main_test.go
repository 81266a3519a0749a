package bench

import (
	"fmt"
	"os"
	"testing"
)

// roleVariable makes the test binary a server instead of a test: see serveRole.
const roleVariable = "SALLYPORT_BENCH_ROLE"

func TestMain(m *testing.M) {
	name := os.Getenv(roleVariable)
	if name == "" {
		os.Exit(m.Run())
	}
	if err := serveRole(name, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "server %s: %v\n", name, err)
		os.Exit(1)
	}
}
