// Package proxy is the login itself: an Attempt goes through five stages
// (identify, admit, verify, authorize, answer) and comes out as an Outcome.
//
// It knows neither packets nor policy languages: front-ends make Attempts and
// turn Outcomes into their protocol's answers; directories and the policy
// engine stand behind the small interfaces declared here. Its invariants: an
// Outcome always exists; a wrong password is a verdict and an outage is an
// error, so the one never counts as the other; whatever goes wrong refuses.
package proxy
