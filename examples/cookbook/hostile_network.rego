# A network from which attacks came is shut out.
package sallyport.policies.hostile_network

default allow := false

hostile if ip_in_any(input.client_ip, ["203.0.113.0/24", "2001:db8:bad::/48"])

allow if not hostile

messages contains "Access denied." if hostile
