extends TlsTest
## What a TLS client trusts: good certificates, bad ones with the message for each, and the choices of TLSOptions.

const BUNDLE := "network/tls/certificate_bundle_override"

static var _engine_key: CryptoKey
static var _engine_certificate: X509Certificate


func time_limit(_test_name: String) -> float:
	return 40.0


func test_a_good_certificate() -> void:
	var ends := await tls_pair()
	await is_alive(ends[0], ends[1])


func test_a_certificate_made_by_the_engine() -> void:
	_make_engine_certificate()
	var listener := listen_tls(TLSOptions.server(_engine_key, _engine_certificate))
	var ends := await tls_pair(listener, TLSOptions.client(_engine_certificate))
	await is_alive(ends[0], ends[1])
	equal(ends[0].get_tls_peer_subject(), "CN=localhost, O=Engine, C=IT")


func test_a_certificate_that_signs_itself() -> void:
	var ends := await tls_pair(listen_tls(serving("self_signed")), trusting("self_signed"))
	await is_alive(ends[0], ends[1])


func test_an_authority_in_between() -> void:
	var ends := await tls_pair(listen_tls(serving("chained")))
	await is_alive(ends[0], ends[1])


func test_a_chain_that_the_engine_does_not_give() -> void:
	var loaded := X509Certificate.new()
	is_ok(loaded.load(certificate_path("chained")))
	var key := CryptoKey.new()
	key.load(key_path("chained"))
	# Prints a warning; clients do not know the authority that signed the first certificate.
	var refused := await _refusal(TLSOptions.server(key, loaded), trusting())
	check(refused.contains("its issuer is unknown"), refused)


func test_several_authorities() -> void:
	var both := load(CERTIFICATES + "/authorities.crt") as X509Certificate
	for identity: String in ["good", "stranger"]:
		var ends := await tls_pair(listen_tls(serving(identity)), TLSOptions.client(both))
		await is_alive(ends[0], ends[1], identity)


func test_an_address_instead_of_a_name() -> void:
	var listener := listen_tls()
	var client := TcpClient.new()
	client.tls_options = trusting()
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	is_ok(await client.wait_connected(5.0))


func test_bad_certificates_are_refused() -> void:
	await _is_refused("expired", trusting(), "it has expired")
	await _is_refused("wrong_name", trusting(), "it is for another host: ")
	await _is_refused("stranger", trusting(), "its issuer is unknown")
	await _is_refused("self_signed", trusting(), "its issuer is unknown")


func test_the_system_knows_no_such_issuer() -> void:
	_make_engine_certificate()
	var refused := await _refusal(TLSOptions.server(_engine_key, _engine_certificate), TLSOptions.client())
	if refused.contains("no trusted certificates"):
		skip("this system trusts nobody")
		return
	check(refused.ends_with("the server's certificate is not trusted: its issuer is unknown"), refused)
	for identity: String in ["good", "self_signed", "stranger"]:
		await _is_refused(identity, TLSOptions.client(), "its issuer is unknown")


func test_the_unsafe_client_takes_them_all() -> void:
	for identity: String in ["good", "expired", "wrong_name", "stranger", "self_signed", "chained"]:
		var ends := await tls_pair(listen_tls(serving(identity)), TLSOptions.client_unsafe())
		await is_alive(ends[0], ends[1], identity)


func test_the_unsafe_client_with_a_chain_checks_no_name() -> void:
	var options := TLSOptions.client_unsafe(certificate("authority"))
	var ends := await tls_pair(listen_tls(serving("wrong_name")), options)
	await is_alive(ends[0], ends[1])
	await _is_refused("stranger", options, "its issuer is unknown")


func test_another_common_name() -> void:
	var ends := await tls_pair(listen_tls(serving("wrong_name")), trusting("authority", "other.example"))
	await is_alive(ends[0], ends[1])
	await _is_refused("good", trusting("authority", "other.example"), "it is for another host: ")


func test_the_certificates_of_the_project() -> void:
	var before: Variant = ProjectSettings.get_setting(BUNDLE)
	ProjectSettings.set_setting(BUNDLE, CERTIFICATES + "/authority.crt")
	var ends := await tls_pair(listen_tls(), TLSOptions.client())
	await is_alive(ends[0], ends[1])
	await _is_refused("stranger", TLSOptions.client(), "its issuer is unknown")
	ProjectSettings.set_setting(BUNDLE, before)


