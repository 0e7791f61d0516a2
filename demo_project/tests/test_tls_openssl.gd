extends TlsTest
## TLS with OpenSSL's command, as server and as client, in both TLS versions. Skipped if it is not available.

const VERSIONS: Array[Array] = [["-tls1_2", "TLSv1.2"], ["-tls1_3", "TLSv1.3"]]


func time_limit(_test_name: String) -> float:
	return 60.0


func test_client_against_s_server() -> void:
	if not has_openssl():
		return
	for version in VERSIONS:
		var openssl := await _s_server("good", [version[0], "-alpn", "game/2,game/1"])
		var client := start_tls_client(openssl.port, trusting(), ["game/1", "game/2"])
		is_ok(await client.wait_connected(10.0), version[0])
		equal(client.get_tls_version(), version[1])
		equal(client.get_tls_protocol(), "game/2")
		equal(client.get_tls_peer_subject(), "CN=a server")
		for text: String in ["hello", "to the end"]:
			client.send(utf8(text + "\n"))
			equal(await client.recv_line(65536, 10.0), [OK, _reversed(utf8(text))], "s_server -rev")
		client.disconnect_from_host()
		check(await _says(openssl.report, "CONNECTION CLOSED"), "s_server sees a good end")


func test_bad_certificates_of_s_server() -> void:
	if not has_openssl():
		return
	var cases := {
		"expired": "it has expired",
		"wrong_name": "it is for another host: ",
		"stranger": "its issuer is unknown",
		"self_signed": "its issuer is unknown",
	}
	for version in VERSIONS:
		for identity: String in cases:
			var openssl := await _s_server(identity, [version[0]])
			var client := start_tls_client(openssl.port)
			is_error(await client.wait_connected(10.0), ERR_UNAUTHORIZED, identity)
			check(client.get_last_error_message().contains(cases[identity]), client.get_last_error_message())
			var careless := start_tls_client(openssl.port, TLSOptions.client_unsafe())
			is_ok(await careless.wait_connected(10.0), identity)
			equal(careless.get_tls_version(), version[1])


func test_listener_against_s_client() -> void:
	if not has_openssl():
		return
	for version in VERSIONS:
		var listener := listen_tls(serving("chained"), ["game/1"])
		var report := await _s_client(listener, "hello from openssl", [version[0], "-alpn", "game/1"])
		var accepted := await listener.accept(20.0) as Array
		if not is_ok(accepted, "accept"):
			return
		var peer := accepted[1] as TcpClient
		equal(peer.get_tls_version(), version[1])
		equal(peer.get_tls_protocol(), "game/1")
		equal(peer.get_tls_server_name(), HOST)
		equal(await peer.recv_line(65536, 10.0), [OK, "hello from openssl"])
		peer.send(utf8("hello to openssl\n"))
		peer.disconnect_from_host()
		check(await _says(report, "hello to openssl"))
		check(await _says(report, "exit code 0"), "s_client sees a good end")


func test_s_client_refuses_our_certificate() -> void:
	if not has_openssl():
		return
	var listener := listen_tls(serving("stranger"))
	var report := await _s_client(listener, "", [])
	check(await _says(report, "verify error:num=20:unable to get local issuer certificate"))
	await wait_for(func() -> bool: return listener.get_failed_handshakes() == 1)
	equal(listener.get_last_handshake_error(), "the peer refused the TLS handshake: unknown ca")


func test_versions_that_are_too_old() -> void:
	if not has_openssl():
		return
	var listener := listen_tls()
	await _s_client(listener, "", ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])
	check(await wait_for(func() -> bool: return listener.get_failed_handshakes() == 1, 20.0))
	equal(listener.get_clients().size(), 0)


## Starts `openssl s_server`, which sends every line back reversed.
func _s_server(identity: String, options: PackedStringArray) -> Server:
	var openssl := Server.new()
	var command := PackedStringArray(["", "openssl", "s_server", "-accept", LOOPBACK + ":0", "-rev"])
	command.append_array(["-cert", certificate_path(identity), "-key", key_path(identity)])
	command.append_array(options)
	openssl.report = await start_peer("command", command)
	var line := ""
	while not line.begins_with("ACCEPT ") and not line.begins_with("exit code"):
		line = await told_by(openssl.report)
	openssl.port = line.get_slice(":", line.count(":")).to_int()
	check(openssl.port > 0, "s_server does not listen: %s" % line)
	return openssl


## Starts `openssl s_client`, which verifies our certificate, sends a line, and prints what it receives.
func _s_client(listener: TcpListener, text: String, options: PackedStringArray) -> TcpClient:
	var command := PackedStringArray([text, "openssl", "s_client", "-verify_return_error", "-ign_eof"])
	command.append_array(["-connect", "%s:%d" % [LOOPBACK, listener.get_local_port()]])
	command.append_array(["-servername", HOST, "-verify_hostname", HOST, "-CAfile", certificate_path("authority")])
	command.append_array(options)
	return await start_peer("command", command)


## Waits for a line that contains this text; false if none comes.
func _says(report: TcpClient, text: String) -> bool:
	var all := PackedStringArray()
	while true:
		var line := await report.recv_line(65536, 20.0) as Array
		if line[0] != OK:
			return check(false, "no '%s' in\n%s" % [text, "\n".join(all)])
		all.append(line[1])
		if (line[1] as String).contains(text):
			return true
	return false


func _reversed(text: PackedByteArray) -> String:
	text.reverse()
	return text.get_string_from_utf8()


class Server:
	extends RefCounted
	var port := 0
	## The command's output.
	var report: TcpClient
