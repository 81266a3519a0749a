// Package scoped matches scoped policies: rules that say for which realms, users,
// clients, times and other circumstances an action of a scope has which value.
//
// A list of policies is compiled once into an immutable Set, with one of two
// semantics: Compat reads policies as privacyIDEA does, quirks included; Hardened,
// the default, departs where the original has traps. Everything costly happens
// when compiling, and everything that can be wrong with a policy is found then,
// with its name, attribute and offset.
//
// A Query asks a Set. An argument that is absent does not filter; one that is
// given does, also when it is empty. Members of the lists action, realm, user,
// adminrealm, adminuser and resolver are names, "*", regular expressions for the
// whole name, or exclusions ("-ann", "!ann"), which are literal and always win; a
// list of exclusions alone matches nobody. Policies are compared attribute by
// attribute: name, active, scope, action, realm, adminrealm, user, adminuser,
// resolver, pinode, client, user agent, time, conditions. Explain says where each
// policy fell out.
//
// The calling layer (ForUser, ForAdmin and so on) makes queries of a Request, and
// decides who may ask which scope.
//
// The package is pure: no files, no clock, no network. What the policies ask of
// the world comes with the query, so the same Set and Query always give the same
// answer. Its invariant: a policy whose restrictions cannot be told is never
// silently left out, it is an error.
package scoped
