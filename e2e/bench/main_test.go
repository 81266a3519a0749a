package bench

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// roleVariable makes the test binary a server instead of a test: see serveRole.
const roleVariable = "SALLYPORT_BENCH_ROLE"

func TestMain(m *testing.M) {
	if name := os.Getenv(roleVariable); name != "" {
		if err := serveRole(name, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintf(os.Stderr, "server %s: %v\n", name, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() != "" {
		describe()
	}
	os.Exit(m.Run())
}

// describe prints what the numbers depend on and the testing package does not
// tell, in the form of its own lines.
func describe() {
	fmt.Printf("go: %s\ncores: %d\n", runtime.Version(), runtime.NumCPU())
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		fmt.Printf("load: %s\n", strings.Join(strings.Fields(string(load))[:3], " "))
	}
}
