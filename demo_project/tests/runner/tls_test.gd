class_name TlsTest
extends TcpTest
## Base class of the TLS scenes: certificates, and listeners and clients that use them. `scripts/test.sh` generates the
## certificates (`rust/net/examples/make_certificates.rs` describes them).

const CERTIFICATES := "res://tests/certificates"

## The host name of the good certificates.
const HOST := "localhost"


## Loads a certificate of [constant CERTIFICATES].
func certificate(identity: String) -> X509Certificate:
	var loaded := load("%s/%s.crt" % [CERTIFICATES, identity]) as X509Certificate
	check(loaded != null, "no certificate %s, see scripts/test.sh" % identity)
	return loaded


## Server options with this identity.
func serving(identity := "good") -> TLSOptions:
	var key := CryptoKey.new()
	is_ok(key.load(key_path(identity)), "the key %s" % identity)
	return TLSOptions.server(key, certificate(identity))


## Client options that trust this certificate, and those that it has signed.
func trusting(authority := "authority", common_name := "") -> TLSOptions:
	return TLSOptions.client(certificate(authority), common_name)


## The certificate's file path, for other programs.
func certificate_path(identity: String) -> String:
	return ProjectSettings.globalize_path("%s/%s.crt" % [CERTIFICATES, identity])


func key_path(identity: String) -> String:
	return ProjectSettings.globalize_path("%s/%s.key" % [CERTIFICATES, identity])


## A TLS listener on a free port.
func listen_tls(options := serving(), protocols := PackedStringArray()) -> TcpListener:
	var listener := TcpListener.create(0, LOOPBACK)
	listener.tls_options = options
	listener.alpn_protocols = protocols
	is_ok(listener.start(), "listen")
	return listener


## A client that is connecting to this port of [constant HOST].
func start_tls_client(port: int, options := trusting(), protocols := PackedStringArray()) -> TcpClient:
	var client := TcpClient.new()
	client.tls_options = options
	client.alpn_protocols = protocols
	is_ok(client.connect_to_host(HOST, port), "connect_to_host")
	return client


## Both ends of a new TLS connection.
func tls_pair(listener := listen_tls(), options := trusting(), protocols := PackedStringArray()) -> Array[TcpClient]:
	var client := start_tls_client(listener.get_local_port(), options, protocols)
	is_ok(await client.wait_connected(5.0), "wait_connected")
	var accepted := await listener.accept(5.0) as Array
	is_ok(accepted, "accept")
	return [client, accepted[1]]


## Exchanges a byte each way.
func is_alive(client: TcpClient, peer: TcpClient, message := "") -> bool:
	client.send(utf8("?"))
	peer.send(utf8("!"))
	var there := await peer.recv(1, 5.0) as Array
	var back := await client.recv(1, 5.0) as Array
	return equal([there, back], [[OK, utf8("?")], [OK, utf8("!")]], message)


## Runs `res://tests/peers/NAME.py PORT ARGUMENTS...`, which connects to that port at once and reports over this
## connection. Returns our end of it, or null if the script did not connect.
func start_peer(peer: String, arguments := PackedStringArray()) -> TcpClient:
	var report := listen()
	var all := PackedStringArray([str(report.get_local_port())])
	all.append_array(arguments)
	start_python("res://tests/peers/%s.py" % peer, all)
	var accepted := await report.accept(20.0) as Array
	check(accepted[0] == OK, "%s.py does not report" % peer)
	return accepted[1]


## Waits for the next line of a peer's report.
func told_by(peer: TcpClient) -> String:
	var line := await peer.recv_line(65536, 20.0) as Array
	is_ok(line, "the report of the peer")
	return line[1]


## Whether OpenSSL's command is available; if not, the test is skipped. (LibreSSL uses the same name and lacks
## features.)
func has_openssl() -> bool:
	var output := []
	if OS.execute("openssl", ["version"], output) == 0 and (output[0] as String).begins_with("OpenSSL "):
		return true
	skip("OpenSSL's command is not installed")
	return false
