package rego

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/filter"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// userKeys are the keys of a user object by which functions tell who it is.
var userKeys = []string{"pk", "source", "username"}

// authenticatorTypes are the types that can be asked for.
var authenticatorTypes = []string{"duo", "email", "hotp", "push", "sms", "static", "totp", "webauthn"}

// Where functions about the user who logs in look at the input themselves.
var (
	whoPaths            = []policyengine.Path{"request.user.pk", "request.user.source", "request.user.username"}
	namePaths           = append(slices.Clip(whoPaths), "request.user.groups")
	membershipPaths     = append(slices.Clip(whoPaths), policyengine.PathMemberships)
	authenticatorsPaths = append(slices.Clip(whoPaths), "request.user.authenticators")
)

// userBuiltins are the functions about users and groups.
func userBuiltins(w *world) []*builtin {
	someone := arg{"user", types.NewAny(types.S, types.NewNull(), objectType())}
	filters := arg{"filters", objectType()}
	return []*builtin{
		{
			name: "ak_is_group_member", args: []arg{someone, filters}, result: types.B,
			class: policyengine.ReadsState, cost: 3, whose: true, reads: membershipPaths,
			doc:     "Tells whether the user is in a group that fits all filters, nested groups counted.",
			example: `ak_is_group_member(input.request.user, {"name": "vpn-users"})`,
			narrow: func(args []*ast.Term) []policyengine.Path {
				if f, err := w.literalFilter(args[1], filter.ForGroups); err == nil && f != nil && f.NamesOnly() {
					return namePaths
				}
				return membershipPaths
			},
			literal: func(args []*ast.Term) []error {
				return []error{nil, w.checkFilters("group", args[1], filter.ForGroups)}
			},
			call: w.isGroupMember,
		},
		{
			name: "ak_user_by", args: []arg{filters}, result: types.NewAny(objectType(), types.NewNull()),
			class: policyengine.ReadsState, cost: 3, memoize: true,
			doc:     "The first user who fits all filters, by the order of directories and then by username; null if there is none.",
			example: `ak_user_by({"email__iexact": input.request.user.email, "source": "partner-ldap"})`,
			literal: func(args []*ast.Term) []error {
				return []error{w.checkFilters("user", args[0], filter.ForUsers)}
			},
			call: w.userBy,
		},
		{
			name: "ak_user_has_authenticator", args: []arg{someone, {"type", types.S}}, result: types.B,
			class: policyengine.ReadsState, cost: 2, whose: true, reads: authenticatorsPaths,
			doc:     `Tells whether the user has a confirmed authenticator of the type; "" is any, recovery codes (static) included.`,
			example: `ak_user_has_authenticator(input.request.user, "totp")`,
			literal: func(args []*ast.Term) []error {
				faults := make([]error, 2)
				if s, ok := args[1].Value.(ast.String); ok {
					faults[1] = checkAuthenticator(string(s))
				}
				return faults
			},
			call: w.hasAuthenticator,
		},
	}
}

func (w *world) isGroupMember(ctx context.Context, e *evaluation, args []ast.Value) (ast.Value, error) {
	f, err := w.filter(args[1], filter.ForGroups)
	if err != nil {
		return nil, err
	}
	u, err := w.user(ctx, e, args[0])
	if u == nil || err != nil {
		return ast.Boolean(false), err
	}
	in, err := inGroup(u, f)
	return ast.Boolean(in), err
}

