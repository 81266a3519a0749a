# Listed countries are refused, each with its own text; all others come in, also
# those whose location is unknown.
package sallyport.policies.denied_countries

default allow := false

denied := {
	"KP": "There is no service in North Korea.",
	"RU": "Logins from Russia need a ticket: call the help desk.",
}

allow if not input.geoip.known

allow if {
	input.geoip.known
	not input.geoip.country in object.keys(denied)
}

messages contains denied[input.geoip.country]
