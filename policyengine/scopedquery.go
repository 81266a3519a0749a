package policyengine

import (
	"context"
	"maps"
	"slices"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// query asks the scoped policies about a login. A client whose address is not
// known makes the policies fail that ask for it. Helpers have till the deadline of
// ctx to answer.
func (n *Native) query(ctx context.Context, in *Input) scoped.Query {
	q := scoped.Query{
		ClientAddr: in.ClientIP, Now: in.Now, PINode: scoped.Is(n.node),
		UserAgent: scoped.Is(""), // neither RADIUS nor LDAP names the program that asks
	}
	if !in.ClientIP.IsValid() {
		q.Client = scoped.Is("unknown")
	}
	if !n.set.AsksWorld() { // then the names say it all
		q.User, q.Realm, q.Resolver = scoped.Is(in.User.Login), scoped.Is(in.Realm), scoped.Is(in.User.Directory)
		return q
	}
	q.UserObject = &scoped.User{
		Login: in.User.Login, Typed: in.Login, Realm: in.Realm, Resolver: in.User.Directory,
		Info: func() (map[string]any, error) { return userInfo(in.User), nil },
	}
	q.World = &scoped.World{
		Resolvers: func(realm string) []string { return n.resolvers[identity.Fold(realm)] },
		Helper:    func(call scoped.Call) (any, error) { return n.askHelper(ctx, in, call) },
		Fact:      func(section, key string) (any, bool, error) { return conditionFact(in, section, key) },
	}
	return q
}

// userInfo are the attributes that conditions of section userinfo compare: those
// of the directory, a single value as a text and several as a list, and above
// them what every user has.
func userInfo(u *identity.User) map[string]any {
	info := make(map[string]any, len(u.Attributes)+5)
	for name, values := range u.Attributes {
		info[name] = oneOrList(values)
	}
	maps.Copy(info, map[string]any{
		"username": u.Login, "userid": u.ID, "name": u.Name, "email": u.Email, "groups": slices.Clone(u.Groups),
	})
	return info
}

func oneOrList(values []string) any {
	if len(values) == 1 {
		return values[0]
	}
	return slices.Clone(values)
}

// conditionFact reads what sections radius:ATTRIBUTE and ldap:FACT name: attributes of an
// Access-Request, and bind_dn, base_dn and tls of an LDAP connection.
func conditionFact(in *Input, section, key string) (any, bool, error) {
	var text string
	switch section {
	case "radius":
		if values, ok := in.RADIUS.Attributes[key]; ok {
			return oneOrList(values), true, nil
		}
		text = map[string]string{
			"NAS-Identifier": in.RADIUS.NASIdentifier, "NAS-IP-Address": in.RADIUS.NASIP,
			"NAS-Port-Type": in.RADIUS.NASPortType, "Called-Station-Id": in.RADIUS.CalledStationID,
			"Calling-Station-Id": in.RADIUS.CallingStationID, "Service-Type": in.RADIUS.ServiceType,
		}[key]
	case "ldap":
		text = map[string]string{"bind_dn": in.LDAP.BindDN, "base_dn": in.LDAP.BaseDN, "tls": in.LDAP.TLS}[key]
	}
	return text, text != "", nil
}
