package sallyport.test.service_accounts

bind(user, peer) := test.login(user, {"request": {"protocol": "ldap"}, "peer_ip": peer})

test_service if {
	r := test.decide("service_accounts", bind("svc-mail", "10.20.1.1"))
	r.passing
	r.raw_result.kind == "service"
}

test_service_by_name if test.decide("service_accounts", bind("svc-print", "10.20.1.2")).passing

test_service_by_kind if test.decide("service_accounts", test.login("alice", {
	"request": {"protocol": "ldap", "user": {"type": "service"}},
	"peer_ip": "10.20.1.3",
})).passing

test_service_elsewhere if not test.decide("service_accounts", bind("svc-mail", "10.30.1.1")).passing

test_service_over_radius if not test.decide("service_accounts", test.login("svc-mail", {"peer_ip": "10.20.1.1"})).passing

test_person if test.decide("service_accounts", test.login("alice", {})).passing

test_banned if not test.decide("service_accounts", test.login("bob", {})).passing
