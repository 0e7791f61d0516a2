extends RefCounted
## The addresses by which other machines in the same local network reach this one.

## Private networks (RFC 1918). First those that homes have; the last is often one of virtual machines.
const _PREFIXES: Array[String] = ["192.168.", "10.", "172."]


## IPv4 addresses, the most likely one first; `localhost` alone if this machine is in no local network.
static func find() -> PackedStringArray:
	var found: PackedStringArray = []
	for prefix in _PREFIXES:
		for address in IP.get_local_addresses():
			if address.begins_with(prefix) and _is_private(address) and not found.has(address):
				var _is_full := found.append(address)
	return found if not found.is_empty() else PackedStringArray(["localhost"])


static func _is_private(address: String) -> bool:
	var second := address.get_slice(".", 1).to_int()
	return not address.begins_with("172.") or (second >= 16 and second <= 31)
