package sallyport.test.reset_flag

test_flagged if not test.decide("reset_flag", test.login("grace", {})).passing

test_others if test.decide("reset_flag", test.login("alice", {})).passing
