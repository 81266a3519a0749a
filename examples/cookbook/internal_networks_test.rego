package sallyport.test.internal_networks

test_inside if test.decide("internal_networks", test.login("alice", {"client_ip": "172.20.1.1"})).passing

test_inside_v6 if test.decide("internal_networks", test.login("alice", {"client_ip": "fd12::1"})).passing

test_outside if not test.decide("internal_networks", test.login("alice", {"client_ip": "172.32.0.1"})).passing
