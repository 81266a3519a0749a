package sallyport.test.factor_unless_app_password

by(method) := test.login("alice", {"context": {"auth_method": method}})

test_program if test.decide("factor_unless_app_password", by("app_password")).passing

test_code if test.decide("factor_unless_app_password", by("password_code")).passing

test_password if not test.decide("factor_unless_app_password", by("password")).passing

test_from_the_cache if not test.decide("factor_unless_app_password", by("cached")).passing
