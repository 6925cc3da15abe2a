using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Matrix.Processes.Network;

/// <summary>A response of the stub.</summary>
public sealed record StubReply(int Status, string Body = "")
{
    /// <summary>Further header fields.</summary>
    public IReadOnlyDictionary<string, string> Fields { get; init; } = new Dictionary<string, string>();

    /// <summary>The time before the response.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Whether the body is sent without its length, in chunks.</summary>
    public bool IsChunked { get; init; }

    /// <summary>The body of a delegation.</summary>
    public static StubReply Delegates(string server) => new(200, $$"""{"m.server":"{{server}}"}""");

    /// <summary>A redirect.</summary>
    public static StubReply Redirects(string location, int status = 302) =>
        new(status) { Fields = new Dictionary<string, string> { ["Location"] = location } };
}

/// <summary>A request as the stub saw it.</summary>
/// <param name="ServerName">The server name of TLS (SNI); "" if there was none.</param>
public sealed record StubRequest(string Method, string Target, string Host, string ServerName);

/// <summary>An HTTPS server for tests. It answers by host and path; anything else with 404.</summary>
public sealed class WellKnownStub : IAsyncDisposable
{
    /// <summary>The path of server discovery.</summary>
    public const string Path = "/.well-known/matrix/server";

    private readonly TcpListener _listener;
    private readonly X509Certificate2 _certificate;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;
    private readonly ConcurrentDictionary<string, StubReply> _replies = new();
    private readonly ConcurrentQueue<StubRequest> _requests = new();
    private int _connections;

    private WellKnownStub(TcpListener listener, X509Certificate2 certificate)
    {
        _listener = listener;
        _certificate = certificate;
        EndPoint = (IPEndPoint)listener.LocalEndpoint;
        _loop = Task.Run(ServeAsync);
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>The requests so far.</summary>
    public IReadOnlyList<StubRequest> Requests => [.. _requests];

    /// <summary>Called with the method, the target and the status of each request that was answered.</summary>
    public Action<string, string, int>? Answered { get; set; }

    /// <summary>The connections so far, also those that made no request.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Starts a server on an address; port 0 is any free one.</summary>
    public static WellKnownStub Start(X509Certificate2 certificate, string address = "127.0.0.1", int port = 0)
    {
        var listener = new TcpListener(IPAddress.Parse(address), port);
        listener.Start();
        return new WellKnownStub(listener, certificate);
    }

    /// <summary>Sets the reply for a host (without port) and path.</summary>
    public WellKnownStub Answers(string host, StubReply reply, string path = Path)
    {
        _replies[host + path] = reply;
        return this;
    }

    /// <summary>The requests to a host (without port) and path.</summary>
    public int Count(string host, string path = Path) =>
        _requests.Count(request => HostOf(request.Host) + request.Target == host + path);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _loop;
        _listener.Dispose();
        _certificate.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                Interlocked.Increment(ref _connections);
                _ = AnswerAsync(client);
            }
            catch (Exception fault)
                when (fault is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                if (_stop.IsCancellationRequested) return;
            }
        }
    }

    private async Task AnswerAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var serverName = "";
                await using var tls = new SslStream(client.GetStream());
                await tls.AuthenticateAsServerAsync(
                    (_, hello, _, _) =>
                    {
                        serverName = hello.ServerName;
                        return ValueTask.FromResult(
                            new SslServerAuthenticationOptions { ServerCertificate = _certificate });
                    },
                    null,
                    _stop.Token);

                var request = await ReadAsync(tls, serverName);
                _requests.Enqueue(request);
                var reply = _replies.GetValueOrDefault(HostOf(request.Host) + request.Target) ?? new StubReply(404);
                if (reply.Delay > TimeSpan.Zero) await Task.Delay(reply.Delay, _stop.Token);
                await tls.WriteAsync(Encoding.UTF8.GetBytes(Text(reply)), _stop.Token);
                Answered?.Invoke(request.Method, request.Target, reply.Status);
                await tls.ShutdownAsync();
            }
            catch (Exception fault) when (fault is OperationCanceledException or IOException
                or ObjectDisposedException or AuthenticationException)
            {
                // The stub has stopped, or the client has.
            }
        }
    }

    private async Task<StubRequest> ReadAsync(SslStream tls, string serverName)
    {
        using var reader = new StreamReader(tls, Encoding.ASCII, leaveOpen: true);
        var first = (await reader.ReadLineAsync(_stop.Token) ?? "").Split(' ');
        if (first.Length < 2) throw new IOException("There is no request.");

        var host = "";
        while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 } line)
        {
            if (line.StartsWith("Host:", StringComparison.OrdinalIgnoreCase)) host = line[5..].Trim();
        }

        return new StubRequest(first[0], first[1], host, serverName);
    }

    private static string Text(StubReply reply)
    {
        var text = new StringBuilder($"HTTP/1.1 {reply.Status} Reply\r\nConnection: close\r\n");
        foreach (var (name, value) in reply.Fields) text.Append($"{name}: {value}\r\n");
        if (!reply.IsChunked)
        {
            var length = Encoding.UTF8.GetByteCount(reply.Body);
            return text.Append($"Content-Length: {length}\r\n\r\n{reply.Body}").ToString();
        }

        text.Append("Transfer-Encoding: chunked\r\n\r\n");
        foreach (var chunk in reply.Body.Chunk(10_000)) text.Append($"{chunk.Length:x}\r\n{new string(chunk)}\r\n");
        return text.Append("0\r\n\r\n").ToString();
    }

    /// <summary>A host without its port.</summary>
    private static string HostOf(string host) =>
        host.EndsWith(']') || !host.Contains(':') ? host : host[..host.LastIndexOf(':')];
}
