package scoped

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

const maxConditions = 100

// condition is a compiled Condition.
type condition struct {
	Condition
	// source is the section; kind and key name the value in it.
	source source
	kind   string
	key    string
	call   Call
	cmp    comparator
}

// source is where the left side of a condition comes from.
type source uint8

const (
	unknownSource source = iota
	fromUserInfo
	fromToken
	fromTokenInfo
	fromHeader
	fromEnviron
	fromHelper
	fromFact
)

// compileConditions compiles the conditions of a policy. In Compat nothing is a
// fault: what is unknown or wrong fails when it is evaluated.
func compileConditions(list []Condition, compat bool) ([]condition, error) {
	if len(list) > maxConditions {
		return nil, fmt.Errorf("%d conditions, at most %d are allowed", len(list), maxConditions)
	}
	compiled := make([]condition, len(list))
	var faults []error
	for i := range list {
		c := &compiled[i]
		c.Condition = list[i]
		c.source, c.kind, c.key = findSource(&list[i], compat)
		c.cmp = compileComparator(c.Comparator, c.Value, compat)
		if c.source == fromHelper {
			var err error
			c.call, err = ParseCall(c.key)
			c.cmp.err = errors.Join(c.cmp.err, err)
		}
		if err := c.check(compat); err != nil && c.Active && !compat {
			faults = append(faults, &memberError{i, c.Section + " " + c.key + " " + c.Comparator, err})
		}
	}
	return compiled, errors.Join(faults...)
}

// check finds what is wrong with a condition before it is asked.
func (c *condition) check(compat bool) error {
	switch {
	case c.source == unknownSource:
		return fmt.Errorf("there is no section %q: write userinfo, token, tokeninfo, %q, %q, helper, radius:ATTRIBUTE or ldap:FACT",
			c.Section, SectionHTTPHeader, SectionHTTPEnviron)
	case c.cmp.err != nil:
		return c.cmp.err
	}
	switch c.Missing {
	case "", MissingError, MissingTrue, MissingFalse:
		return nil
	}
	if compat {
		return nil
	}
	return fmt.Errorf("missing is %q: write error, true or false", c.Missing)
}

// findSource reads the section. Sections and forms that the original does not
// have are unknown in Compat.
func findSource(c *Condition, compat bool) (s source, kind, key string) {
	switch c.Section {
	case SectionUserInfo:
		return fromUserInfo, "", c.Key
	case SectionToken:
		return fromToken, "", c.Key
	case SectionTokenInfo:
		return fromTokenInfo, "", c.Key
	}
	if !compat {
		// radius:NAME is a section of its own, and a key of the HTTP sections.
		name := c.Section
		if c.Section == SectionHTTPHeader || c.Section == SectionHTTPEnviron {
			name = c.Key
		}
		for _, protocol := range []string{SectionRADIUS, SectionLDAP} {
			if rest, ok := strings.CutPrefix(name, protocol); ok && rest != "" {
				return fromFact, strings.TrimSuffix(protocol, ":"), rest
			}
		}
	}
	switch c.Section {
	case SectionHTTPHeader:
		return fromHeader, "", c.Key
	case SectionHTTPEnviron:
		return fromEnviron, "", c.Key
	}
	if compat {
		return unknownSource, "", c.Key
	}
	switch c.Section {
	case SectionHelper:
		return fromHelper, "", c.Key
	case SectionContainer, SectionContainerInfo, SectionRequestData:
		return fromFact, c.Section, c.Key
	}
	return unknownSource, "", c.Key
}

// ParseCall reads the key of a condition of section helper: a name, or a name and
// arguments in parentheses, separated by commas like the right side of "in". The
// error is ErrInvalid.
func ParseCall(key string) (Call, error) {
	name, rest, ok := strings.Cut(key, "(")
	call := Call{Name: strings.TrimSpace(name)}
	if call.Name == "" {
		return call, failf(ErrInvalid, "the key of a helper condition is its name, such as geo.country")
	}
	if !ok {
		return call, nil
	}
	inner, ok := strings.CutSuffix(strings.TrimSpace(rest), ")")
	if !ok {
		return call, failf(ErrInvalid, "%q: the parenthesis has no end", key)
	}
	args, err := parseRecord(inner)
	if err != nil {
		return call, failf(ErrInvalid, "%q: %w", key, err)
	}
	call.Args = args
	return call, nil
}

// errMissing says that the left side of a condition is not there.
type errMissing struct {
	kind error
	what string
}

// Error implements error.
func (e *errMissing) Error() string { return e.what }

// Unwrap returns the kind.
func (e *errMissing) Unwrap() error { return e.kind }

