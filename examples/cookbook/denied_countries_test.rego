package sallyport.test.denied_countries

from(country) := test.login("alice", {"geoip": {"known": true, "country": country}})

test_others if test.decide("denied_countries", from("FR")).passing

test_unknown if test.decide("denied_countries", test.login("alice", {})).passing

test_denied if {
	r := test.decide("denied_countries", from("RU"))
	not r.passing
	r.messages == ["Logins from Russia need a ticket: call the help desk."]
}
