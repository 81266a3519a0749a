# Two countries are refused, and so is whoever hides where they are.
package sallyport.policies.two_countries_denied

default allow := false

allow if {
	input.geoip.known
	not input.geoip.country in {"KP", "IR"}
}

messages contains "Logins from this country are not allowed." if {
	input.geoip.known
	not allow
}

messages contains "Your location could not be determined." if not input.geoip.known
