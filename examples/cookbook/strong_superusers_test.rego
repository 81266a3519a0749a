package sallyport.test.strong_superusers

test_person if test.decide("strong_superusers", test.login("bob", {})).passing

test_strong if test.decide("strong_superusers", test.login("dave", {})).passing

test_totp if test.decide("strong_superusers", test.login("erin", {"request": {"user": {"authenticators": ["totp"]}}})).passing

test_weak if {
	r := test.decide("strong_superusers", test.login("erin", {}))
	not r.passing
	r.messages == ["Administrators need TOTP or a security key."]
}
