// Package filter is the language in which policies ask for users and groups:
// objects such as {"name__istartswith": "vpn-", "attributes__site": "Oslo"},
// whose keys are a field and a lookup and whose conditions must all hold.
//
// It reads such objects, says in an administrator's words what is wrong with one,
// and tells whether a user or a group fits. Finding users is left to the
// directories, which translate what they can from the Terms.
//
// The meaning follows Django's lookups: what a user does not have is null, no
// lookup but isnull (and exact with null, which means the same) matches null, an
// empty list matches nothing. Its invariant: a Filter that was made has a known
// field, a known lookup and a value of the right type in each term.
package filter
