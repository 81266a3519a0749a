package scoped

// loginScope reports whether policies of a scope speak about logins.
func loginScope(scope string) bool {
	return scope == ScopeAuthentication || scope == ScopeAuthorization || scope == ScopeEnrollment
}

// atLogin warns of policies about logins that ask for what no login has, through
// RADIUS or LDAP.
func (w *warner) atLogin(c *compiled) {
	if !c.Active || !loginScope(c.Scope) {
		return
	}
	if len(c.UserAgents) > 0 {
		w.warn(c, "user_agents", "the policy never matches at a login: neither RADIUS nor LDAP names the program that asks")
		return // and its conditions are never looked at
	}
	for i := range c.conditions {
		cond := &c.conditions[i]
		what := cond.notAtLogin()
		if what == "" || !cond.Active || cond.check(w.set.compat()) != nil {
			continue
		}
		switch {
		case w.set.compat() || cond.Missing == "" || cond.Missing == MissingError:
			w.warn(c, "conditions", "condition %d: no RADIUS or LDAP login has %s: the login that comes to it fails", i+1, what)
		case cond.Missing == MissingFalse:
			w.warn(c, "conditions", "condition %d: no RADIUS or LDAP login has %s: the policy never matches (missing: %s)", i+1, what, cond.Missing)
		}
	}
}

// notAtLogin is what the condition asks for if no login has it, else empty.
func (c *condition) notAtLogin() string {
	switch c.source {
	case fromToken, fromTokenInfo:
		return "a token that it names"
	case fromHeader:
		return "HTTP headers"
	case fromEnviron:
		return "an HTTP environment"
	case fromFact:
		switch c.kind {
		case SectionContainer, SectionContainerInfo:
			return "a container"
		case SectionRequestData:
			return "request data"
		}
	}
	return ""
}
