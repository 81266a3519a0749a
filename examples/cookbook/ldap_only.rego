# Good for LDAP binds over TLS, and for nothing else.
package sallyport.policies.ldap_only

default allow := false

allow if {
	input.request.protocol == "ldap"
	input.ldap.tls != null
}

messages contains "Only by LDAP over TLS." if not allow
