# Two countries, and private addresses, which no database locates.
package sallyport.policies.country_or_lan

default allow := false

allow if input.geoip.country in {"DE", "AT"}

allow if {
	input.client_ip_known
	ip_address(input.client_ip).is_private
}

messages contains "Only from Germany, Austria or our own networks." if not allow
