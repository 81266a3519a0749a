# Makes the password of "expired" an old one, which LDAP does not allow.
import sys

from samba.auth import system_session
from samba.dsdb import DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID
from samba.param import LoadParm
from samba.samdb import SamDB

lp = LoadParm(filename_for_non_global_lp=sys.argv[1])
db = SamDB(url=lp.private_path("sam.ldb"), session_info=system_session(), lp=lp)
db.modify_ldif("""dn: CN=expired,OU=Staff,DC=corp,DC=example
changetype: modify
replace: pwdLastSet
pwdLastSet: 132223104000000000
""", controls=["local_oid:%s:0" % DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID])
