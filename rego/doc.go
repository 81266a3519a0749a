// Package rego loads and evaluates expression policies: directories of Rego v1
// files under the convention that policy NAME is package
// sallyport.policies.NAME with a rule allow, and shared rules live in
// sallyport.lib.
//
// All files are compiled together, with the helper functions (ak_message,
// regex_match, plugin functions …) declared and everything removed that reaches
// out of the process. Its invariants: a policy that cannot work is found when it
// is loaded, with file, line and column; an error inside a policy ends its
// evaluation and is never taken for "no".
package rego
