package local

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/store"
)

// Seeder is what SeedCSV fills; *store.Store satisfies it.
type Seeder interface {
	Empty(ctx context.Context) (bool, error)
	Fill(ctx context.Context, users []store.NewUser, now time.Time) (int, error)
}

var _ Seeder = (*store.Store)(nil)

// SeedCSV fills an empty store with the users of a CSV file, all or none, and
// makes the groups that they name. It returns how many users it stored: none,
// without looking at the file, if the store is not empty. Hashes have the given
// cost (see NewHasher). The error names all faults by file and line, and shows no
// password.
func SeedCSV(ctx context.Context, s Seeder, cost *config.Argon2, file string) (int, error) {
	if empty, err := s.Empty(ctx); err != nil || !empty {
		return 0, err
	}
	hasher, err := NewHasher(cost)
	if err != nil {
		return 0, err
	}
	f, err := os.Open(file)
	if err != nil {
		return 0, fmt.Errorf("read seed file: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	seeds, err := readSeed(file, f)
	if err != nil {
		return 0, err
	}
	users := make([]store.NewUser, len(seeds))
	for i, u := range seeds {
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("hash passwords of %s: %w", file, err)
		}
		users[i] = u.NewUser
		if users[i].PasswordHash, err = hasher.Hash(u.password); err != nil {
			return 0, fmt.Errorf("%s:%d: %w", file, u.line, err)
		}
	}
	n, err := s.Fill(ctx, users, time.Now())
	if err != nil {
		return 0, fmt.Errorf("seed from %s: %w", file, err)
	}
	return n, nil
}
