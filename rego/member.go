package rego

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// memberBuiltin is ak_is_group_member(user, filters): whether the user who logs
// in is in a group that fits all filters. Nested groups are already resolved.
func memberBuiltin(patterns *patterns) *builtin {
	return &builtin{
		name:             "ak_is_group_member",
		args:             []types.Type{types.A, types.NewObject(nil, types.NewDynamicProperty(types.S, types.A))},
		result:           types.B,
		nondeterministic: true,
		reads:            []policyengine.Path{"request.user.groups", "request.user.pk", "request.user.username"},
		literal: func(args []*ast.Term) []error {
			return []error{nil, checkFilters(patterns, args[1])}
		},
		call: func(_ context.Context, e *evaluation, args []ast.Value) (ast.Value, error) {
			if _, none := args[0].(ast.Null); none {
				return ast.Boolean(false), nil
			}
			if err := sameUser(e.in.User, args[0]); err != nil {
				return nil, err
			}
			filters, ok := args[1].(ast.Object)
			if !ok {
				return nil, fmt.Errorf("the filters are %s: they must be an object", article(args[1]))
			}
			fits, err := groupFilters(patterns, filters)
			if err != nil {
				return nil, err
			}
			return ast.Boolean(slices.ContainsFunc(e.in.User.Groups, fits)), nil
		},
	}
}

// sameUser refuses everybody but the user who logs in, named by username or by
// an object such as input.request.user: nobody else's groups are known.
func sameUser(u *identity.User, v ast.Value) error {
	login := v
	if o, ok := v.(ast.Object); ok {
		t := o.Get(ast.InternedTerm("username"))
		if t == nil {
			return errors.New("the user has no username: give input.request.user or a username")
		}
		login = t.Value
		if pk := o.Get(ast.InternedTerm("pk")); pk != nil && pk.Value.Compare(ast.String(u.ID)) != 0 {
			return errors.New("the user is not the one who logs in: only that one's groups are known")
		}
	}
	name, ok := login.(ast.String)
	if !ok {
		return fmt.Errorf("the user is %s: give input.request.user or a username", article(login))
	}
	if !identity.SameLogin(string(name), u.Login) {
		return fmt.Errorf("user %q is not the one who logs in: only that one's groups are known", string(name))
	}
	return nil
}
