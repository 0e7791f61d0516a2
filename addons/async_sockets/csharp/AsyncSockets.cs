// Written by scripts/class_docs.sh from the documentation in the sources.
// The classes of Async Sockets for C#. See the pages in docs/classes for what the members do.

#nullable disable
#pragma warning disable CS1591

using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using Godot;

namespace AsyncSockets
{
    /// <summary>An object of the library. It is released, and its socket closed, once nothing refers to it; Dispose()
    /// does not wait for the garbage collector. Use it on the main thread only.</summary>
    public abstract class NetObject : IDisposable
    {
        private readonly Dictionary<KeyValuePair<string, Delegate>, Callable> _handlers =
            new Dictionary<KeyValuePair<string, Delegate>, Callable>();

        private protected NetObject(GodotObject instance)
        {
            Instance = instance;
        }

        /// <summary>The object as the engine has it.</summary>
        public GodotObject Instance { get; }

        public void Dispose()
        {
            Instance.Dispose();
        }

        public override bool Equals(object other)
        {
            return other is NetObject wrapper && wrapper.Instance == Instance;
        }

        public override int GetHashCode()
        {
            return Instance.GetHashCode();
        }

        private protected static GodotObject New(string className)
        {
            GodotObject instance = ClassDB.Instantiate(className).AsGodotObject();
            return instance ?? throw new InvalidOperationException(className + ": the library is not loaded");
        }

        private protected Variant Call(string method, params Variant[] arguments)
        {
            return Instance.Call(method, arguments);
        }

        private protected void Listen(string signal, Delegate handler, Callable callable)
        {
            if (_handlers.TryAdd(new KeyValuePair<string, Delegate>(signal, handler), callable))
            {
                Instance.Connect(signal, callable);
            }
        }

        private protected void Ignore(string signal, Delegate handler)
        {
            if (_handlers.Remove(new KeyValuePair<string, Delegate>(signal, handler), out Callable callable))
            {
                Instance.Disconnect(signal, callable);
            }
        }

        /// <summary>The result of an operation, which is there already or comes by a signal.</summary>
        private protected static async Task<Godot.Collections.Array> Wait(Variant awaitable)
        {
            if (awaitable.VariantType != Variant.Type.Signal)
            {
                return awaitable.AsGodotArray();
            }
            Signal signal = awaitable.AsSignal();
            Variant[] emitted = await signal.Owner.ToSignal(signal.Owner, signal.Name);
            return emitted[0].AsGodotArray();
        }
    }

    /// <summary>High-level multiplayer (RPCs, MultiplayerSpawner, MultiplayerSynchronizer) over this library's WebSocket server and client. It speaks with WebSocketMultiplayerPeer on the other side, which notices no difference.</summary>
    public sealed class AsyncMultiplayerPeer : NetObject
    {
        private AsyncMultiplayerPeer(GodotObject instance) : base(instance) { }

        public AsyncMultiplayerPeer() : base(New("AsyncMultiplayerPeer")) { }

        /// <summary>This object of the library, such as one that a signal gave; null for null.</summary>
        public static AsyncMultiplayerPeer Wrap(GodotObject instance)
        {
            return instance == null ? null : new AsyncMultiplayerPeer(instance);
        }

        /// <summary>The peer for <c>Multiplayer.MultiplayerPeer</c>.</summary>
        public MultiplayerPeer Peer
        {
            get { return (MultiplayerPeer)Instance; }
        }

        /// <summary>Maximum time that one MultiplayerAPI.poll spends on taking in what has happened and on packets, with the RPCs they call, in microseconds.</summary>
        public long FrameBudgetUsec
        {
            get { return Instance.Get("frame_budget_usec").AsInt64(); }
            set { Instance.Set("frame_budget_usec", value); }
        }

        /// <summary>Additional headers of a client's request, and of a server's response, each as "Name: value".</summary>
        public string[] HandshakeHeaders
        {
            get { return Instance.Get("handshake_headers").AsStringArray(); }
            set { Instance.Set("handshake_headers", value); }
        }

        /// <summary>Time limit of joining, in seconds: on a server for the opening handshake of a client, TLS included; on a client from create_client until it has its id.</summary>
        public double HandshakeTimeout
        {
            get { return Instance.Get("handshake_timeout").AsDouble(); }
            set { Instance.Set("handshake_timeout", value); }
        }

        /// <summary>Maximum number of bytes from one peer that wait to be taken in, with 32 more for each packet; then TCP slows that peer down.</summary>
        public long InboundBufferSize
        {
            get { return Instance.Get("inbound_buffer_size").AsInt64(); }
            set { Instance.Set("inbound_buffer_size", value); }
        }

        /// <summary>Maximum number of packets from one peer that wait to be taken in; then TCP slows that peer down.</summary>
        public long MaxQueuedPackets
        {
            get { return Instance.Get("max_queued_packets").AsInt64(); }
            set { Instance.Set("max_queued_packets", value); }
        }

        /// <summary>Maximum number of bytes that are pending for one peer.</summary>
        public long OutboundBufferSize
        {
            get { return Instance.Get("outbound_buffer_size").AsInt64(); }
            set { Instance.Set("outbound_buffer_size", value); }
        }

        /// <summary>Whether packets from client to client go round in the background, between the server's frames and without its main thread: those that SceneMultiplayer sends to other clients while SceneMultiplayer.server_relay is on, which must not change while clients are connected.</summary>
        public bool RelayInBackground
        {
            get { return Instance.Get("relay_in_background").AsBool(); }
            set { Instance.Set("relay_in_background", value); }
        }

        /// <summary>The subprotocols that a server supports, in order of preference, and that a client offers.</summary>
        public string[] SupportedProtocols
        {
            get { return Instance.Get("supported_protocols").AsStringArray(); }
            set { Instance.Set("supported_protocols", value); }
        }

        /// <summary>Starts to join the server at a URL such as "wss://example.org/game", in the background.</summary>
        public Error CreateClient(string url, TlsOptions tlsOptions = null)
        {
            return (Error)Call("create_client", url, tlsOptions).AsInt64();
        }

        /// <summary>Starts a server on a port (0 picks a free one, see WebSocketServer.get_local_port) of an IP address, "*" (IPv6 and IPv4) or "localhost".</summary>
        public Error CreateServer(long port, string bindAddress = "*", TlsOptions tlsOptions = null)
        {
            return (Error)Call("create_server", port, bindAddress, tlsOptions).AsInt64();
        }

        /// <summary>The client that this peer works with, the same object at all times: set its properties before create_client, which switches WebSocketClient.emit_messages and WebSocketClient.reconnect off.</summary>
        public WebSocketClient GetClient()
        {
            return WebSocketClient.Wrap(Call("get_client").AsGodotObject());
        }

        /// <summary>The id of a peer at get_server; 0 for an unknown peer.</summary>
        public long GetClientId(long peerId)
        {
            return Call("get_client_id", peerId).AsInt64();
        }

        /// <summary>The last error of this object in words; empty if there was none.</summary>
        public string GetLastErrorMessage()
        {
            return Call("get_last_error_message").AsString();
        }

        /// <summary>The IP address of a peer; empty for an unknown one.</summary>
        public string GetPeerAddress(long peerId)
        {
            return Call("get_peer_address", peerId).AsString();
        }

        /// <summary>The id of the peer that is this client of get_server; 0 for an unknown client, and for one whose connection is over.</summary>
        public long GetPeerId(long clientId)
        {
            return Call("get_peer_id", clientId).AsInt64();
        }

        /// <summary>The round-trip time of the last answered ping to a peer, in milliseconds; -1 if there is none.</summary>
        public double GetPeerLatency(long peerId)
        {
            return Call("get_peer_latency", peerId).AsDouble();
        }

        /// <summary>The port of a peer; 0 for an unknown one.</summary>
        public long GetPeerPort(long peerId)
        {
            return Call("get_peer_port", peerId).AsInt64();
        }

        /// <summary>The server that this peer works with, the same object at all times: set its properties before create_server.</summary>
        public WebSocketServer GetServer()
        {
            return WebSocketServer.Wrap(Call("get_server").AsGodotObject());
        }

        /// <summary>Waits until MultiplayerAPI.poll has something to do, asleep, for at most budget_usec microseconds (0 to one minute; 0 only looks).</summary>
        public long Process(long budgetUsec = 0)
        {
            return Call("process", budgetUsec).AsInt64();
        }
    }

    /// <summary>An overview of all sockets of Async Sockets that are open, and the end of the process in good order.</summary>
    public sealed class Sockets : NetObject
    {
        private Sockets(GodotObject instance) : base(instance) { }

        /// <summary>The only object of this class.</summary>
        public static Sockets Singleton { get; } =
            new Sockets(Engine.GetSingleton("AsyncSockets"));

        /// <summary>Catch the system's request to end: SIGTERM (kill, systemctl stop, docker stop) and Ctrl-C; on Windows Ctrl-C, Ctrl-Break and a console that is closed.</summary>
        public bool HandleTermination
        {
            get { return Instance.Get("handle_termination").AsBool(); }
            set { Instance.Set("handle_termination", value); }
        }

        /// <summary>Version of the library, such as "0.1.0", or "0.1.0+debug" for the library of the editor and of debug exports.</summary>
        public string Version
        {
            get { return Instance.Get("version").AsString(); }
        }

        /// <summary>The open socket with this id (TcpClient.get_id, UdpSocket.get_id), or null.</summary>
        public RefCounted GetSocket(long id)
        {
            return (RefCounted)Call("get_socket", id).AsGodotObject();
        }

        /// <summary>All open sockets, in the order of their ids: clients, listeners, UDP sockets and servers.</summary>
        public Godot.Collections.Array<RefCounted> GetSockets()
        {
            return Call("get_sockets").AsGodotArray<RefCounted>();
        }

        /// <summary>Statistics.</summary>
        public Godot.Collections.Dictionary GetStatistics()
        {
            return Call("get_statistics").AsGodotDictionary();
        }

        /// <summary>Closes every socket.</summary>
        public void StopAll()
        {
            Call("stop_all");
        }

        /// <summary>The system has asked the process to end, and handle_termination is on.</summary>
        public event Action TerminateRequested
        {
            add { Listen("terminate_requested", value, Callable.From(value)); }
            remove { Ignore("terminate_requested", value); }
        }
    }

    /// <summary>A request by plain HTTP, see WebSocketServer.http_requested.</summary>
    public sealed class HttpServerRequest : NetObject
    {
        private HttpServerRequest(GodotObject instance) : base(instance) { }

