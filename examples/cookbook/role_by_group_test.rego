package sallyport.test.role_by_group

test_first_wins if test.decide("role_by_group", test.login("dave", {})).raw_result.radius.Class == "admins"

test_second if test.decide("role_by_group", test.login("alice", {})).raw_result.radius.Class == "staff"

test_none if not test.decide("role_by_group", test.login("svc-mail", {})).passing
