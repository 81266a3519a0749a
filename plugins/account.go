package plugins

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// account is the system user that a program runs as. A nil one is our own.
type account struct{ uid, gid uint32 }

// findAccount looks a user up; "" is our own.
func findAccount(name string) (*account, error) {
	if name == "" {
		return nil, nil
	}
	found, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("look up the user: %w", err)
	}
	uid, err := strconv.ParseUint(found.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("the user %q has the number %q: %w", name, found.Uid, err)
	}
	gid, err := strconv.ParseUint(found.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("the user %q has the group number %q: %w", name, found.Gid, err)
	}
	switch own := os.Geteuid(); {
	case int(uid) == own:
		return nil, nil
	case own != 0:
		return nil, fmt.Errorf("only root can run a program as %q: run Sallyport as root, or remove the key", name)
	}
	return &account{uint32(uid), uint32(gid)}, nil
}

// credential is what a process is started with: the user and its main group, no
// others.
func (a *account) credential() *syscall.Credential {
	if a == nil {
		return nil
	}
	return &syscall.Credential{Uid: a.uid, Gid: a.gid, Groups: []uint32{}}
}

// own gives a directory to the account.
func (a *account) own(path string) error {
	if a == nil {
		return nil
	}
	return os.Chown(path, int(a.uid), int(a.gid))
}