        /// <summary>This object of the library, such as one that a signal gave; null for null.</summary>
        public static HttpServerRequest Wrap(GodotObject instance)
        {
            return instance == null ? null : new HttpServerRequest(instance);
        }

        /// <summary>The IP address of the client; behind a proxy of WebSocketServer.trusted_proxies that of the client itself.</summary>
        public string Address
        {
            get { return Instance.Get("address").AsString(); }
        }

        /// <summary>The body; empty if there is none.</summary>
        public byte[] Body
        {
            get { return Instance.Get("body").AsByteArray(); }
        }

        /// <summary>The request headers by lower-case name; values of repeated headers are joined by commas.</summary>
        public Godot.Collections.Dictionary Headers
        {
            get { return Instance.Get("headers").AsGodotDictionary(); }
        }

        /// <summary>The method, such as GET or POST.</summary>
        public string Method
        {
            get { return Instance.Get("method").AsString(); }
        }

        /// <summary>The path, decoded, beginning with /.</summary>
        public string Path
        {
            get { return Instance.Get("path").AsString(); }
        }

        /// <summary>The port of the client; 0 behind a trusted proxy that does not give it.</summary>
        public long Port
        {
            get { return Instance.Get("port").AsInt64(); }
        }

        /// <summary>The query, decoded (%20 and + are spaces): values by name, both of type String.</summary>
        public Godot.Collections.Dictionary Query
        {
            get { return Instance.Get("query").AsGodotDictionary(); }
        }

        /// <summary>The path as received, not decoded.</summary>
        public string RawPath
        {
            get { return Instance.Get("raw_path").AsString(); }
        }

        /// <summary>The query as received, without the ?; empty if there is none.</summary>
        public string RawQuery
        {
            get { return Instance.Get("raw_query").AsString(); }
        }

        /// <summary>The client's connection is encrypted (https), to this server or to a trusted proxy.</summary>
        public bool Secure
        {
            get { return Instance.Get("secure").AsBool(); }
        }

        /// <summary>The value of a body in JSON; null if it is none.</summary>
        public Variant GetBodyJson()
        {
            return Call("get_body_json");
        }

        /// <summary>The body as text.</summary>
        public string GetBodyText()
        {
            return Call("get_body_text").AsString();
        }

        /// <summary>The value of a header, whose name may be in any case; empty if there is none.</summary>
        public string GetHeader(string name)
        {
            return Call("get_header", name).AsString();
        }

        /// <summary>The last error of this object in words; empty if there was none.</summary>
        public string GetLastErrorMessage()
        {
            return Call("get_last_error_message").AsString();
        }

        /// <summary>The decoded value of a name in the query; empty if there is none.</summary>
        public string GetQueryParam(string name)
        {
            return Call("get_query_param", name).AsString();
        }

        /// <summary>Whether the client has left, see client_left.</summary>
        public bool HasClientLeft()
        {
            return Call("has_client_left").AsBool();
        }

        /// <summary>Whether the request can still be answered.</summary>
        public bool IsPending()
        {
            return Call("is_pending").AsBool();
        }

        /// <summary>Sends the client to another URL or path, by the HTTP status status: 301, 302, 303, 307 or 308.</summary>
        public Error Redirect(string location, long status = 302)
        {
            return (Error)Call("redirect", location, status).AsInt64();
        }

        /// <summary>Answers with status, an HTTP status from 200 to 599, a body (a String, sent as UTF-8, a PackedByteArray, or null), its media type, and additional headers, each as "Name: value".</summary>
        public Error Respond(long status, Variant body, string contentType = "", string[] headers = null)
        {
            return (Error)Call("respond", status, body, contentType, headers ?? Array.Empty<string>()).AsInt64();
        }

        /// <summary>Answers with a file of res://, which is read by the engine now, or of user:// or an absolute path, which is streamed in the background.</summary>
        public Error RespondFile(string path, string[] headers = null)
        {
            return (Error)Call("respond_file", path, headers ?? Array.Empty<string>()).AsInt64();
        }

        /// <summary>Answers with a value in JSON, and the HTTP status status.</summary>
        public Error RespondJson(Variant value, long status = 200, string[] headers = null)
        {
            return (Error)Call("respond_json", value, status, headers ?? Array.Empty<string>()).AsInt64();
        }

        /// <summary>The client has closed its side, or the connection has broken, before the request was answered.</summary>
        public event Action ClientLeft
        {
            add { Listen("client_left", value, Callable.From(value)); }
            remove { Ignore("client_left", value); }
        }
    }

    /// <summary>A TCP connection whose operations can be awaited. None of them blocks, and none has to be polled.</summary>
    public sealed class TcpClient : NetObject
    {
        private TcpClient(GodotObject instance) : base(instance) { }

        public TcpClient() : base(New("TcpClient")) { }

        /// <summary>This object of the library, such as one that a signal gave; null for null.</summary>
        public static TcpClient Wrap(GodotObject instance)
        {
            return instance == null ? null : new TcpClient(instance);
        }

        public enum Status : long
        {
            /// <summary>Not connected: there was no connection, or the last one was closed in good order.</summary>
            None = 0,
            /// <summary>Looking up the host name, connecting, or performing the TLS handshake of tls_options.</summary>
            Connecting = 1,
            /// <summary>The connection is established.</summary>
            Connected = 2,
            /// <summary>The connection failed, or could not be established.</summary>
            Error = 3,
        }

        public enum CloseReason : long
        {
            /// <summary>The connection has not ended, or there was none.</summary>
            None = -1,
            /// <summary>A network error, a failed attempt to connect, a failed TLS handshake, a reset by the peer, the end of a TLS connection without close_notify (as by the plain close() of some programs), or TcpListener.max_total_bytes.</summary>
            Error = 0,
            /// <summary>This side closed.</summary>
            ByHost = 1,
            /// <summary>The peer closed.</summary>
            ByPeer = 2,
            /// <summary>The peer did not answer in time.</summary>
            Timeout = 3,
        }

        /// <summary>Whether the connection stays open for sending after the peer has ended its sending side.</summary>
        public bool AllowHalfOpen
        {
            get { return Instance.Get("allow_half_open").AsBool(); }
            set { Instance.Set("allow_half_open", value); }
        }

        /// <summary>Protocols to negotiate in the TLS handshake (ALPN), in order of preference, each of 1 to 255 bytes.</summary>
        public string[] AlpnProtocols
        {
            get { return Instance.Get("alpn_protocols").AsStringArray(); }
            set { Instance.Set("alpn_protocols", value); }
        }

        /// <summary>Whether events are handled once per frame, before the nodes' _process.</summary>
        public bool AutoProcess
        {
            get { return Instance.Get("auto_process").AsBool(); }
            set { Instance.Set("auto_process", value); }
        }

        /// <summary>Whether the length in front of a packet is in big-endian byte order.</summary>
        public bool BigEndian
        {
            get { return Instance.Get("big_endian").AsBool(); }
            set { Instance.Set("big_endian", value); }
        }

        /// <summary>Time limit for name lookup, connecting and the TLS handshake together, in seconds.</summary>
        public double ConnectTimeout
        {
            get { return Instance.Get("connect_timeout").AsDouble(); }
            set { Instance.Set("connect_timeout", value); }
        }

        /// <summary>Whether received bytes are emitted by data_received.</summary>
        public bool EmitData
        {
            get { return Instance.Get("emit_data").AsBool(); }
            set { Instance.Set("emit_data", value); }
        }

        /// <summary>Whether a silent peer is probed (TCP keep-alive), so that one that vanished is noticed.</summary>
        public bool KeepAlive
        {
            get { return Instance.Get("keep_alive").AsBool(); }
            set { Instance.Set("keep_alive", value); }
        }

        /// <summary>Number of unanswered probes of keep_alive after which the connection ends with CLOSE_TIMEOUT.</summary>
        public long KeepAliveCount
        {
            get { return Instance.Get("keep_alive_count").AsInt64(); }
            set { Instance.Set("keep_alive_count", value); }
        }

        /// <summary>Silence before the first probe of keep_alive, in seconds.</summary>
        public long KeepAliveIdle
        {
            get { return Instance.Get("keep_alive_idle").AsInt64(); }
            set { Instance.Set("keep_alive_idle", value); }
        }

        /// <summary>Time between two probes of keep_alive, in seconds.</summary>
        public long KeepAliveInterval
        {
            get { return Instance.Get("keep_alive_interval").AsInt64(); }
            set { Instance.Set("keep_alive_interval", value); }
        }

        /// <summary>Maximum number of received bytes that are buffered.</summary>
        public long MaxBufferedBytes
        {
            get { return Instance.Get("max_buffered_bytes").AsInt64(); }
            set { Instance.Set("max_buffered_bytes", value); }
        }

        /// <summary>Maximum size of a packet in recv_packet and send_packet, in bytes.</summary>
        public long MaxPacketSize
        {
            get { return Instance.Get("max_packet_size").AsInt64(); }
            set { Instance.Set("max_packet_size", value); }
        }

        /// <summary>Maximum number of bytes that are queued for sending.</summary>
        public long MaxPendingBytes
        {
            get { return Instance.Get("max_pending_bytes").AsInt64(); }
            set { Instance.Set("max_pending_bytes", value); }
        }

        /// <summary>Whether small messages are sent immediately, without Nagle's algorithm.</summary>
        public bool NoDelay
        {
            get { return Instance.Get("no_delay").AsBool(); }
            set { Instance.Set("no_delay", value); }
        }

        /// <summary>Time limit of an operation whose timeout is omitted (-1), in seconds.</summary>
        public double Timeout
        {
            get { return Instance.Get("timeout").AsDouble(); }
            set { Instance.Set("timeout", value); }
        }

        /// <summary>Options for TLS from the first byte: TLSOptions.client() or TLSOptions.client_unsafe().</summary>
        public TlsOptions TlsOptions
        {
            get { return (TlsOptions)Instance.Get("tls_options").AsGodotObject(); }
            set { Instance.Set("tls_options", value); }
        }

        /// <summary>Closes the connection immediately with a reset.</summary>
        public void Abort()
        {
            Call("abort");
        }

        /// <summary>Starts to connect to a host name or an IP address on port, 1 to 65535.</summary>
        public Error ConnectToHost(string host, long port)
        {
            return (Error)Call("connect_to_host", host, port).AsInt64();
        }

        /// <summary>Closes the connection in good order: what was sent before is still delivered, unless the peer takes none of it for 10 seconds.</summary>
        public void DisconnectFromHost()
        {
            Call("disconnect_from_host");
        }

