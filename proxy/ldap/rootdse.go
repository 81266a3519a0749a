package ldap

import (
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/internal/dn"
)

// attribute is one attribute of the root DSE.
type attribute struct {
	name string
	oid  string
	// operational attributes are returned only by name or for "+" (RFC 4512
	// section 5.1, RFC 3673).
	operational bool
	equal       func(value, assertion string) bool
	values      []string
}

// entry is the root DSE: what this server can do, and nothing it cannot.
type rootEntry []attribute

// rootDSE makes the entry as it is at this moment: StartTLS is offered only
// where it would be answered with success.
func (t *Table) rootDSE(secure bool) rootEntry {
	extensions := []string{oidWhoAmI}
	if t.tls != nil && !secure {
		extensions = append(extensions, oidStartTLS)
	}
	root := rootEntry{
		{"objectClass", "2.5.4.0", false, equalClass, []string{"top"}},
		{"namingContexts", "1.3.6.1.4.1.1466.101.120.5", true, equalDN, t.contexts},
		{"supportedExtension", "1.3.6.1.4.1.1466.101.120.7", true, equalExact, extensions},
		{"supportedFeatures", "1.3.6.1.4.1.4203.1.3.5", true, equalExact, []string{featureAllOperational, featureTrueFalse}},
		{"supportedLDAPVersion", "1.3.6.1.4.1.1466.101.120.15", true, equalExact, []string{"3"}},
		{"vendorName", "1.3.6.1.1.4", true, equalExact, []string{"Sallyport"}},
	}
	if len(t.contexts) == 0 { // an attribute without values is no attribute
		root = slices.Delete(root, 1, 2)
	}
	return root
}

// Features of the protocol that are served (RFC 3674).
const (
	featureAllOperational = "1.3.6.1.4.1.4203.1.5.1" // "+", RFC 3673
	featureTrueFalse      = "1.3.6.1.4.1.4203.1.5.3" // (&) and (|), RFC 4526
)

func equalExact(value, assertion string) bool { return value == assertion }

func equalClass(value, assertion string) bool {
	return strings.EqualFold(value, assertion) || assertion == "2.5.6.0" // top
}

func equalDN(value, assertion string) bool {
	a, err := dn.Parse(value)
	if err != nil {
		return false
	}
	b, err := dn.Parse(assertion)
	return err == nil && a.Key() == b.Key()
}

// find returns the attribute that a description names, or nil. Options (";")
// are not known, so a description with one is not either.
func (r rootEntry) find(description string) *attribute {
	for i := range r {
		if strings.EqualFold(r[i].name, description) || r[i].oid == description {
			return &r[i]
		}
	}
	return nil
}

// selected returns the attributes that a search asks for (RFC 4511 section
// 4.5.1.8): none asked for or "*" means the user attributes, "+" the operational
// ones, "1.1" none where it stands alone.
func (r rootEntry) selected(asked []string) []attribute {
	if len(asked) == 1 && asked[0] == noAttributes {
		return nil
	}
	user := len(asked) == 0 || slices.Contains(asked, "*")
	operational := slices.Contains(asked, "+")
	var selected []attribute
	for i := range r {
		wanted := user && !r[i].operational || operational && r[i].operational
		for _, name := range asked {
			wanted = wanted || strings.EqualFold(r[i].name, name) || r[i].oid == name
		}
		if wanted {
			selected = append(selected, r[i])
		}
	}
	return selected
}
