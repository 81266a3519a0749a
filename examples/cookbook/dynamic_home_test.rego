package sallyport.test.dynamic_home

from(ip) := test.login("alice", {"client_ip": ip})

test_home if test.decide("dynamic_home", from("198.51.100.7")).passing

test_home_v6 if test.decide("dynamic_home", from("2001:db8::7")).passing

test_elsewhere if not test.decide("dynamic_home", from("198.51.100.8")).passing
