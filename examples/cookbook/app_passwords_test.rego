package sallyport.test.app_passwords

by(method, application) := test.login("alice", {"context": {
	"auth_method": method,
	"application": {"name": application, "slug": application},
}})

test_password if test.decide("app_passwords", by("password", "vpn")).passing

test_mail if test.decide("app_passwords", by("app_password", "mail")).passing

test_vpn if {
	r := test.decide("app_passwords", by("app_password", "vpn"))
	not r.passing
	r.messages == ["Application passwords are for mail alone."]
}
