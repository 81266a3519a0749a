package sallyport.test.password_age

changed(t) := test.login("alice", {"request": {"user": {"password_change_time": t}}})

test_fresh if test.decide("password_age", changed("2026-01-01T00:00:00Z")).passing

test_old if not test.decide("password_age", changed("2025-01-01T00:00:00Z")).passing

test_unknown if test.decide("password_age", changed(null)).passing
