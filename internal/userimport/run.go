package userimport

import (
	"context"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory/local"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
)

// Store is what an import fills; *store.Store satisfies it.
type Store interface {
	Users(ctx context.Context) ([]store.User, error)
	Import(ctx context.Context, in store.Import, now time.Time) (store.Imported, error)
}

var _ Store = (*store.Store)(nil)

// Hasher hashes new passwords; *local.Hasher satisfies it. It is used by several
// goroutines.
type Hasher interface {
	Hash(password string) (config.Secret, error)
}

var _ Hasher = (*local.Hasher)(nil)

// Plan says how to import.
type Plan struct {
	// Update changes users who exist (see store.Import); without it they are left
	// alone.
	Update bool
	// Partial stores what is good in a file with faults.
	Partial bool
	// DryRun stores nothing.
	DryRun bool
	// Hasher hashes passwords in clear text.
	Hasher Hasher
	// CheckLogin refuses logins that nobody could type; nil takes all.
	CheckLogin func(login string) error
	// Progress is called while passwords are hashed, by one goroutine at a time;
	// nil if nobody is interested.
	Progress func(done, total int)
}

// Run stores what is in a file, and reports what became of it. An error means that
// nothing was stored and there is nothing to report; faults of the file are in the
// report.
func Run(ctx context.Context, s Store, f *File, p Plan) (*Report, error) {
	f.checkLogins(p.CheckLogin)
	in := store.Import{Update: p.Update, Partial: p.Partial, DryRun: p.DryRun}
	if len(f.Faults) > 0 && !p.Partial {
		in.DryRun = true // and so nothing has to be hashed
	}
	hashes, err := p.hashes(ctx, s, f.Users, in.DryRun)
	if err != nil {
		return nil, err
	}
	for i, u := range f.Users {
		if hashes[i].Reveal() != "" {
			u.PasswordHash = hashes[i]
		}
		in.Users = append(in.Users, u.NewUser)
	}
	for _, g := range f.Groups {
		in.Groups = append(in.Groups, g.Name)
		for _, member := range g.Members {
			in.Nested = append(in.Nested, store.Nesting{Group: g.Name, Member: member})
		}
	}
	done, err := s.Import(ctx, in, time.Now())
	if err != nil {
		return nil, err
	}
	return newReport(f, in, done, p.DryRun), nil
}

// checkLogins makes faults of the users whose login the caller refuses.
func (f *File) checkLogins(check func(string) error) {
	if check == nil {
		return
	}
	good := f.Users[:0]
	for _, u := range f.Users {
		if err := check(u.Login); err != nil {
			f.fault(u.Line, u.Login, fmt.Errorf("login: %w", err))
			continue
		}
		good = append(good, u)
	}
	f.Users = good
}

// hashes returns the hash of each user's password, empty where none is to be
// stored: the user is left alone, or has this password already. When nothing will
// be stored, a placeholder stands for each.
func (p Plan) hashes(ctx context.Context, s Store, users []User, nothing bool) ([]config.Secret, error) {
	stored, err := s.Users(ctx)
	if err != nil {
		return nil, err
	}
	there := make(map[string]config.Secret, len(stored))
	for _, u := range stored {
		there[identity.Fold(u.Login)] = u.PasswordHash
	}
	var todo []int
	for i, u := range users {
		_, exists := there[identity.Fold(u.Login)]
		if !u.Password.Empty() && (p.Update || !exists) {
			todo = append(todo, i)
		}
	}
	hashes := make([]config.Secret, len(users))
	err = parallel(ctx, len(todo), p.Progress, func(n int) error {
		i := todo[n]
		password := users[i].Password.Reveal()
		// A hash that cannot be read is replaced like one of another password.
		if same, err := local.Matches(there[identity.Fold(users[i].Login)], password); err == nil && same {
			return nil
		}
		if nothing {
			hashes[i] = config.NewSecret("a hash")
			return nil
		}
		var err error
		if hashes[i], err = p.Hasher.Hash(password); err != nil {
			return fmt.Errorf("hash the password of %q: %w", users[i].Login, err)
		}
		return nil
	})
	return hashes, err
}
