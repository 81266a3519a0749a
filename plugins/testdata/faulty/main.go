// Command faulty is a condition helper that misbehaves in every way that the
// tests of the host can think of. Its first argument says how it starts.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/sallyport-auth/sallyport/plugins/sdk"
)

func main() {
	functions := []sdk.Function{
		{Name: "pid", Result: sdk.Number, Class: sdk.ReadsState, Call: pid},
		{Name: "environment", Result: sdk.List, Class: sdk.ReadsState, Call: environment},
		{Name: "facts", Result: sdk.Object, Reads: []string{"user.login", "user.groups", "client_ip", "realm"}, Call: facts},
		{Name: "echo", Args: []sdk.Type{sdk.Object}, Result: sdk.Object, Class: sdk.Deterministic, Call: echo},
		{Name: "crash", Result: sdk.Boolean, Class: sdk.Deterministic, Call: crash},
		{Name: "crash_once", Args: []sdk.Type{sdk.String}, Result: sdk.Boolean, Class: sdk.Deterministic, Call: crashOnce},
		{Name: "crash_once_stateful", Args: []sdk.Type{sdk.String}, Result: sdk.Boolean, Class: sdk.ReadsState, Call: crashOnce},
		{Name: "panics", Result: sdk.Boolean, Call: func(context.Context, sdk.Call) (any, error) { panic("oh dear") }},
		{Name: "fails", Result: sdk.Boolean, Call: func(context.Context, sdk.Call) (any, error) { return true, fmt.Errorf("no idea") }},
		{Name: "lies", Result: sdk.Boolean, Call: func(context.Context, sdk.Call) (any, error) { return "true", nil }},
		{Name: "hangs", Result: sdk.Boolean, Call: func(context.Context, sdk.Call) (any, error) { select {} }},
		{Name: "slow", Result: sdk.Boolean, Deadline: 100 * time.Millisecond, Call: slow},
		{Name: "freezes", Result: sdk.Boolean, Call: freeze},
		{Name: "huge", Result: sdk.String, Call: func(context.Context, sdk.Call) (any, error) { return strings.Repeat("x", 10<<20), nil }},
		{Name: "floods", Result: sdk.Boolean, Call: flood},
		{Name: "forks", Result: sdk.Number, Call: fork},
	}
	mode := "well"
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	switch mode {
	case "exit":
		fmt.Fprintln(os.Stderr, "cannot open the list")
		os.Exit(3)
	case "garbage":
		fmt.Println("hello, I am a program")
		select {}
	case "longline":
		fmt.Println(strings.Repeat("x", 1<<20))
		select {}
	case "hang":
		select {}
	case "greedy":
		functions[0].Reads = []string{"user.password"}
	case "nothing":
		functions = nil
	case "changes": // describes itself otherwise from the second start on
		if _, err := os.Stat(os.Args[2]); err == nil {
			functions = functions[:2]
		}
		if err := os.WriteFile(os.Args[2], nil, 0o600); err != nil {
			panic(err)
		}
	}
	sdk.Serve(sdk.Plugin{Name: "faulty", Version: "0.1", Functions: functions})
}

func pid(context.Context, sdk.Call) (any, error) { return os.Getpid(), nil }

func environment(context.Context, sdk.Call) (any, error) { return os.Environ(), nil }

func facts(_ context.Context, call sdk.Call) (any, error) {
	seen := map[string]any{"groups": call.FactStrings("user.groups"), "login": call.FactString("user.login")}
	for _, name := range []string{"client_ip", "realm", "user.email", "login"} {
		seen["fact "+name] = call.Fact(name)
	}
	return seen, nil
}

func echo(_ context.Context, call sdk.Call) (any, error) { return call.Object(0), nil }

func crash(context.Context, sdk.Call) (any, error) {
	os.Exit(7)
	return true, nil
}

// crashOnce crashes unless the file of its argument exists, and makes it.
func crashOnce(_ context.Context, call sdk.Call) (any, error) {
	if _, err := os.Stat(call.String(0)); err == nil {
		return true, nil
	}
	if err := os.WriteFile(call.String(0), nil, 0o600); err != nil {
		return nil, err
	}
	os.Exit(7)
	return true, nil
}

func slow(ctx context.Context, _ sdk.Call) (any, error) {
	<-ctx.Done()
	return true, nil
}

func freeze(context.Context, sdk.Call) (any, error) {
	return true, syscall.Kill(os.Getpid(), syscall.SIGSTOP)
}

// flood writes as much as it can, past go-plugin's streams too, and a line of a
// megabyte.
func flood(context.Context, sdk.Call) (any, error) {
	long := strings.Repeat("y", 1<<20) + "\n"
	for fd := 1; fd <= 2; fd++ {
		raw := os.NewFile(uintptr(fd), "raw")
		if _, err := raw.WriteString(long); err != nil {
			return nil, err
		}
	}
	for i := range 20_000 {
		fmt.Fprintln(os.Stdout, "stdout line", i)
		fmt.Fprintln(os.Stderr, "stderr line", i)
	}
	return true, nil
}

// fork starts a child that holds the pipes and has left the process group.
func fork(context.Context, sdk.Call) (any, error) {
	cmd := exec.Command("/bin/sleep", "30")
	cmd.Stdout, cmd.Stderr = os.NewFile(1, "stdout"), os.NewFile(2, "stderr")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return cmd.Process.Pid, nil
}
