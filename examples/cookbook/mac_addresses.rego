# Only devices that are on a list, by the MAC address in Calling-Station-Id, however
# the switch writes it. An address is easily forged: bind it beside others.
package sallyport.policies.mac_addresses

default allow := false

digits(mac) := lower(regex_replace(mac, `[^0-9A-Fa-f]`, ""))

listed := {digits(mac) | some mac in ["00:11:22:AA:BB:CC", "00-11-22-AA-BB-DD"]}

allow if {
	input.radius.calling_station_id != null
	digits(input.radius.calling_station_id) in listed
}

messages contains "This device is not registered." if not allow
