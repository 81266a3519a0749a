package sallyport.test.vlan_by_group

test_vlan if test.decide("vlan_by_group", test.login("carol", {})).raw_result.radius["Tunnel-Private-Group-Id"] == "30"

test_smallest_of_two if test.decide("vlan_by_group", test.login("dave", {})).raw_result.radius["Tunnel-Private-Group-Id"] == "10"

test_none if not test.decide("vlan_by_group", test.login("ivan", {})).passing
