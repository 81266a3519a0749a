package sallyport.test.ldap_only

test_tls if test.decide("ldap_only", test.login("alice", {"request": {"protocol": "ldap"}, "ldap": {"tls": "1.3"}})).passing

test_plain if not test.decide("ldap_only", test.login("alice", {"request": {"protocol": "ldap"}})).passing

test_radius if not test.decide("ldap_only", test.login("alice", {})).passing
