package radius

import (
	"encoding/hex"
	"fmt"
)

// DescribeAttribute returns the dictionary name of an attribute of an answer
// and its value as text, for people. shown is false for what belongs to the
// protocol and not to the answer (Message-Authenticator, State, Proxy-State, EAP
// and secrets). An unknown attribute is named by its number and shown in hex.
func DescribeAttribute(typ byte, value []byte) (name, text string, shown bool) {
	d := &dictionary[typ]
	switch {
	case typ == typeVendorSpecific, d.name == "":
		if name = d.name; name == "" {
			name = fmt.Sprintf("Attribute-%d", typ)
		}
		return name, "0x" + hex.EncodeToString(value), true
	case typ == typeUserName: // in an answer the name that the NAS is to use
		return d.name, readable(value), true
	case d.format == hidden:
		return d.name, "", false
	}
	return d.name, d.show(value), true
}
