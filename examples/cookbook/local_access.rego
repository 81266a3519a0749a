# One part of app_access: from the internal networks.
package sallyport.policies.local_access

import data.sallyport.lib.networks

default allow := false

allow if networks.internal(input.client_ip)

messages contains "You are not on an internal network." if not allow
