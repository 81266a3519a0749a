# One continent and one provider: whoever works from home does it over that line.
package sallyport.policies.home_provider

default allow := false

allow if {
	input.geoip.continent == "EU"
	input.asn.asn in {3320, 8881}
}

messages contains sprintf("Your provider (%s) is not on the list.", [input.asn.as_org]) if {
	not allow
	input.asn.as_org != null
}
