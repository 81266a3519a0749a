# The application is for the internal networks.
package sallyport.policies.internal_networks

import data.sallyport.lib.networks

default allow := false

allow if networks.internal(input.client_ip)

messages contains "Only from the internal networks." if not allow
