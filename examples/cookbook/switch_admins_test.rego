package sallyport.test.switch_admins

cli(user) := test.login(user, {"radius": {"service_type": "Administrative-User"}})

test_admin if {
	r := test.decide("switch_admins", cli("dave"))
	r.passing
	r.raw_result.radius["Cisco-AVPair"] == "shell:priv-lvl=15"
}

test_staff if not test.decide("switch_admins", cli("alice")).passing

test_other_logins if test.decide("switch_admins", test.login("alice", {"radius": {"service_type": "Framed-User"}})).passing
