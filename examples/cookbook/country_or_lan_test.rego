package sallyport.test.country_or_lan

test_country if test.decide("country_or_lan", test.login("alice", {"client_ip": "203.0.113.9", "geoip": {"known": true, "country": "AT"}})).passing

test_lan if test.decide("country_or_lan", test.login("alice", {"client_ip": "10.1.2.3", "client_ip_known": true})).passing

test_gateway_is_no_client if not test.decide("country_or_lan", test.login("alice", {"client_ip": "10.0.0.1", "client_ip_known": false})).passing

test_abroad if not test.decide("country_or_lan", test.login("alice", {"client_ip": "8.8.8.8", "geoip": {"known": true, "country": "US"}})).passing
