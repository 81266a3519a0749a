package sallyport.test.two_countries_denied

test_allowed if test.decide("two_countries_denied", test.login("alice", {"geoip": {"known": true, "country": "DE"}})).passing

test_denied if not test.decide("two_countries_denied", test.login("alice", {"geoip": {"known": true, "country": "IR"}})).passing

test_unknown if not test.decide("two_countries_denied", test.login("alice", {})).passing
