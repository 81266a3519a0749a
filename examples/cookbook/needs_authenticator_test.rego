package sallyport.test.needs_authenticator

test_totp if test.decide("needs_authenticator", test.login("carol", {})).passing

test_key if test.decide("needs_authenticator", test.login("dave", {})).passing

test_recovery_codes_are_not_enough if not test.decide("needs_authenticator", test.login("erin", {})).passing

test_nothing if not test.decide("needs_authenticator", test.login("bob", {})).passing
