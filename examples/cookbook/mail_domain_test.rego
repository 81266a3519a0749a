package sallyport.test.mail_domain

test_ours if test.decide("mail_domain", test.login("alice", {})).passing

test_agency if not test.decide("mail_domain", test.login("carol", {})).passing

test_case if test.decide("mail_domain", test.login("alice", {"request": {"user": {"email": "Alice@CORP.example"}}})).passing

test_none if not test.decide("mail_domain", test.login("svc-mail", {})).passing
