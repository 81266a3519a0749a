// Command faulty is a condition helper that misbehaves in every way that the
// tests of the host can think of. Its first argument says how it starts.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sallyport-auth/sallyport/plugins/sdk"
)

func main() {
	var outcomes atomic.Int64
	functions := []sdk.Function{
		{Name: "pid", Class: sdk.ReadsState, Call: sdk.Func0(pid)},
		{Name: "environment", Class: sdk.ReadsState, Call: sdk.Func0(environment)},
		{Name: "facts", Reads: []string{"user.login", "user.groups", "client_ip", "realm"}, Call: sdk.Func0(facts)},
		{Name: "echo", Args: []sdk.Arg{{Name: "value"}}, Class: sdk.Deterministic, Call: sdk.Func1(echo)},
		{Name: "crash", Class: sdk.Deterministic, Call: sdk.Func0(crash)},
		{Name: "crash_once", Args: []sdk.Arg{{Name: "file"}}, Class: sdk.Deterministic, Call: sdk.Func1(crashOnce)},
		{Name: "crash_once_stateful", Args: []sdk.Arg{{Name: "file"}}, Class: sdk.ReadsState, Call: sdk.Func1(crashOnce)},
		{Name: "write", Args: []sdk.Arg{{Name: "file"}}, Class: sdk.SideEffect, TTL: 0, Call: sdk.Func1(write)},
		{Name: "panics", Call: sdk.Func0(func(context.Context, sdk.Facts) (bool, error) { panic("oh dear") })},
		{Name: "fails", Call: sdk.Func0(func(context.Context, sdk.Facts) (bool, error) { return true, fmt.Errorf("no idea") })},
		{Name: "hangs", Call: sdk.Func0(func(context.Context, sdk.Facts) (bool, error) { select {} })},
		{Name: "slow", Deadline: 100 * time.Millisecond, Call: sdk.Func0(slow)},
		{Name: "freezes", Call: sdk.Func0(freeze)},
		{Name: "huge", Call: sdk.Func0(func(context.Context, sdk.Facts) (string, error) { return strings.Repeat("x", 10<<20), nil })},
		{Name: "floods", Call: sdk.Func0(flood)},
		{Name: "forks", Args: []sdk.Arg{{Name: "apart"}}, Call: sdk.Func1(fork)},
		{Name: "leaks", Call: sdk.Func0(leak)},
		{Name: "limits", Class: sdk.ReadsState, Call: sdk.Func0(limits)},
		{Name: "seen", Class: sdk.ReadsState, Call: sdk.Func0(func(context.Context, sdk.Facts) (float64, error) { return float64(outcomes.Load()), nil })},
	}
	configure := sdk.Config(settings{}, func(_ context.Context, s settings) error {
		if s.Answer == "" && s.Sites != nil {
			return sdk.ConfigFault("answer", "is missing")
		}
		return nil
	})
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
	case "version":
		fmt.Println("1|7|unix|/nowhere|grpc")
		select {}
	case "elsewhere": // serves where others could, too
		fmt.Println("1|1|tcp|127.0.0.1:9|grpc")
		select {}
	case "outside":
		fmt.Println("1|1|unix|" + os.Getenv("PLUGIN_UNIX_SOCKET_DIR") + "/../../socket|grpc")
		select {}
	case "unless": // exits when there is this file
		if _, err := os.Stat(os.Args[2]); err == nil {
			os.Exit(4)
		}
	case "configure_hangs":
		configure = func(context.Context, map[string]any) error { select {} }
	case "changes": // describes itself otherwise from the second start on
		if _, err := os.Stat(os.Args[2]); err == nil {
			functions = functions[:2]
		}
		if err := os.WriteFile(os.Args[2], nil, 0o600); err != nil {
			panic(err)
		}
	}
	faulty := sdk.Plugin{
		Name: "faulty", Version: "0.1", Functions: functions, Configure: configure,
		ObserveReads: []string{"user.login"},
		Observe: func(context.Context, sdk.Outcome) error {
			outcomes.Add(1)
			return nil
		},
	}
	if mode == "deaf" {
		server, err := sdk.NewServer(faulty, os.Stderr)
		if err != nil {
			panic(err)
		}
		serveDeaf(server)
	}
	sdk.Serve(faulty)
}

// settings are the section of the configuration.
type settings struct {
	Answer string `config:"answer"`
	Sites  []struct {
		Lat float64 `config:"lat"`
	} `config:"sites"`
}

func pid(context.Context, sdk.Facts) (float64, error) { return float64(os.Getpid()), nil }

func environment(context.Context, sdk.Facts) ([]string, error) { return os.Environ(), nil }

func facts(_ context.Context, f sdk.Facts) (map[string]any, error) {
	seen := map[string]any{"groups": f.Strings("user.groups"), "login": f.String("user.login")}
	for _, name := range []string{"client_ip", "realm", "user.email", "login"} {
		seen["fact "+name] = f.Value(name)
	}
	return seen, nil
}

func echo(_ context.Context, _ sdk.Facts, value map[string]any) (map[string]any, error) {
	return value, nil
}

func crash(context.Context, sdk.Facts) (bool, error) {
	os.Exit(7)
	return true, nil
}

// crashOnce crashes unless the file of its argument exists, and makes it.
func crashOnce(_ context.Context, _ sdk.Facts, file string) (bool, error) {
	if _, err := os.Stat(file); err == nil {
		return true, nil
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return false, err
	}
	os.Exit(7)
	return true, nil
}

// write leaves a line in the file of its argument.
func write(_ context.Context, _ sdk.Facts, file string) (bool, error) {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return false, err
	}
	_, err = f.WriteString("called\n")
	return true, errors.Join(err, f.Close())
}

func slow(ctx context.Context, _ sdk.Facts) (bool, error) {
	<-ctx.Done()
	return true, ctx.Err()
}

func freeze(context.Context, sdk.Facts) (bool, error) {
	return true, syscall.Kill(os.Getpid(), syscall.SIGSTOP)
}

// leak takes memory until there is none.
func leak(context.Context, sdk.Facts) (bool, error) {
	var all [][]byte
	for range 1 << 10 {
		all = append(all, make([]byte, 64<<20))
		for i := 0; i < len(all[len(all)-1]); i += 4096 {
			all[len(all)-1][i] = 1
		}
	}
	return len(all) > 0, nil
}

// limits are what the process may have: memory and files.
func limits(context.Context, sdk.Facts) ([]any, error) {
	var data, files syscall.Rlimit
	err := errors.Join(syscall.Getrlimit(syscall.RLIMIT_DATA, &data), syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files))
	return []any{float64(data.Max), float64(files.Max)}, err
}

// flood writes as much as it can, past go-plugin's streams too, and a line of a
// megabyte.
func flood(context.Context, sdk.Facts) (bool, error) {
	long := strings.Repeat("y", 1<<20) + "\n"
	for fd := 1; fd <= 2; fd++ {
		raw := os.NewFile(uintptr(fd), "raw")
		if _, err := raw.WriteString(long); err != nil {
			return false, err
		}
	}
	for i := range 20_000 {
		fmt.Fprintln(os.Stdout, "stdout line", i)
		fmt.Fprintln(os.Stderr, "stderr line", i)
	}
	return true, nil
}

// fork starts a child that holds the pipes, in a process group of its own or in
// ours.
func fork(_ context.Context, _ sdk.Facts, apart bool) (float64, error) {
	cmd := exec.Command("/bin/sleep", "30")
	cmd.Stdout, cmd.Stderr = os.NewFile(1, "stdout"), os.NewFile(2, "stderr")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: apart}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	return float64(cmd.Process.Pid), nil
}
