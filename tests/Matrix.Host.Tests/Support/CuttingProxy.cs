using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Matrix.Host.Tests.Support;

/// <summary>
/// A proxy between a client and PostgreSQL. It can cut a connection after the database has committed and before the
/// client receives the response.
/// </summary>
internal sealed class CuttingProxy : IAsyncDisposable
{
    // ReadyForQuery with status idle: PostgreSQL sends it when no transaction is open and all commands are done.
    private static readonly byte[] _idle = [(byte)'Z', 0, 0, 0, 5, (byte)'I'];

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly IPEndPoint _server;
    private readonly Task _accepting;
    private volatile bool _armed;
    private volatile bool _staysAway;
    private volatile bool _away;

    public CuttingProxy(IPEndPoint server)
    {
        _server = server;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Whether a connection was cut since the last <see cref="CutAtNextCommit"/>.</summary>
    public bool HasCut => !_armed;

    /// <summary>The URL of the same database through this proxy.</summary>
    public string UrlFor(string url) =>
        new UriBuilder(url) { Host = "127.0.0.1", Port = ((IPEndPoint)_listener.LocalEndpoint).Port }.Uri.ToString();

    /// <summary>
    /// Cuts the connection of the writer instead of passing on the response to its next commit.
    /// </summary>
    /// <param name="andStayAway">Whether new connections are closed too, until <see cref="ComeBack"/>.</param>
    public void CutAtNextCommit(bool andStayAway = false)
    {
        _staysAway = andStayAway;
        _armed = true;
    }

    /// <summary>Lets new connections through again.</summary>
    public void ComeBack() => _away = false;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _accepting;
        _listener.Dispose();
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_end.Token);
                _ = ServeAsync(client);
            }
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var server = new TcpClient();
        using (client)
        {
            try
            {
                if (_away) return;
                await server.ConnectAsync(_server, _end.Token);
                var writes = new StrongBox<bool>();
                await Task.WhenAny(ForwardAsync(client, server, writes), AnswerAsync(server, client, writes));
            }
            catch (Exception end) when (end is OperationCanceledException or SocketException or IOException)
            {
                // Either side has disconnected, or the test is over.
            }
        }
    }

    private async Task ForwardAsync(TcpClient from, TcpClient to, StrongBox<bool> writes)
    {
        var buffer = new byte[64 * 1024];
        while (await from.GetStream().ReadAsync(buffer, _end.Token) is var read && read > 0)
        {
            var sent = buffer.AsSpan(0, read);
            writes.Value |= sent.IndexOf("UPDATE sequence"u8) >= 0 || sent.IndexOf("take_positions"u8) >= 0;
            await to.GetStream().WriteAsync(buffer.AsMemory(0, read), _end.Token);
        }
    }

    private async Task AnswerAsync(TcpClient from, TcpClient to, StrongBox<bool> writes)
    {
        var buffer = new byte[64 * 1024];
        while (await from.GetStream().ReadAsync(buffer, _end.Token) is var read && read > 0)
        {
            if (_armed && writes.Value && buffer.AsSpan(0, read).EndsWith(_idle))
            {
                _away = _staysAway;
                _armed = false;
                return;
            }

            await to.GetStream().WriteAsync(buffer.AsMemory(0, read), _end.Token);
        }
    }
}