// inGroup reports whether a group of the user fits. Where the directory told the
// names of groups alone, other filters have no answer.
func inGroup(u *identity.User, f filter.Filter) (bool, error) {
	if f.NamesOnly() {
		for _, name := range u.Groups {
			if ok, err := f.Group(&identity.Membership{Name: name}); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	}
	if len(u.Memberships) != len(u.Groups) {
		return false, fmt.Errorf("of the groups of %s only the names are known: filter by name alone", u.Login)
	}
	for i := range u.Memberships {
		if ok, err := f.Group(&u.Memberships[i]); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (w *world) hasAuthenticator(ctx context.Context, e *evaluation, args []ast.Value) (ast.Value, error) {
	kind, err := stringArg(args, 1, "the type")
	if err == nil {
		err = checkAuthenticator(kind)
	}
	if err != nil {
		return nil, err
	}
	u, err := w.user(ctx, e, args[0])
	if u == nil || err != nil {
		return ast.Boolean(false), err
	}
	if kind == "" {
		return ast.Boolean(len(u.Authenticators) > 0), nil
	}
	return ast.Boolean(slices.Contains(u.Authenticators, kind)), nil
}

func checkAuthenticator(kind string) error {
	if kind != "" && !slices.Contains(authenticatorTypes, kind) {
		return fmt.Errorf("there are no authenticators of type %.60q%s: the types are %q, and \"\" is any", kind,
			config.DidYouMean(kind, authenticatorTypes), authenticatorTypes)
	}
	return nil
}

func (w *world) userBy(ctx context.Context, _ *evaluation, args []ast.Value) (ast.Value, error) {
	f, err := w.filter(args[0], filter.ForUsers)
	if err != nil {
		return nil, err
	}
	if w.users == nil {
		return nil, errNoUsers
	}
	u, err := w.users.FindUser(ctx, f)
	switch {
	case errors.Is(err, identity.ErrNotFound):
		return ast.NullValue, nil
	case err != nil:
		return nil, err
	}
	return userObject(u), nil
}

var errNoUsers = errors.New("other users than the one who logs in are not known here")

// user finds the user whom an argument names: nil for null, and where there is
// none. Whoever logs in is not looked up.
func (w *world) user(ctx context.Context, e *evaluation, v ast.Value) (*identity.User, error) {
	who, err := reference(v)
	if who == nil || err != nil {
		return nil, err
	}
	if own := e.in.User; own != nil && who.is(own) {
		return own, nil
	}
	if w.users == nil {
		return nil, fmt.Errorf("user %.60q is not the one who logs in: %w", who.login, errNoUsers)
	}
	key := callKey("user", []ast.Value{ast.String(who.source), ast.String(who.login), ast.String(who.pk)})
	a, _ := e.once(ctx, key, func(ctx context.Context) *answer {
		u, err := w.users.UserByLogin(ctx, who.source, who.login)
		if errors.Is(err, identity.ErrNotFound) || err == nil && who.pk != "" && u.ID != who.pk {
			return &answer{} // nobody, or by now somebody else
		}
		return &answer{user: u, err: err}
	})
	return a.user, a.err
}

// who is a user as an argument names one. A pk or a source that is empty is not
// known.
type who struct{ login, pk, source string }

// reference reads a user argument: a username, or an object such as
// input.request.user. It is nil for null.
func reference(v ast.Value) (*who, error) {
	switch v := v.(type) {
	case ast.Null:
		return nil, nil
	case ast.String:
		return &who{login: string(v)}, nil
	case ast.Object:
		w := &who{}
		for i, field := range []*string{&w.pk, &w.source, &w.login} {
			switch t := rule(v, userKeys[i]).(type) {
			case ast.String:
				*field = string(t)
			case ast.Null:
			default:
				return nil, wrongType(t, "the user's "+userKeys[i], "a string")
			}
		}
		if w.login == "" {
			return nil, &typeError{"the user has no username: give input.request.user or a username"}
		}
		return w, nil
	}
	return nil, wrongType(v, "the user", "a user object such as input.request.user, a username or null")
}

// is reports whether the user is meant.
func (w *who) is(u *identity.User) bool {
	if w.source != "" && w.source != u.Directory || w.pk != "" && w.pk != u.ID {
		return false
	}
	return identity.SameLogin(w.login, u.Login)
}

// filter reads a filter object.
func (w *world) filter(v ast.Value, read readFilter) (filter.Filter, error) {
	o, ok := v.(ast.Object)
	if !ok {
		return filter.Filter{}, wrongType(v, "the filter object", "an object")
	}
	fields, err := plainObject(o, "the filter object")
	if err != nil {
		return filter.Filter{}, err
	}
	return read(fields, w.patterns)
}
