// Package rego loads and evaluates expression policies: directories of Rego v1
// files under the convention that policy NAME is package
// sallyport.policies.NAME with a rule allow, and shared rules live in
// sallyport.lib.
//
// All files are compiled together, with the helper functions (ak_message,
// regex_match, plugin functions …) declared and everything removed that reaches
// out of the process. What a policy can look at (places of the input, look-ups,
// other policies) is found when it is loaded, so that results can be kept exactly.
// Finding users, names and pages is left to whoever is handed in.
//
// Its invariants: a policy that cannot work is found when it is loaded, with file,
// line and column; an error inside a policy ends its evaluation and is never taken
// for "no"; what Reads does not name, no policy has seen.
package rego