func missing(format string, args ...any) error {
	return &errMissing{ErrPolicy, fmt.Sprintf(format, args...)}
}

// name is what the condition looks at, for people: section and key, or a section
// such as radius:NAME alone, which has the key in it.
func (c *condition) name() string {
	if c.source == fromFact && strings.HasSuffix(c.Section, ":"+c.key) {
		return c.Section
	}
	return c.Section + " " + c.key
}

// skipped tells whether the mode of the query leaves the condition out.
func (c *condition) skipped(mode ConditionMode) bool {
	return !c.Active || mode == NoConditions || mode == UserInfoConditions && c.source != fromUserInfo
}

// holds evaluates the condition. An error is of kind ErrPolicy or ErrUser.
func (c *condition) holds(q *Query, now time.Time, compat bool) (bool, error) {
	left, err := c.left(q)
	if err == nil && !compat && isMissing(left) {
		err = missing("%s is empty", c.name())
	}
	var gone *errMissing
	switch {
	case err == nil:
	case !compat && errors.As(err, &gone) && c.Missing == MissingTrue:
		return true, nil
	case !compat && errors.As(err, &gone) && c.Missing == MissingFalse:
		return false, nil
	default:
		return false, fmt.Errorf("condition %s: %w", c.name(), err)
	}
	ok, err := c.cmp.compare(left, now, compat)
	if err != nil {
		return false, failf(ErrPolicy, "condition %s: %w", c.name(), err)
	}
	return ok, nil
}

// left finds the left side.
func (c *condition) left(q *Query) (any, error) {
	switch c.source {
	case fromUserInfo:
		return c.userInfo(q)
	case fromToken, fromTokenInfo:
		return c.token(q)
	case fromHeader:
		if q.HTTP == nil {
			return nil, missing("there is no HTTP request")
		}
		if value := q.HTTP.header(c.key); value != "" {
			return value, nil
		}
		return nil, missing("the request has no header of this name, or an empty one")
	case fromEnviron:
		if value := q.HTTP.variable(c.key); !isFalsy(value) {
			return value, nil
		}
		return nil, missing("the environment has no variable of this name, or an empty one")
	case fromHelper:
		return c.helper(q)
	case fromFact:
		return c.fact(q)
	}
	return nil, failf(ErrPolicy, "there is no such section")
}

func (c *condition) userInfo(q *Query) (any, error) {
	if q.UserObject == nil {
		return nil, missing("there is no user")
	}
	info, err := q.UserObject.info()
	switch {
	case errors.Is(err, ErrUser):
		return nil, &errMissing{ErrUser, err.Error()}
	case err != nil:
		return nil, failf(ErrPolicy, "read the attributes of user %q: %w", q.UserObject.Login, err)
	}
	value, ok := info[c.key]
	if !ok {
		return nil, missing("user %q has no such attribute", q.UserObject.Login)
	}
	return value, nil
}

func (c *condition) token(q *Query) (any, error) {
	if q.Serial == "" || q.World == nil || q.World.Token == nil {
		return nil, missing("the request names no token")
	}
	token, ok, err := q.World.Token(q.Serial)
	if err != nil {
		return nil, failf(ErrPolicy, "read token %s: %w", q.Serial, err)
	}
	if !ok {
		return nil, missing("there is no token %s", q.Serial)
	}
	if c.source == fromTokenInfo {
		if value, ok := token.Info[c.key]; ok {
			return value, nil
		}
		return nil, missing("token %s has no such info", q.Serial)
	}
	if value, ok := token.Columns[c.key]; ok {
		return value, nil
	}
	return nil, missing("token %s has no such column", q.Serial)
}

func (c *condition) helper(q *Query) (any, error) {
	if q.World == nil || q.World.Helper == nil {
		return nil, failf(ErrPolicy, "there are no condition helpers here")
	}
	value, err := q.World.Helper(c.call)
	if err != nil {
		return nil, failf(ErrPolicy, "ask helper %s: %w", c.call.Name, err)
	}
	return value, nil
}

func (c *condition) fact(q *Query) (any, error) {
	if q.World == nil || q.World.Fact == nil {
		return nil, missing("the request has no such thing")
	}
	value, ok, err := q.World.Fact(c.kind, c.key)
	if err != nil {
		return nil, failf(ErrPolicy, "read %s %s: %w", c.kind, c.key, err)
	}
	if !ok {
		return nil, missing("the request has no such thing")
	}
	return value, nil
}

// clockless is the fault of a query without a clock.
func clockless(now time.Time) error {
	if now.IsZero() {
		return failf(ErrParameter, "the query has no time, and the policies ask for it")
	}
	return nil
}
