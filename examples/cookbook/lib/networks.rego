# Networks that several policies speak of.
package sallyport.lib.networks

internal_networks := ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8"]

trusted_networks := ["10.0.3.0/24", "10.0.10.0/24"]

internal(address) if ip_in_any(address, internal_networks)

trusted(address) if ip_in_any(address, trusted_networks)
