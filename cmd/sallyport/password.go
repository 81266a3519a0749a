package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory/local"
)

// newPassword gets a new password: from a terminal by asking twice without
// echo, else, or if piped is set, from the first line of standard input. It is
// never an argument, which other users of the machine could see.
func newPassword(ctx context.Context, env *environment, piped bool) (string, error) {
	fd := int(env.stdin.Fd())
	if piped || !term.IsTerminal(fd) {
		return pipedPassword(env.stdin)
	}
	first, err := promptPassword(ctx, env, fd, "New password: ")
	if err != nil {
		return "", err
	}
	if err := local.CheckPassword(first); err != nil {
		return "", err
	}
	second, err := promptPassword(ctx, env, fd, "The same again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two passwords differ; nothing was changed")
	}
	return first, nil
}

// pipedPassword reads a new password from the first line.
func pipedPassword(r io.Reader) (string, error) {
	password, err := firstLine(r)
	if err != nil {
		return "", err
	}
	if err := local.CheckPassword(password); err != nil {
		return "", fmt.Errorf("read password from standard input: %w", err)
	}
	return password, nil
}

// firstLine reads the first line, without its end.
func firstLine(r io.Reader) (string, error) {
	// Room for the end of the line, and one octet to see that it is too long.
	const limit = local.MaxPassword + 3
	line, err := bufio.NewReader(io.LimitReader(r, limit)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read password from standard input: %w", err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), nil
}

// loginPassword gets the password to log in with: from a terminal without echo,
// else from the first line of standard input.
func loginPassword(ctx context.Context, env *environment) (config.Secret, error) {
	read := func() (string, error) { return firstLine(env.stdin) }
	if fd := int(env.stdin.Fd()); term.IsTerminal(fd) {
		read = func() (string, error) { return promptPassword(ctx, env, fd, "Password: ") }
	}
	password, err := read()
	return config.NewSecret(password), err
}

// promptPassword asks on the terminal. When interrupted it gives the terminal
// its echo back, which the signal's default action would not.
func promptPassword(ctx context.Context, env *environment, fd int, question string) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("prepare the terminal: %w", err)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Fprint(env.stderr, question)
	defer fmt.Fprintln(env.stderr)

	type answer struct {
		password []byte
		err      error
	}
	answered := make(chan answer, 1)
	// A read from a terminal cannot be called off: after an interrupt this
	// goroutine ends with the program.
	go func() {
		password, err := term.ReadPassword(fd)
		answered <- answer{password, err}
	}()
	select {
	case a := <-answered:
		if a.err != nil {
			return "", fmt.Errorf("read password from the terminal: %w", a.err)
		}
		return string(a.password), nil
	case <-ctx.Done():
		return "", errors.Join(errors.New("interrupted"), term.Restore(fd, before))
	}
}
