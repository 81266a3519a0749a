# Applications of the house are refused when somebody comes from outside, with a
# hint what to do. The end user's address counts, and where it is not known (the
# gateway told none) nobody comes in.
package sallyport.policies.lan_only

import data.sallyport.lib.networks

default allow := false

house := {"printing", "door"}

in_house if input.context.application.slug in house

allow if not in_house

allow if {
	input.client_ip_known
	networks.internal(input.client_ip)
}

messages contains "Connect to the VPN first." if not allow
