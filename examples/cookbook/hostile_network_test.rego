package sallyport.test.hostile_network

test_hostile if not test.decide("hostile_network", test.login("alice", {"client_ip": "203.0.113.77"})).passing

test_hostile_v6 if not test.decide("hostile_network", test.login("alice", {"client_ip": "2001:db8:bad::1"})).passing

test_others if test.decide("hostile_network", test.login("alice", {"client_ip": "203.0.114.1"})).passing
