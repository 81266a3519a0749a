# One country only. Where the address is unknown, nobody comes in.
package sallyport.policies.one_country

default allow := false

allow if input.geoip.country == "DE"

messages contains sprintf("Logins from %s are not allowed.", [input.geoip.country]) if {
	not allow
	input.geoip.known
}

messages contains "Your location could not be determined." if not input.geoip.known