        /// <summary>Number of bytes that can be received now.</summary>
        public long GetAvailableBytes()
        {
            return Call("get_available_bytes").AsInt64();
        }

        /// <summary>Why the last connection ended; CLOSE_NONE while it has not ended.</summary>
        public TcpClient.CloseReason GetCloseReason()
        {
            return (TcpClient.CloseReason)Call("get_close_reason").AsInt64();
        }

        /// <summary>IP address of the peer, also after the end of the connection.</summary>
        public string GetConnectedHost()
        {
            return Call("get_connected_host").AsString();
        }

        /// <summary>Port of the peer, also after the end of the connection.</summary>
        public long GetConnectedPort()
        {
            return Call("get_connected_port").AsInt64();
        }

        /// <summary>Number of the connection, unique in the process and never reused.</summary>
        public long GetId()
        {
            return Call("get_id").AsInt64();
        }

        /// <summary>Message of the last error that this object returned.</summary>
        public string GetLastErrorMessage()
        {
            return Call("get_last_error_message").AsString();
        }

        /// <summary>Port of this side, also after the end of the connection.</summary>
        public long GetLocalPort()
        {
            return Call("get_local_port").AsInt64();
        }

        /// <summary>Number of bytes that were sent and are not handed to the system yet.</summary>
        public long GetPendingBytes()
        {
            return Call("get_pending_bytes").AsInt64();
        }

        /// <summary>The status of the connection.</summary>
        public TcpClient.Status GetStatus()
        {
            return (TcpClient.Status)Call("get_status").AsInt64();
        }

        /// <summary>Subject of the server's certificate, such as "CN=game.example".</summary>
        public string GetTlsPeerSubject()
        {
            return Call("get_tls_peer_subject").AsString();
        }

        /// <summary>Protocol that was negotiated by ALPN.</summary>
        public string GetTlsProtocol()
        {
            return Call("get_tls_protocol").AsString();
        }

        /// <summary>Host name that the client asked for (SNI).</summary>
        public string GetTlsServerName()
        {
            return Call("get_tls_server_name").AsString();
        }

        /// <summary>TLS version of the connection, "TLSv1.2" or "TLSv1.3".</summary>
        public string GetTlsVersion()
        {
            return Call("get_tls_version").AsString();
        }

        /// <summary>Whether the connection uses TLS, or used it until its end.</summary>
        public bool IsTls()
        {
            return Call("is_tls").AsBool();
        }

        /// <summary>Calls process without a budget.</summary>
        public void Poll()
        {
            Call("poll");
        }

        /// <summary>Handles the queued events: emits signals and resolves what is awaited.</summary>
        public long Process(long budgetUsec = 0)
        {
            return Call("process", budgetUsec).AsInt64();
        }

        /// <summary>Awaitable: [OK, bytes] with exactly length bytes, 0 to 2147483647, even if that is far more than max_buffered_bytes.</summary>
        public async Task<(Error Error, byte[] Data)> Recv(long length, double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("recv", length, timeout));
            return ((Error)result[0].AsInt64(), result[1].AsByteArray());
        }

