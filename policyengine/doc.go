// Package policyengine decides whether a verified login may come in: it holds
// the bindings of every application, asks groups, users, scoped policies and
// expression policies, combines what they say by the application's mode, keeps a
// record of each answer and explains it. Results of expression policies are cached,
// by all that the policy reads of a login.
//
// It knows no packets and no language: expressions and condition helpers reach
// it through the interfaces declared here, which packages rego and plugins
// satisfy. Its invariant: whatever goes wrong counts as the binding's
// failure_result (a refusal unless the administrator wrote otherwise), and
// negate never turns an error into a permit.
package policyengine
