package sallyport.test.mac_addresses

on(mac) := test.login("alice", {"radius": {"calling_station_id": mac}})

test_dots if test.decide("mac_addresses", on("0011.22aa.bbcc")).passing

test_dashes if test.decide("mac_addresses", on("00-11-22-aa-bb-dd")).passing

test_other if not test.decide("mac_addresses", on("00:11:22:aa:bb:ee")).passing

test_none if not test.decide("mac_addresses", on(null)).passing