func test_a_failed_handshake_costs_only_its_client() -> void:
	var listener := listen_tls(serving("wrong_name"))
	var port := listener.get_local_port()
	equal(listener.get_failed_handshakes(), 0)
	equal(listener.get_last_handshake_error(), "")
	var steady := await tls_pair(listener, TLSOptions.client_unsafe())
	for number in 5:
		var refused := start_tls_client(port)
		is_error(await refused.wait_connected(5.0), ERR_UNAUTHORIZED)
		check(await wait_for(func() -> bool: return listener.get_failed_handshakes() == number + 1))
	check(listener.get_last_handshake_error().begins_with("the peer refused the TLS handshake: "))
	await is_alive(steady[0], steady[1], "those that stand go on")
	var next := await tls_pair(listener, TLSOptions.client_unsafe())
	await is_alive(next[0], next[1], "and new ones come")
	equal(listener.get_clients().size(), 2)


func test_options_of_the_wrong_side() -> void:
	var client := TcpClient.new()
	client.tls_options = serving()
	is_error(client.connect_to_host(HOST, 1), ERR_INVALID_PARAMETER)
	check(client.get_last_error_message().contains("TLSOptions.client()"), client.get_last_error_message())
	equal(client.get_status(), TcpClient.STATUS_NONE)

	var listener := TcpListener.create(0, LOOPBACK)
	listener.tls_options = trusting()
	is_error(listener.start(), ERR_INVALID_PARAMETER)
	check(listener.get_last_error_message().contains("TLSOptions.server"), listener.get_last_error_message())
	check(not listener.is_listening())


func test_an_empty_certificate() -> void:
	var key := CryptoKey.new()
	key.load(key_path("good"))
	var empty := TLSOptions.server(key, X509Certificate.new())
	var listener := TcpListener.create(0, LOOPBACK)
	listener.tls_options = empty
	is_error(listener.start(), ERR_INVALID_PARAMETER)
	var words := "the X509Certificate is empty"
	check(listener.get_last_error_message().begins_with(words), listener.get_last_error_message())
	var client := TcpClient.new()
	client.tls_options = TLSOptions.client(X509Certificate.new())
	is_error(client.connect_to_host(HOST, 1), ERR_INVALID_PARAMETER)
	check(client.get_last_error_message().begins_with(words), client.get_last_error_message())
	# Its side is what is wrong above all.
	client.tls_options = empty
	is_error(client.connect_to_host(HOST, 1), ERR_INVALID_PARAMETER)
	check(client.get_last_error_message().contains("TLSOptions.client()"), client.get_last_error_message())


func test_a_key_of_another_certificate() -> void:
	var key := CryptoKey.new()
	key.load(key_path("good"))
	var listener := TcpListener.create(0, LOOPBACK)
	listener.tls_options = TLSOptions.server(key, certificate("stranger"))
	is_error(listener.start(), ERR_INVALID_PARAMETER)
	equal(listener.get_last_error_message(), "the private key does not belong to the certificate")


## Asserts that the listener's certificate is refused with these words.
func _is_refused(identity: String, options: TLSOptions, words: String) -> void:
	var refused := await _refusal(serving(identity), options)
	check(refused.contains("not trusted: " + words), "%s: %s" % [identity, refused])


## Connects, which must fail. Returns the error message.
func _refusal(server: TLSOptions, options: TLSOptions) -> String:
	var listener := listen_tls(server)
	var client := TcpClient.new()
	client.tls_options = options
	var told: Array[Array] = []
	client.connect_failed.connect(func(error: int) -> void: told.append(["connect_failed", error]))
	client.closed.connect(func(reason: int) -> void: told.append(["closed", reason]))
	client.connect_to_host(HOST, listener.get_local_port())
	is_error(await client.wait_connected(5.0), ERR_UNAUTHORIZED)
	equal(client.get_status(), TcpClient.STATUS_ERROR)
	check(await wait_for(func() -> bool: return told.size() == 2))
	equal(told, [["connect_failed", ERR_UNAUTHORIZED], ["closed", TcpClient.CLOSE_ERROR]] as Array[Array])
	check(not client.is_tls())
	return client.get_last_error_message()


func _make_engine_certificate() -> void:
	if _engine_key == null:
		var crypto := Crypto.new()
		_engine_key = crypto.generate_rsa(2048)
		_engine_certificate = crypto.generate_self_signed_certificate(_engine_key, "CN=localhost,O=Engine,C=IT")