        /// <summary>Awaitable: [OK, String], a line of UTF-8 text without its ending (LF or CRLF).</summary>
        public async Task<(Error Error, string Text)> RecvLine(long maxBytes = 65536, double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("recv_line", maxBytes, timeout));
            return ((Error)result[0].AsInt64(), result[1].AsString());
        }

        /// <summary>Awaitable: [OK, bytes], a block that was sent behind its length (see send_packet).</summary>
        public async Task<(Error Error, byte[] Data)> RecvPacket(double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("recv_packet", timeout));
            return ((Error)result[0].AsInt64(), result[1].AsByteArray());
        }

        /// <summary>Awaitable: [OK, bytes] with what is available, at least 1 byte and at most max_bytes (1 to 2147483647).</summary>
        public async Task<(Error Error, byte[] Data)> RecvSome(long maxBytes = 4096, double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("recv_some", maxBytes, timeout));
            return ((Error)result[0].AsInt64(), result[1].AsByteArray());
        }

        /// <summary>Awaitable: [OK, bytes] up to and including delimiter.</summary>
        public async Task<(Error Error, byte[] Data)> RecvUntil(byte[] delimiter, long maxBytes = 65536, double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("recv_until", delimiter, maxBytes, timeout));
            return ((Error)result[0].AsInt64(), result[1].AsByteArray());
        }

        /// <summary>Queues the bytes, either all of them or none.</summary>
        public Error Send(byte[] buffer)
        {
            return (Error)Call("send", buffer).AsInt64();
        }

        /// <summary>Awaitable: [OK, int], the number of bytes sent, once all of them were handed to the system, or [error, 0].</summary>
        public async Task<(Error Error, long Bytes)> SendAsync(byte[] buffer, double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("send_async", buffer, timeout));
            return ((Error)result[0].AsInt64(), result[1].AsInt64());
        }

        /// <summary>Queues a line of text as UTF-8, with a line feed behind it, as recv_line reads it.</summary>
        public Error SendLine(string line)
        {
            return (Error)Call("send_line", line).AsInt64();
        }

        /// <summary>Sends the block behind its length in 4 bytes, as recv_packet and the engine's StreamPeer (put_u32, put_data) read it; see big_endian.</summary>
        public Error SendPacket(byte[] buffer)
        {
            return (Error)Call("send_packet", buffer).AsInt64();
        }

        /// <summary>Queues a text as UTF-8.</summary>
        public Error SendText(string text)
        {
            return (Error)Call("send_text", text).AsInt64();
        }

        /// <summary>Ends the sending side (half-close) after what was sent before.</summary>
        public void ShutdownSend()
        {
            Call("shutdown_send");
        }

        /// <summary>Awaitable: OK once the connection continues with TLS, or [error].</summary>
        public async Task<Error> StartTls(TlsOptions options, string serverName = "")
        {
            Godot.Collections.Array result = await Wait(Call("start_tls", options, serverName));
            return (Error)result[0].AsInt64();
        }

        /// <summary>Awaitable: OK once the connection is established, or [error].</summary>
        public async Task<Error> WaitConnected(double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("wait_connected", timeout));
            return (Error)result[0].AsInt64();
        }

        /// <summary>Awaitable: [OK, int], the number of bytes that can be received now, at least 1.</summary>
        public async Task<(Error Error, long Bytes)> WaitReadable(double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("wait_readable", timeout));
            return ((Error)result[0].AsInt64(), result[1].AsInt64());
        }

        /// <summary>Takes over a connected stream of the engine.</summary>
        public Error WrapStream(StreamPeerTcp stream)
        {
            return (Error)Call("wrap_stream", stream).AsInt64();
        }

        /// <summary>Emitted at every end, also that of an attempt that failed or was closed.</summary>
        public event Action<TcpClient.CloseReason> Closed
        {
            add { Listen("closed", value, Callable.From((long reason) => value((TcpClient.CloseReason)reason))); }
            remove { Ignore("closed", value); }
        }

        /// <summary>Emitted when the connection cannot be established: ERR_CANT_RESOLVE, ERR_CANT_CONNECT, ERR_TIMEOUT, or ERR_UNAUTHORIZED for a certificate that is not trusted.</summary>
        public event Action<Error> ConnectFailed
        {
            add { Listen("connect_failed", value, Callable.From((long error) => value((Error)error))); }
            remove { Ignore("connect_failed", value); }
        }

        /// <summary>Emitted when the connection is established.</summary>
        public event Action Connected
        {
            add { Listen("connected", value, Callable.From(value)); }
            remove { Ignore("connected", value); }
        }

        /// <summary>Emitted when bytes were received, if emit_data is true.</summary>
        public event Action<byte[]> DataReceived
        {
            add { Listen("data_received", value, Callable.From(value)); }
            remove { Ignore("data_received", value); }
        }

        /// <summary>Emitted when an established connection is over, whichever side ended it.</summary>
        public event Action Disconnected
        {
            add { Listen("disconnected", value, Callable.From(value)); }
            remove { Ignore("disconnected", value); }
        }
    }

    /// <summary>A listening TCP socket that accepts connections in the background and hands them out as TcpClients.</summary>
    public sealed class TcpListener : NetObject
    {
        private TcpListener(GodotObject instance) : base(instance) { }

        public TcpListener() : base(New("TcpListener")) { }

        /// <summary>This object of the library, such as one that a signal gave; null for null.</summary>
        public static TcpListener Wrap(GodotObject instance)
        {
            return instance == null ? null : new TcpListener(instance);
        }

        /// <summary>Protocols to accept in the TLS handshake (ALPN), in order of preference, each of 1 to 255 bytes.</summary>
        public string[] AlpnProtocols
        {
            get { return Instance.Get("alpn_protocols").AsStringArray(); }
            set { Instance.Set("alpn_protocols", value); }
        }

        /// <summary>Whether events are handled once per frame.</summary>
        public bool AutoProcess
        {
            get { return Instance.Get("auto_process").AsBool(); }
            set { Instance.Set("auto_process", value); }
        }

        /// <summary>Maximum number of connections that wait to be accepted, both in the system and in this object.</summary>
        public long Backlog
        {
            get { return Instance.Get("backlog").AsInt64(); }
            set { Instance.Set("backlog", value); }
        }

        /// <summary>IP addresses and ranges whose connections are closed before anything is read, such as "192.0.2.1", "10.0.0.0/8" or "2001:db8::/32".</summary>
        public string[] BlockedAddresses
        {
            get { return Instance.Get("blocked_addresses").AsStringArray(); }
            set { Instance.Set("blocked_addresses", value); }
        }

        /// <summary>Bytes that a connection refused by refuse_when_full is sent before it is closed; encrypted with tls_options.</summary>
        public byte[] BusyMessage
        {
            get { return Instance.Get("busy_message").AsByteArray(); }
            set { Instance.Set("busy_message", value); }
        }

        /// <summary>Address to listen on: "*" (all addresses, IPv4 and IPv6), "localhost" or an IP address.</summary>
        public string Host
        {
            get { return Instance.Get("host").AsString(); }
            set { Instance.Set("host", value); }
        }

        /// <summary>Maximum number of simultaneous connections.</summary>
        public long MaxClients
        {
            get { return Instance.Get("max_clients").AsInt64(); }
            set { Instance.Set("max_clients", value); }
        }

        /// <summary>Maximum number of simultaneous connections from one address; further ones are closed.</summary>
        public long MaxClientsPerAddress
        {
            get { return Instance.Get("max_clients_per_address").AsInt64(); }
            set { Instance.Set("max_clients_per_address", value); }
        }

        /// <summary>Maximum number of new connections per second from one address, and the most it may make at one moment; further ones are closed before anything is read.</summary>
        public long MaxHandshakesPerSecondPerAddress
        {
            get { return Instance.Get("max_handshakes_per_second_per_address").AsInt64(); }
            set { Instance.Set("max_handshakes_per_second_per_address", value); }
        }

        /// <summary>Maximum memory of all accepted clients together, in bytes: what was received and not taken, and what is queued for sending.</summary>
        public long MaxTotalBytes
        {
            get { return Instance.Get("max_total_bytes").AsInt64(); }
            set { Instance.Set("max_total_bytes", value); }
        }

        /// <summary>Port to listen on.</summary>
        public long Port
        {
            get { return Instance.Get("port").AsInt64(); }
            set { Instance.Set("port", value); }
        }

        /// <summary>Whether connections beyond max_clients are refused instead of left in the backlog.</summary>
        public bool RefuseWhenFull
        {
            get { return Instance.Get("refuse_when_full").AsBool(); }
            set { Instance.Set("refuse_when_full", value); }
        }

        /// <summary>Time limit of an accept whose timeout is omitted (-1), in seconds.</summary>
        public double Timeout
        {
            get { return Instance.Get("timeout").AsDouble(); }
            set { Instance.Set("timeout", value); }
        }

        /// <summary>Options for TLS from the first byte: TLSOptions.server(key, certificate).</summary>
        public TlsOptions TlsOptions
        {
            get { return (TlsOptions)Instance.Get("tls_options").AsGodotObject(); }
            set { Instance.Set("tls_options", value); }
        }

        /// <summary>Awaitable: [OK, TcpClient], or [error, null]: ERR_UNCONFIGURED if the listener is not listening, ERR_TIMEOUT after timeout seconds (0 sets no limit; -1, the default, uses timeout).</summary>
        public async Task<(Error Error, TcpClient Client)> Accept(double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("accept", timeout));
            return ((Error)result[0].AsInt64(), TcpClient.Wrap(result[1].AsGodotObject()));
        }

        /// <summary>Creates a listener with these values of port, host and backlog.</summary>
        public static TcpListener Create(long port, string host = "*", long backlog = 1024)
        {
            return TcpListener.Wrap(New("TcpListener").Call("create", port, host, backlog).AsGodotObject());
        }

        /// <summary>The accepted clients that are connected now.</summary>
        public TcpClient[] GetClients()
        {
            return Array.ConvertAll(Call("get_clients").AsGodotObjectArray<GodotObject>(), one => TcpClient.Wrap(one));
        }

        /// <summary>Number of TLS handshakes that failed since start, also after stop.</summary>
        public long GetFailedHandshakes()
        {
            return Call("get_failed_handshakes").AsInt64();
        }

        /// <summary>Number of the listening socket, unique in the process and never reused.</summary>
        public long GetId()
        {
            return Call("get_id").AsInt64();
        }

        /// <summary>Message of the last error that this object returned.</summary>
        public string GetLastErrorMessage()
        {
            return Call("get_last_error_message").AsString();
        }

        /// <summary>Message of the last TLS handshake that failed since start, also after stop.</summary>
        public string GetLastHandshakeError()
        {
            return Call("get_last_handshake_error").AsString();
        }

        /// <summary>Port in use, also if port is 0.</summary>
        public long GetLocalPort()
        {
            return Call("get_local_port").AsInt64();
        }

        /// <summary>Number of connections that were closed since start by blocked_addresses, max_handshakes_per_second_per_address, max_clients_per_address or refuse_when_full, and of TLS handshakes that were dropped for newer ones.</summary>
        public long GetRefusedConnections()
        {
            return Call("get_refused_connections").AsInt64();
        }

        /// <summary>Whether the listener is listening.</summary>
        public bool IsListening()
        {
            return Call("is_listening").AsBool();
        }

        /// <summary>Calls process without a budget.</summary>
        public void Poll()
        {
            Call("poll");
        }

        /// <summary>Handles the queued events of this listener and of the clients it accepted, also after stop.</summary>
        public long Process(long budgetUsec = 0)
        {
            return Call("process", budgetUsec).AsInt64();
        }

        /// <summary>Binds the port and listens.</summary>
        public Error Start()
        {
            return (Error)Call("start").AsInt64();
        }

        /// <summary>Stops listening and frees the port.</summary>
        public void Stop()
        {
            Call("stop");
        }

        /// <summary>Emitted for each accepted connection, before any signal of the client itself.</summary>
        public event Action<TcpClient> ClientConnected
        {
            add { Listen("client_connected", value, Callable.From((GodotObject client) => value(TcpClient.Wrap(client)))); }
            remove { Ignore("client_connected", value); }
        }

        /// <summary>Emitted when an accepted connection is over, once for each client of client_connected or accept, however it ended.</summary>
        public event Action<TcpClient> ClientDisconnected
        {
            add { Listen("client_disconnected", value, Callable.From((GodotObject client) => value(TcpClient.Wrap(client)))); }
            remove { Ignore("client_disconnected", value); }
        }

        /// <summary>Emitted when a connection beyond max_clients was refused, if refuse_when_full is true.</summary>
        public event Action<string, long> ClientRefused
        {
            add { Listen("client_refused", value, Callable.From(value)); }
            remove { Ignore("client_refused", value); }
        }
    }

    /// <summary>A UDP socket whose datagrams are awaited or delivered by a signal.</summary>
    public sealed class UdpSocket : NetObject
    {
        private UdpSocket(GodotObject instance) : base(instance) { }

        public UdpSocket() : base(New("UdpSocket")) { }

        /// <summary>This object of the library, such as one that a signal gave; null for null.</summary>
        public static UdpSocket Wrap(GodotObject instance)
        {
            return instance == null ? null : new UdpSocket(instance);
        }

        /// <summary>Handle queued events once a frame, before the nodes' _process.</summary>
        public bool AutoProcess
        {
            get { return Instance.Get("auto_process").AsBool(); }
            set { Instance.Set("auto_process", value); }
        }

        /// <summary>Allow sending to broadcast addresses such as 255.255.255.255.</summary>
        public bool Broadcast
        {
            get { return Instance.Get("broadcast").AsBool(); }
            set { Instance.Set("broadcast", value); }
        }

        /// <summary>Number of datagrams dropped since bind because the queue was full; 0 if the socket is not bound.</summary>
        public long DroppedDatagrams
        {
            get { return Instance.Get("dropped_datagrams").AsInt64(); }
        }

        /// <summary>Maximum size of all queued datagrams together, in bytes; further ones replace the oldest, but one is always kept.</summary>
        public long MaxBufferedBytes
        {
            get { return Instance.Get("max_buffered_bytes").AsInt64(); }
            set { Instance.Set("max_buffered_bytes", value); }
        }

        /// <summary>Maximum number of received datagrams that are queued, 1 to 2147483647; further ones replace the oldest.</summary>
        public long MaxDatagrams
        {
            get { return Instance.Get("max_datagrams").AsInt64(); }
            set { Instance.Set("max_datagrams", value); }
        }

        /// <summary>Maximum size of all datagrams together that wait to be sent, in bytes; each counts 128 bytes more than its data.</summary>
        public long MaxPendingBytes
        {
            get { return Instance.Get("max_pending_bytes").AsInt64(); }
            set { Instance.Set("max_pending_bytes", value); }
        }

        /// <summary>Allow other sockets with the same setting to bind the same port, as several receivers of a multicast group on one machine need it.</summary>
        public bool ReuseAddress
        {
            get { return Instance.Get("reuse_address").AsBool(); }
            set { Instance.Set("reuse_address", value); }
        }

        /// <summary>Time limit of an operation whose timeout is omitted (-1), in seconds.</summary>
        public double Timeout
        {
            get { return Instance.Get("timeout").AsDouble(); }
            set { Instance.Set("timeout", value); }
        }

        /// <summary>Maximum number of routers that a datagram may pass, unicast and multicast.</summary>
        public long Ttl
        {
            get { return Instance.Get("ttl").AsInt64(); }
            set { Instance.Set("ttl", value); }
        }

        /// <summary>Binds the socket to a port (0 picks a free one, see get_local_port) of "*" (IPv6 and IPv4), "localhost" or an IP address.</summary>
        public Error Bind(long port = 0, string address = "*")
        {
            return (Error)Call("bind", port, address).AsInt64();
        }

        /// <summary>Closes the socket.</summary>
        public void Close()
        {
            Call("close");
        }

        /// <summary>Connects the socket to a host: send sends to it, and only its datagrams are received.</summary>
        public Error ConnectToHost(string host, long port)
        {
            return (Error)Call("connect_to_host", host, port).AsInt64();
        }

        /// <summary>Number of datagrams that can be received now.</summary>
        public long GetAvailableDatagramCount()
        {
            return Call("get_available_datagram_count").AsInt64();
        }

        /// <summary>The id of the socket, unique in the process and never reused; 0 if it is not bound.</summary>
        public long GetId()
        {
            return Call("get_id").AsInt64();
        }

        /// <summary>The last error of this object in words; empty if there was none since bind.</summary>
        public string GetLastErrorMessage()
        {
            return Call("get_last_error_message").AsString();
        }

        /// <summary>The local port; 0 if the socket is not bound.</summary>
        public long GetLocalPort()
        {
            return Call("get_local_port").AsInt64();
        }

        /// <summary>Whether the socket is bound.</summary>
        public bool IsBound()
        {
            return Call("is_bound").AsBool();
        }

        /// <summary>Joins a multicast group on an interface, given by its name, index or address; empty leaves the choice to the system.</summary>
        public Error JoinMulticastGroup(string address, string @interface = "")
        {
            return (Error)Call("join_multicast_group", address, @interface).AsInt64();
        }

        /// <summary>Leaves a multicast group that was joined on the same interface.</summary>
        public Error LeaveMulticastGroup(string address, string @interface = "")
        {
            return (Error)Call("leave_multicast_group", address, @interface).AsInt64();
        }

        /// <summary>Calls process without a budget.</summary>
        public void Poll()
        {
            Call("poll");
        }

        /// <summary>Handles queued events and returns their number.</summary>
        public long Process(long budgetUsec = 0)
        {
            return Call("process", budgetUsec).AsInt64();
        }

        /// <summary>Awaitable: [OK, bytes] of the next datagram from the host of connect_to_host, which may be empty, or [error, empty]: ERR_TIMEOUT after timeout seconds, ERR_UNCONFIGURED if the socket is not connected, ERR_UNAVAILABLE when it is closed.</summary>
        public async Task<(Error Error, byte[] Data)> Recv(double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("recv", timeout));
            return ((Error)result[0].AsInt64(), result[1].AsByteArray());
        }

        /// <summary>Awaitable: [OK, bytes, address, port] of the next datagram, which may be empty, or [error, empty, "", 0]: ERR_TIMEOUT after timeout seconds, ERR_UNCONFIGURED if the socket is not bound, ERR_UNAVAILABLE when it is closed.</summary>
        public async Task<(Error Error, byte[] Data, string Address, long Port)> RecvFrom(double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("recv_from", timeout));
            return ((Error)result[0].AsInt64(), result[1].AsByteArray(), result[2].AsString(), result[3].AsInt64());
        }

        /// <summary>Queues a datagram of at most 65507 bytes for the host of connect_to_host; never blocks.</summary>
        public Error Send(byte[] data)
        {
            return (Error)Call("send", data).AsInt64();
        }

        /// <summary>Awaitable: [OK, bytes_sent] once the datagram is handed to the system, or [error, 0].</summary>
        public async Task<(Error Error, long Bytes)> SendAsync(byte[] data, double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("send_async", data, timeout));
            return ((Error)result[0].AsInt64(), result[1].AsInt64());
        }

        /// <summary>Queues a datagram for a host name or IP address.</summary>
        public Error SendTo(byte[] data, string host, long port)
        {
            return (Error)Call("send_to", data, host, port).AsInt64();
        }

        /// <summary>Awaitable: [OK, bytes_sent] once the datagram is handed to the system, or [error, 0].</summary>
        public async Task<(Error Error, long Bytes)> SendToAsync(byte[] data, string host, long port, double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("send_to_async", data, host, port, timeout));
            return ((Error)result[0].AsInt64(), result[1].AsInt64());
        }

        /// <summary>A datagram arrived that no recv_from or recv waited for.</summary>
        public event Action<byte[], string, long> DatagramReceived
        {
            add { Listen("datagram_received", value, Callable.From(value)); }
            remove { Ignore("datagram_received", value); }
        }

        /// <summary>A datagram could not be sent, also one of send_async or send_to_async.</summary>
        public event Action<Error, byte[], string, long> SendFailed
        {
            add { Listen("send_failed", value, Callable.From((long error, byte[] data, string address, long port) => value((Error)error, data, address, port))); }
            remove { Ignore("send_failed", value); }
        }
    }

    /// <summary>A WebSocket client (RFC 6455) whose operations can be awaited, and which can reconnect by itself.</summary>
    public sealed class WebSocketClient : NetObject
    {
        private WebSocketClient(GodotObject instance) : base(instance) { }

        public WebSocketClient() : base(New("WebSocketClient")) { }

        /// <summary>This object of the library, such as one that a signal gave; null for null.</summary>
        public static WebSocketClient Wrap(GodotObject instance)
        {
            return instance == null ? null : new WebSocketClient(instance);
        }

        public enum State : long
        {
            /// <summary>An attempt to connect is in flight, or the client waits to reconnect.</summary>
            Connecting = 0,
            /// <summary>The connection is established.</summary>
            Open = 1,
            /// <summary>This side has closed, and the closing handshake is in flight.</summary>
            Closing = 2,
            /// <summary>There is no connection.</summary>
            Closed = 3,
        }

        /// <summary>Whether events are handled once per frame, before the nodes' _process.</summary>
        public bool AutoProcess
        {
            get { return Instance.Get("auto_process").AsBool(); }
            set { Instance.Set("auto_process", value); }
        }

        /// <summary>Time limit of a closing handshake, in seconds; then the connection is cut.</summary>
        public double CloseTimeout
        {
            get { return Instance.Get("close_timeout").AsDouble(); }
            set { Instance.Set("close_timeout", value); }
        }

        /// <summary>Whether received messages are emitted by message_received and data_received.</summary>
        public bool EmitMessages
        {
            get { return Instance.Get("emit_messages").AsBool(); }
            set { Instance.Set("emit_messages", value); }
        }

        /// <summary>Additional headers of the request, each as "Name: value", such as "Authorization: Bearer ...".</summary>
        public string[] HandshakeHeaders
        {
            get { return Instance.Get("handshake_headers").AsStringArray(); }
            set { Instance.Set("handshake_headers", value); }
        }

        /// <summary>Time limit of an attempt to connect, in seconds: name lookup, TCP, TLS and the opening handshake together, redirects included.</summary>
        public double HandshakeTimeout
        {
            get { return Instance.Get("handshake_timeout").AsDouble(); }
            set { Instance.Set("handshake_timeout", value); }
        }

        /// <summary>Time between pings, in seconds.</summary>
        public double HeartbeatInterval
        {
            get { return Instance.Get("heartbeat_interval").AsDouble(); }
            set { Instance.Set("heartbeat_interval", value); }
        }

        /// <summary>Maximum number of received bytes that are buffered; when the buffer is full, the server is slowed down.</summary>
        public long MaxBufferedBytes
        {
            get { return Instance.Get("max_buffered_bytes").AsInt64(); }
            set { Instance.Set("max_buffered_bytes", value); }
        }

        /// <summary>Maximum size of a message from the server, in bytes; a larger one ends the connection with 1009.</summary>
        public long MaxMessageSize
        {
            get { return Instance.Get("max_message_size").AsInt64(); }
            set { Instance.Set("max_message_size", value); }
        }

        /// <summary>Maximum number of bytes of messages that are kept while the connection is lost, and sent in order once it is established again; at most 32768 messages, or one for every 32 bytes of this if that is more.</summary>
        public long MaxOfflineBytes
        {
            get { return Instance.Get("max_offline_bytes").AsInt64(); }
            set { Instance.Set("max_offline_bytes", value); }
        }

        /// <summary>Maximum number of bytes that are queued for sending.</summary>
        public long MaxPendingBytes
        {
            get { return Instance.Get("max_pending_bytes").AsInt64(); }
            set { Instance.Set("max_pending_bytes", value); }
        }

        /// <summary>Maximum number of redirects (status 301, 302, 303, 307, 308) that an attempt follows, never from wss to ws.</summary>
        public long MaxRedirects
        {
            get { return Instance.Get("max_redirects").AsInt64(); }
            set { Instance.Set("max_redirects", value); }
        }

        /// <summary>Whether small messages are sent immediately, without Nagle's algorithm.</summary>
        public bool NoDelay
        {
            get { return Instance.Get("no_delay").AsBool(); }
            set { Instance.Set("no_delay", value); }
        }

        /// <summary>Whether a connection that was lost, or an attempt that has failed, is followed by another attempt.</summary>
        public bool Reconnect
        {
            get { return Instance.Get("reconnect").AsBool(); }
            set { Instance.Set("reconnect", value); }
        }

        /// <summary>Maximum number of attempts to reconnect in a row; then gave_up is emitted.</summary>
        public long ReconnectMaxAttempts
        {
            get { return Instance.Get("reconnect_max_attempts").AsInt64(); }
            set { Instance.Set("reconnect_max_attempts", value); }
        }

        /// <summary>Longest wait before an attempt to reconnect, in seconds; a Retry-After of the server counts up to it too.</summary>
        public double ReconnectMaxDelay
        {
            get { return Instance.Get("reconnect_max_delay").AsDouble(); }
            set { Instance.Set("reconnect_max_delay", value); }
        }

        /// <summary>Shortest wait before an attempt to reconnect, in seconds.</summary>
        public double ReconnectMinDelay
        {
            get { return Instance.Get("reconnect_min_delay").AsDouble(); }
            set { Instance.Set("reconnect_min_delay", value); }
        }

        /// <summary>Close codes, as disconnected gives them, after which the client reconnects: 1006 stands for a connection that broke, and has to be listed too.</summary>
        public int[] ReconnectOnCodes
        {
            get { return Instance.Get("reconnect_on_codes").AsInt32Array(); }
            set { Instance.Set("reconnect_on_codes", value); }
        }

        /// <summary>Subprotocols to offer, in order of preference; see get_selected_protocol.</summary>
        public string[] SupportedProtocols
        {
            get { return Instance.Get("supported_protocols").AsStringArray(); }
            set { Instance.Set("supported_protocols", value); }
        }

        /// <summary>Whether text messages are given as UTF-8 bytes, unchanged: by text_data_received instead of message_received, and by the receiving methods.</summary>
        public bool TextAsData
        {
            get { return Instance.Get("text_as_data").AsBool(); }
            set { Instance.Set("text_as_data", value); }
        }

        /// <summary>Time limit of an operation whose timeout is omitted (-1), in seconds.</summary>
        public double Timeout
        {
            get { return Instance.Get("timeout").AsDouble(); }
            set { Instance.Set("timeout", value); }
        }

        /// <summary>Ends the connection immediately with a reset, or gives the attempt up.</summary>
        public void Abort()
        {
            Call("abort");
        }

        /// <summary>Closes the connection in good order: sends what was sent before, then code (1000 to 1003, 1007 to 1014, or 3000 to 4999) and reason (at most 123 bytes in UTF-8).</summary>
        public void Close(long code = 1000, string reason = "")
        {
            Call("close", code, reason);
        }

        /// <summary>Awaitable: [OK, code, reason] once the closing handshake of close is over.</summary>
        public async Task<(Error Error, long Code, string Reason)> CloseAsync(long code = 1000, string reason = "", double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("close_async", code, reason, timeout));
            return ((Error)result[0].AsInt64(), result[1].AsInt64(), result[2].AsString());
        }

        /// <summary>Starts to connect to a URL such as "wss://example.org/game?room=1".</summary>
        public Error ConnectToUrl(string url, TlsOptions tlsOptions = null)
        {
            return (Error)Call("connect_to_url", url, tlsOptions).AsInt64();
        }

        /// <summary>Awaitable: OK once everything that was sent before has been handed to the system, or [error]: ERR_CONNECTION_ERROR or ERR_FILE_EOF if the connection ended first.</summary>
        public async Task<Error> Flush(double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("flush", timeout));
            return (Error)result[0].AsInt64();
        }

        /// <summary>Number of messages that can be received without waiting.</summary>
        public long GetAvailableMessageCount()
        {
            return Call("get_available_message_count").AsInt64();
        }

        /// <summary>The code with which the last connection ended, see disconnected; -1 while there is none.</summary>
        public long GetCloseCode()
        {
            return Call("get_close_code").AsInt64();
        }

        /// <summary>The reason with which the last connection ended; empty if there is none.</summary>
        public string GetCloseReason()
        {
            return Call("get_close_reason").AsString();
        }

        /// <summary>The IP address of the server; empty before the connection is established.</summary>
        public string GetConnectedHost()
        {
            return Call("get_connected_host").AsString();
        }

        /// <summary>The port of the server; 0 before the connection is established.</summary>
        public long GetConnectedPort()
        {
            return Call("get_connected_port").AsInt64();
        }

        /// <summary>A number that identifies the present connection or attempt within this process; 0 if there was none.</summary>
        public long GetId()
        {
            return Call("get_id").AsInt64();
        }

        /// <summary>The last error in words; empty if there was none.</summary>
        public string GetLastErrorMessage()
        {
            return Call("get_last_error_message").AsString();
        }

        /// <summary>The round-trip time of the last answered ping of this connection, in milliseconds; -1 before the first.</summary>
        public double GetLatency()
        {
            return Call("get_latency").AsDouble();
        }

        /// <summary>The local port; 0 before the connection is established.</summary>
        public long GetLocalPort()
        {
            return Call("get_local_port").AsInt64();
        }

        /// <summary>Number of bytes that were accepted for sending and not yet handed to the system.</summary>
        public long GetPendingBytes()
        {
            return Call("get_pending_bytes").AsInt64();
        }

        /// <summary>The state of the connection.</summary>
        public WebSocketClient.State GetReadyState()
        {
            return (WebSocketClient.State)Call("get_ready_state").AsInt64();
        }

        /// <summary>Number of the attempt to reconnect that is in flight or waits, counted as in reconnecting; 0 unless is_reconnecting.</summary>
        public long GetReconnectAttempt()
        {
            return Call("get_reconnect_attempt").AsInt64();
        }

        /// <summary>Time until the next attempt to reconnect, in seconds; 0 if none waits.</summary>
        public double GetReconnectTimeLeft()
        {
            return Call("get_reconnect_time_left").AsDouble();
        }

        /// <summary>The URL of connect_to_url, without user and password, or the one a redirect has led to.</summary>
        public string GetRequestedUrl()
        {
            return Call("get_requested_url").AsString();
        }

        /// <summary>The value of a header of the response to the last opening handshake, whose name may be in any case; empty if there is none.</summary>
        public string GetResponseHeader(string name)
        {
            return Call("get_response_header", name).AsString();
        }

        /// <summary>The headers of the response to the last opening handshake, by lower-case name.</summary>
        public Godot.Collections.Dictionary GetResponseHeaders()
        {
            return Call("get_response_headers").AsGodotDictionary();
        }

        /// <summary>The HTTP status of the response to the last opening handshake: 101 if it succeeded, otherwise for example 401 or 503; 0 if there was no response, or none yet.</summary>
        public long GetResponseStatus()
        {
            return Call("get_response_status").AsInt64();
        }

        /// <summary>The subprotocol that the server selected of supported_protocols; empty if none.</summary>
        public string GetSelectedProtocol()
        {
            return Call("get_selected_protocol").AsString();
        }

        /// <summary>Number of bytes that were accepted for sending and never handed to the system before the last connection ended: these messages are lost.</summary>
        public long GetUnsentBytes()
        {
            return Call("get_unsent_bytes").AsInt64();
        }

        /// <summary>Whether the connection is lost and will be made again, or the first attempt has failed and another one will follow.</summary>
        public bool IsReconnecting()
        {
            return Call("is_reconnecting").AsBool();
        }

        /// <summary>Whether the connection uses TLS.</summary>
        public bool IsTls()
        {
            return Call("is_tls").AsBool();
        }

        /// <summary>Sends a ping with a payload of at most 125 bytes; its answer sets get_latency.</summary>
        public Error Ping(byte[] payload = null)
        {
            return (Error)Call("ping", payload ?? Array.Empty<byte>()).AsInt64();
        }

        /// <summary>Calls process without a budget.</summary>
        public void Poll()
        {
            Call("poll");
        }

        /// <summary>Handles the queued events: emits signals and resolves what is awaited.</summary>
        public long Process(long budgetUsec = 0)
        {
            return Call("process", budgetUsec).AsInt64();
        }

        /// <summary>Ends the present wait of reconnect and connects now, for example when the user presses a button or the network is back.</summary>
        public Error ReconnectNow()
        {
            return (Error)Call("reconnect_now").AsInt64();
        }

        /// <summary>Awaitable: [OK, message], a String for a text message and a PackedByteArray for a binary one, or [error, ""].</summary>
        public async Task<(Error Error, Variant Message)> Recv(double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("recv", timeout));
            return ((Error)result[0].AsInt64(), result[1]);
        }

        /// <summary>Awaitable: [OK, PackedByteArray] with the next message if it is binary, [ERR_INVALID_DATA, PackedByteArray()] if it is text (it stays for the next receive), or [error, PackedByteArray()] like recv.</summary>
        public async Task<(Error Error, byte[] Data)> RecvBinary(double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("recv_binary", timeout));
            return ((Error)result[0].AsInt64(), result[1].AsByteArray());
        }

        /// <summary>Awaitable: [OK, String] with the next message if it is text, [ERR_INVALID_DATA, ""] if it is binary (it stays for the next receive), or [error, ""] like recv.</summary>
        public async Task<(Error Error, string Text)> RecvText(double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("recv_text", timeout));
            return ((Error)result[0].AsInt64(), result[1].AsString());
        }

        /// <summary>Queues a binary message, like send_text.</summary>
        public Error SendBinary(byte[] data)
        {
            return (Error)Call("send_binary", data).AsInt64();
        }

        /// <summary>Queues a text message.</summary>
        public Error SendText(string message)
        {
            return (Error)Call("send_text", message).AsInt64();
        }

        /// <summary>Queues UTF-8 bytes as a text message, unchanged: for text that a String cannot hold.</summary>
        public Error SendTextData(byte[] utf8)
        {
            return (Error)Call("send_text_data", utf8).AsInt64();
        }

        /// <summary>Awaitable: OK once the connection is established, or [error] once it is certain that it will not be.</summary>
        public async Task<Error> WaitConnected(double timeout = -1.0)
        {
            Godot.Collections.Array result = await Wait(Call("wait_connected", timeout));
            return (Error)result[0].AsInt64();
        }

        /// <summary>Emitted when an attempt has failed.</summary>
        public event Action<Error> ConnectFailed
        {
            add { Listen("connect_failed", value, Callable.From((long error) => value((Error)error))); }
            remove { Ignore("connect_failed", value); }
        }

        /// <summary>Emitted when the connection is established, also when it is after reconnecting.</summary>
        public event Action Connected
        {
            add { Listen("connected", value, Callable.From(value)); }
            remove { Ignore("connected", value); }
        }

        /// <summary>Emitted when a binary message was received, if emit_messages is on.</summary>
        public event Action<byte[]> DataReceived
        {
            add { Listen("data_received", value, Callable.From(value)); }
            remove { Ignore("data_received", value); }
        }

        /// <summary>Emitted when an established connection is over, whichever side ended it, and when close or abort ends an attempt or the wait for the next one.</summary>
        public event Action<long, string, bool> Disconnected
        {
            add { Listen("disconnected", value, Callable.From(value)); }
            remove { Ignore("disconnected", value); }
        }

        /// <summary>Emitted after disconnected or connect_failed if reconnect is on and there will be no other attempt, and when it is switched off while the client waits.</summary>
        public event Action<Error> GaveUp
        {
            add { Listen("gave_up", value, Callable.From((long error) => value((Error)error))); }
            remove { Ignore("gave_up", value); }
        }

        /// <summary>Emitted when a text message was received, if emit_messages is on.</summary>
        public event Action<string> MessageReceived
        {
            add { Listen("message_received", value, Callable.From(value)); }
            remove { Ignore("message_received", value); }
        }

        /// <summary>Emitted after disconnected or connect_failed if there will be another attempt, in delay seconds.</summary>
        public event Action<long, double> Reconnecting
        {
            add { Listen("reconnecting", value, Callable.From(value)); }
            remove { Ignore("reconnecting", value); }
        }

        /// <summary>Emitted when a text message was received, as UTF-8 bytes, if emit_messages and text_as_data are on.</summary>
        public event Action<byte[]> TextDataReceived
        {
            add { Listen("text_data_received", value, Callable.From(value)); }
            remove { Ignore("text_data_received", value); }
        }
    }

    /// <summary>A client that requests to connect, see WebSocketServer.handshake_requested.</summary>
    public sealed class WebSocketHandshakeRequest : NetObject
    {
        private WebSocketHandshakeRequest(GodotObject instance) : base(instance) { }

        /// <summary>This object of the library, such as one that a signal gave; null for null.</summary>
        public static WebSocketHandshakeRequest Wrap(GodotObject instance)
        {
            return instance == null ? null : new WebSocketHandshakeRequest(instance);
        }

        /// <summary>The IP address of the client.</summary>
        public string Address
        {
            get { return Instance.Get("address").AsString(); }
        }

        /// <summary>The request headers by lower-case name; values of repeated headers are joined by commas.</summary>
        public Godot.Collections.Dictionary Headers
        {
            get { return Instance.Get("headers").AsGodotDictionary(); }
        }

        /// <summary>The requested path, decoded, beginning with / and without the query.</summary>
        public string Path
        {
            get { return Instance.Get("path").AsString(); }
        }

        /// <summary>The port of the client.</summary>
        public long Port
        {
            get { return Instance.Get("port").AsInt64(); }
        }

        /// <summary>The subprotocols that the client offers, in its order of preference.</summary>
        public string[] Protocols
        {
            get { return Instance.Get("protocols").AsStringArray(); }
        }

        /// <summary>The query, decoded (%20 and + are spaces): values by name, both of type String.</summary>
        public Godot.Collections.Dictionary Query
        {
            get { return Instance.Get("query").AsGodotDictionary(); }
        }

        /// <summary>The requested path as received, not decoded.</summary>
        public string RawPath
        {
            get { return Instance.Get("raw_path").AsString(); }
        }

        /// <summary>The query as received, without the ?; empty if there is none.</summary>
        public string RawQuery
        {
            get { return Instance.Get("raw_query").AsString(); }
        }

        /// <summary>Accepts the client, with one of the subprotocols that it offers; an empty protocol leaves the choice to WebSocketServer.supported_protocols.</summary>
        public Error Accept(string protocol = "", long peerId = 0)
        {
            return (Error)Call("accept", protocol, peerId).AsInt64();
        }

        /// <summary>The id of the client, which it keeps once it is established.</summary>
        public long GetClientId()
        {
            return Call("get_client_id").AsInt64();
        }

        /// <summary>The value of a header, whose name may be in any case; empty if there is none.</summary>
        public string GetHeader(string name)
        {
            return Call("get_header", name).AsString();
        }

        /// <summary>The last error of this object in words; empty if there was none.</summary>
        public string GetLastErrorMessage()
        {
            return Call("get_last_error_message").AsString();
        }

        /// <summary>The decoded value of a name in the query; empty if there is none.</summary>
        public string GetQueryParam(string name)
        {
            return Call("get_query_param", name).AsString();
        }

        /// <summary>Whether the request can still be decided.</summary>
        public bool IsPending()
        {
            return Call("is_pending").AsBool();
        }

        /// <summary>Refuses the client with status, an HTTP status from 400 to 599, a body and additional headers, each as "Name: value", such as "WWW-Authenticate: Bearer" with 401.</summary>
        public Error Reject(long status = 403, string body = "", string[] headers = null)
        {
            return (Error)Call("reject", status, body, headers ?? Array.Empty<string>()).AsInt64();
        }
    }

    /// <summary>A WebSocket server (RFC 6455) that works in the background and reports by signals.</summary>
    public sealed class WebSocketServer : NetObject
    {
        private WebSocketServer(GodotObject instance) : base(instance) { }

        public WebSocketServer() : base(New("WebSocketServer")) { }

        /// <summary>This object of the library, such as one that a signal gave; null for null.</summary>
        public static WebSocketServer Wrap(GodotObject instance)
        {
            return instance == null ? null : new WebSocketServer(instance);
        }

        public enum BackpressurePolicyEnum : long
        {
            /// <summary>A message beyond max_pending_bytes is refused.</summary>
            Error = 0,
            /// <summary>A message beyond max_pending_bytes is refused and the client is disconnected with 1008.</summary>
            Disconnect = 1,
        }

        /// <summary>Origins that may connect, such as https://example.org; others are refused with 403.</summary>
        public string[] AllowedOrigins
        {
            get { return Instance.Get("allowed_origins").AsStringArray(); }
            set { Instance.Set("allowed_origins", value); }
        }

        /// <summary>Paths that exist, such as "/chat"; others are refused with 404.</summary>
        public string[] AllowedPaths
        {
            get { return Instance.Get("allowed_paths").AsStringArray(); }
            set { Instance.Set("allowed_paths", value); }
        }

        /// <summary>Handle queued events once a frame, before the nodes' _process.</summary>
        public bool AutoProcess
        {
            get { return Instance.Get("auto_process").AsBool(); }
            set { Instance.Set("auto_process", value); }
        }

        /// <summary>Maximum number of connections that the system holds before they are accepted, 1 to 65535.</summary>
        public long Backlog
        {
            get { return Instance.Get("backlog").AsInt64(); }
            set { Instance.Set("backlog", value); }
        }

        /// <summary>What happens to a message that would exceed max_pending_bytes.</summary>
        public WebSocketServer.BackpressurePolicyEnum BackpressurePolicy
        {
            get { return (WebSocketServer.BackpressurePolicyEnum)Instance.Get("backpressure_policy").AsInt64(); }
            set { Instance.Set("backpressure_policy", (long)value); }
        }

        /// <summary>IP addresses and ranges that may not connect, such as "192.0.2.1", "10.0.0.0/8" or "2001:db8::/32"; their connections are closed before anything is read.</summary>
        public string[] BlockedAddresses
        {
            get { return Instance.Get("blocked_addresses").AsStringArray(); }
            set { Instance.Set("blocked_addresses", value); }
        }

        /// <summary>Maximum time for a closing handshake, in seconds; then the connection is cut.</summary>
        public double CloseTimeout
        {
            get { return Instance.Get("close_timeout").AsDouble(); }
            set { Instance.Set("close_timeout", value); }
        }

        /// <summary>Additional headers of the response to an opening handshake, each as "Name: value".</summary>
        public string[] HandshakeHeaders
        {
            get { return Instance.Get("handshake_headers").AsStringArray(); }
            set { Instance.Set("handshake_headers", value); }
        }

        /// <summary>Maximum time for an opening handshake, in seconds, including TLS and your decision.</summary>
        public double HandshakeTimeout
        {
            get { return Instance.Get("handshake_timeout").AsDouble(); }
            set { Instance.Set("handshake_timeout", value); }
        }

        /// <summary>Path of a health check, such as "/healthz": requests for it are answered in the background with 200 and a short JSON text, {"status":"ok","clients":3,"uptime":12.5} (established clients, and seconds since start).</summary>
        public string HealthPath
        {
            get { return Instance.Get("health_path").AsString(); }
            set { Instance.Set("health_path", value); }
        }

        /// <summary>Time between pings to a client, in seconds; a client that sends nothing until the next one is disconnected (1006).</summary>
        public double HeartbeatInterval
        {
            get { return Instance.Get("heartbeat_interval").AsDouble(); }
            set { Instance.Set("heartbeat_interval", value); }
        }

        /// <summary>Maximum time for your answer to a request by http_requested, in seconds; then the response is 504.</summary>
        public double HttpTimeout
        {
            get { return Instance.Get("http_timeout").AsDouble(); }
            set { Instance.Set("http_timeout", value); }
        }

        /// <summary>Emit handshake_requested and wait for your decision before a client is established.</summary>
        public bool ManualHandshake
        {
            get { return Instance.Get("manual_handshake").AsBool(); }
            set { Instance.Set("manual_handshake", value); }
        }

        /// <summary>Maximum number of established clients; further ones are refused with 503.</summary>
        public long MaxClients
        {
            get { return Instance.Get("max_clients").AsInt64(); }
            set { Instance.Set("max_clients", value); }
        }

        /// <summary>Maximum number of established clients of one address; further ones are refused with 429, or closed if the server uses TLS and answers no plain HTTP.</summary>
        public long MaxClientsPerAddress
        {
            get { return Instance.Get("max_clients_per_address").AsInt64(); }
            set { Instance.Set("max_clients_per_address", value); }
        }

        /// <summary>Maximum number of connections per second of one address, which is also the size of a burst; further ones are closed before anything is read.</summary>
        public long MaxHandshakesPerSecondPerAddress
        {
            get { return Instance.Get("max_handshakes_per_second_per_address").AsInt64(); }
            set { Instance.Set("max_handshakes_per_second_per_address", value); }
        }

        /// <summary>Maximum size of the body of a request by http_requested, in bytes, 0 to 2147483647; a larger one is refused with 413.</summary>
        public long MaxHttpBodySize
        {
            get { return Instance.Get("max_http_body_size").AsInt64(); }
            set { Instance.Set("max_http_body_size", value); }
        }

        /// <summary>Maximum number of connections that are used for plain HTTP, 1 to 2147483647; further ones are refused with 503.</summary>
        public long MaxHttpConnections
        {
            get { return Instance.Get("max_http_connections").AsInt64(); }
            set { Instance.Set("max_http_connections", value); }
        }

        /// <summary>Maximum number of plain HTTP requests per second of one address, which is also the size of a burst; further ones are refused with 429.</summary>
        public long MaxHttpRequestsPerSecondPerAddress
        {
            get { return Instance.Get("max_http_requests_per_second_per_address").AsInt64(); }
            set { Instance.Set("max_http_requests_per_second_per_address", value); }
        }

        /// <summary>Maximum size of a message from a client, in bytes; a larger one ends the connection with 1009.</summary>
        public long MaxMessageSize
        {
            get { return Instance.Get("max_message_size").AsInt64(); }
            set { Instance.Set("max_message_size", value); }
        }

        /// <summary>Maximum number of bytes pending for one client; see backpressure_policy for what happens beyond.</summary>
        public long MaxPendingBytes
        {
            get { return Instance.Get("max_pending_bytes").AsInt64(); }
            set { Instance.Set("max_pending_bytes", value); }
        }

        /// <summary>Maximum memory of all clients together, in bytes: incomplete messages, messages queued for this server and frames pending for clients (those of a broadcast count once), requests by plain HTTP that are queued, and responses that are being sent.</summary>
        public long MaxTotalBytes
        {
            get { return Instance.Get("max_total_bytes").AsInt64(); }
            set { Instance.Set("max_total_bytes", value); }
        }

        /// <summary>Maximum time from the first byte of a message to its last, in seconds; a slower client is disconnected with 1008.</summary>
        public double MessageTimeout
        {
            get { return Instance.Get("message_timeout").AsDouble(); }
            set { Instance.Set("message_timeout", value); }
        }

        /// <summary>Send small messages at once (disables Nagle's algorithm).</summary>
        public bool NoDelay
        {
            get { return Instance.Get("no_delay").AsBool(); }
            set { Instance.Set("no_delay", value); }
        }

        /// <summary>Subprotocols in order of preference; a client gets the first one that it offers.</summary>
        public string[] SupportedProtocols
        {
            get { return Instance.Get("supported_protocols").AsStringArray(); }
            set { Instance.Set("supported_protocols", value); }
        }

        /// <summary>Emit text messages as UTF-8 bytes by text_data_received, unchanged, instead of message_received.</summary>
        public bool TextAsData
        {
            get { return Instance.Get("text_as_data").AsBool(); }
            set { Instance.Set("text_as_data", value); }
        }

        /// <summary>TLS for all connections (wss), by TLSOptions.server(key, certificate).</summary>
        public TlsOptions TlsOptions
        {
            get { return (TlsOptions)Instance.Get("tls_options").AsGodotObject(); }
            set { Instance.Set("tls_options", value); }
        }

        /// <summary>Addresses and ranges of proxies in front of this server, such as "10.0.0.0/8".</summary>
        public string[] TrustedProxies
        {
            get { return Instance.Get("trusted_proxies").AsStringArray(); }
            set { Instance.Set("trusted_proxies", value); }
        }

        /// <summary>Adds a client to a group, which it leaves when it is disconnected.</summary>
        public Error AddToGroup(long clientId, StringName group)
        {
            return (Error)Call("add_to_group", clientId, group).AsInt64();
        }

        /// <summary>Queues a binary message for every client.</summary>
        public Error BroadcastBinary(byte[] data, long[] exclude = null)
        {
            return (Error)Call("broadcast_binary", data, exclude ?? Array.Empty<long>()).AsInt64();
        }

        /// <summary>Queues a binary message for the clients of a group.</summary>
        public Error BroadcastBinaryToGroup(StringName group, byte[] data, long[] exclude = null)
        {
            return (Error)Call("broadcast_binary_to_group", group, data, exclude ?? Array.Empty<long>()).AsInt64();
        }

        /// <summary>Queues a text message for every client except those in exclude.</summary>
        public Error BroadcastText(string message, long[] exclude = null)
        {
            return (Error)Call("broadcast_text", message, exclude ?? Array.Empty<long>()).AsInt64();
        }

        /// <summary>Queues a text message for the clients of a group.</summary>
        public Error BroadcastTextToGroup(StringName group, string message, long[] exclude = null)
        {
            return (Error)Call("broadcast_text_to_group", group, message, exclude ?? Array.Empty<long>()).AsInt64();
        }

        /// <summary>Sends pending messages and then a close frame; client_disconnected follows when the client has answered, at the latest after close_timeout.</summary>
        public Error DisconnectClient(long clientId, long code = 1000, string reason = "")
        {
            return (Error)Call("disconnect_client", clientId, code, reason).AsInt64();
        }

        /// <summary>The IP address of a client; empty for an unknown id.</summary>
        public string GetClientAddress(long clientId)
        {
            return Call("get_client_address", clientId).AsString();
        }

        /// <summary>Number of established clients.</summary>
        public long GetClientCount()
        {
            return Call("get_client_count").AsInt64();
        }

        /// <summary>The value of a header of a client's request, whose name may be in any case; empty if there is none, or for an unknown id.</summary>
        public string GetClientHeader(long clientId, string name)
        {
            return Call("get_client_header", clientId, name).AsString();
        }

        /// <summary>The request headers of a client by lower-case name; values of repeated headers are joined by commas.</summary>
        public Godot.Collections.Dictionary GetClientHeaders(long clientId)
        {
            return Call("get_client_headers", clientId).AsGodotDictionary();
        }

        /// <summary>The ids of all established clients, in the order of connection.</summary>
        public Godot.Collections.Array<long> GetClientIds()
        {
            return Call("get_client_ids").AsGodotArray<long>();
        }

        /// <summary>The round-trip time of the last answered ping to a client, in milliseconds; -1 if there is none (see heartbeat_interval and ping).</summary>
        public double GetClientLatency(long clientId)
        {
            return Call("get_client_latency", clientId).AsDouble();
        }

        /// <summary>The path that a client requested, decoded and without the query, as WebSocketHandshakeRequest.path has it; empty for an unknown id.</summary>
        public string GetClientPath(long clientId)
        {
            return Call("get_client_path", clientId).AsString();
        }

        /// <summary>Number of bytes queued for a client and not yet handed to the system; 0 for an unknown id.</summary>
        public long GetClientPendingBytes(long clientId)
        {
            return Call("get_client_pending_bytes", clientId).AsInt64();
        }

        /// <summary>The port of a client; 0 for an unknown id.</summary>
        public long GetClientPort(long clientId)
        {
            return Call("get_client_port", clientId).AsInt64();
        }

        /// <summary>The subprotocol negotiated with a client; empty if there is none.</summary>
        public string GetClientProtocol(long clientId)
        {
            return Call("get_client_protocol", clientId).AsString();
        }

        /// <summary>The query of a client's request, decoded: values by name, as WebSocketHandshakeRequest.query has them; empty for an unknown id.</summary>
        public Godot.Collections.Dictionary GetClientQuery(long clientId)
        {
            return Call("get_client_query", clientId).AsGodotDictionary();
        }

        /// <summary>The decoded value of a name in the query of a client's request; empty if there is none, or for an unknown id.</summary>
        public string GetClientQueryParam(long clientId, string name)
        {
            return Call("get_client_query_param", clientId, name).AsString();
        }

        /// <summary>The path that a client requested as received, not decoded; empty for an unknown id.</summary>
        public string GetClientRawPath(long clientId)
        {
            return Call("get_client_raw_path", clientId).AsString();
        }

        /// <summary>The query of a client's request as received, without the ?; empty for an unknown id.</summary>
        public string GetClientRawQuery(long clientId)
        {
            return Call("get_client_raw_query", clientId).AsString();
        }

        /// <summary>The reason in words beside the code of client_disconnected; valid only inside its handlers.</summary>
        public string GetCloseReason(long clientId)
        {
            return Call("get_close_reason", clientId).AsString();
        }

        /// <summary>The ids of the clients in a group.</summary>
        public Godot.Collections.Array<long> GetGroupClients(StringName group)
        {
            return Call("get_group_clients", group).AsGodotArray<long>();
        }

        /// <summary>Number of the server of the last start, unique in the process and never reused; 0 if there is none, or it is stopped and all its clients are disconnected.</summary>
        public long GetId()
        {
            return Call("get_id").AsInt64();
        }

        /// <summary>The last error of this object in words; empty if there was none since start.</summary>
        public string GetLastErrorMessage()
        {
            return Call("get_last_error_message").AsString();
        }

        /// <summary>The local port; 0 if the server is not running.</summary>
        public long GetLocalPort()
        {
            return Call("get_local_port").AsInt64();
        }

        /// <summary>Statistics since start, kept after stop until the next one, as integers: clients (established now), connected, refused, messages_in, bytes_in, messages_out, bytes_out, relayed (messages that an AsyncMultiplayerPeer has relayed in the background), and memory (bytes that count for max_total_bytes now).</summary>
        public Godot.Collections.Dictionary GetStatistics()
        {
            return Call("get_statistics").AsGodotDictionary();
        }

        /// <summary>Whether the server accepts clients.</summary>
        public bool IsListening()
        {
            return Call("is_listening").AsBool();
        }

        /// <summary>Sends a ping with at most 125 bytes of payload; get_client_latency returns the round-trip time.</summary>
        public Error Ping(long clientId, byte[] payload = null)
        {
            return (Error)Call("ping", clientId, payload ?? Array.Empty<byte>()).AsInt64();
        }

        /// <summary>Calls process without a budget.</summary>
        public void Poll()
        {
            Call("poll");
        }

        /// <summary>Handles queued events by emitting the signals and returns their number.</summary>
        public long Process(long budgetUsec = 0)
        {
            return Call("process", budgetUsec).AsInt64();
        }

        /// <summary>Removes a client from a group.</summary>
        public Error RemoveFromGroup(long clientId, StringName group)
        {
            return (Error)Call("remove_from_group", clientId, group).AsInt64();
        }

        /// <summary>Queues a binary message.</summary>
        public Error SendBinary(long clientId, byte[] data)
        {
            return (Error)Call("send_binary", clientId, data).AsInt64();
        }

        /// <summary>Queues a text message; never blocks.</summary>
        public Error SendText(long clientId, string message)
        {
            return (Error)Call("send_text", clientId, message).AsInt64();
        }

        /// <summary>Queues UTF-8 bytes as a text message, unchanged.</summary>
        public Error SendTextData(long clientId, byte[] utf8)
        {
            return (Error)Call("send_text_data", clientId, utf8).AsInt64();
        }

        /// <summary>Serves the files of a folder by plain HTTP on this server's port, below the path prefix, such as "/"; in the background, at once and also after a restart of the server.</summary>
        public Error ServeFolder(string prefix, string folder, Godot.Collections.Dictionary options = null)
        {
            return (Error)Call("serve_folder", prefix, folder, options ?? new Godot.Collections.Dictionary()).AsInt64();
        }

        /// <summary>Starts listening on a port (0 picks a free one, see get_local_port) of an IP address, "0.0.0.0" (all of IPv4), "*" (IPv6 and IPv4) or "localhost".</summary>
        public bool Start(long port = 8080, string host = "0.0.0.0")
        {
            return Call("start", port, host).AsBool();
        }

        /// <summary>Stops listening, which frees the port, and disconnects every client with 1001.</summary>
        public void Stop()
        {
            Call("stop");
        }

        /// <summary>Ends serve_folder for this prefix.</summary>
        public Error StopServing(string prefix)
        {
            return (Error)Call("stop_serving", prefix).AsInt64();
        }

        /// <summary>A client is established.</summary>
        public event Action<long> ClientConnected
        {
            add { Listen("client_connected", value, Callable.From(value)); }
            remove { Ignore("client_connected", value); }
        }

        /// <summary>An established client is disconnected.</summary>
        public event Action<long, long> ClientDisconnected
        {
            add { Listen("client_disconnected", value, Callable.From(value)); }
            remove { Ignore("client_disconnected", value); }
        }

        /// <summary>A binary message was received.</summary>
        public event Action<long, byte[]> DataReceived
        {
            add { Listen("data_received", value, Callable.From(value)); }
            remove { Ignore("data_received", value); }
        }

        /// <summary>A client announced by handshake_requested is not established: the decision came too late, the client left, the server is full or stops, or the answer could not be sent.</summary>
        public event Action<long, string> HandshakeFailed
        {
            add { Listen("handshake_failed", value, Callable.From(value)); }
            remove { Ignore("handshake_failed", value); }
        }

        /// <summary>A client requests to connect; only with manual_handshake.</summary>
        public event Action<WebSocketHandshakeRequest> HandshakeRequested
        {
            add { Listen("handshake_requested", value, Callable.From((GodotObject request) => value(WebSocketHandshakeRequest.Wrap(request)))); }
            remove { Ignore("handshake_requested", value); }
        }

        /// <summary>A client asks by plain HTTP, with any method, for something that neither health_path nor a folder of serve_folder answers.</summary>
        public event Action<HttpServerRequest> HttpRequested
        {
            add { Listen("http_requested", value, Callable.From((GodotObject request) => value(HttpServerRequest.Wrap(request)))); }
            remove { Ignore("http_requested", value); }
        }

        /// <summary>A text message was received.</summary>
        public event Action<long, string> MessageReceived
        {
            add { Listen("message_received", value, Callable.From(value)); }
            remove { Ignore("message_received", value); }
        }

        /// <summary>The server failed to start, or accepting connections is paused because the system lacks resources.</summary>
        public event Action<string> ServerError
        {
            add { Listen("server_error", value, Callable.From(value)); }
            remove { Ignore("server_error", value); }
        }

        /// <summary>A text message was received, as UTF-8 bytes; only with text_as_data.</summary>
        public event Action<long, byte[]> TextDataReceived
        {
            add { Listen("text_data_received", value, Callable.From(value)); }
            remove { Ignore("text_data_received", value); }
        }
    }
}
