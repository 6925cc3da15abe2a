using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Matrix.TestWorld;

/// <summary>
/// A connection on which a test writes what no HTTP client would send. It has TLS for an https address.
/// </summary>
public sealed class RawConnection : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    private readonly TcpClient _tcp;
    private readonly Stream _stream;

    private RawConnection(TcpClient tcp, Stream stream) => (_tcp, _stream) = (tcp, stream);

    /// <summary>Connects.</summary>
    public static async Task<RawConnection> OpenAsync(Uri address)
    {
        using var patience = new CancellationTokenSource(_patience);
        var tcp = new TcpClient();
        await tcp.ConnectAsync(address.Host, address.Port, patience.Token);
        if (address.Scheme != "https") return new RawConnection(tcp, tcp.GetStream());

        var tls = new SslStream(tcp.GetStream());
        await tls.AuthenticateAsClientAsync(TestCa.Shared.Trusting(address.Host), patience.Token);
        return new RawConnection(tcp, tls);
    }

    /// <summary>Sends on a connection of its own, and reads until the server closes it.</summary>
    public static async Task<Reply> RequestAsync(Uri address, string request)
    {
        using var connection = await OpenAsync(address);
        await connection.SendAsync(request);
        return await connection.ReadToEndAsync();
    }

    /// <summary>Sends a request with any number of `Authorization` headers.</summary>
    public static async Task<Reply> RequestAsync(
        Uri address, string method, string target, string? body, params string[] authorizations)
    {
        var head = new StringBuilder($"{method} {target} HTTP/1.1\r\nHost: {address.Authority}\r\n");
        head.Append("Connection: close\r\n");
        foreach (var value in authorizations) head.Append(CultureInfo.InvariantCulture, $"Authorization: {value}\r\n");
        if (body is not null) head.Append(CultureInfo.InvariantCulture, $"Content-Length: {body.Length}\r\n");
        var reply = await RequestAsync(address, head.Append("\r\n").Append(body).ToString());
        SeenRequests.Received(method, target, reply.Status);
        return reply;
    }

    /// <summary>Sends the text, one byte per character.</summary>
    public async Task SendAsync(string text) =>
        await _stream.WriteAsync(Encoding.Latin1.GetBytes(text));

    /// <summary>Resets the connection.</summary>
    public void Reset()
    {
        _tcp.LingerState = new LingerOption(enable: true, seconds: 0);
        _tcp.Close();
    }

    /// <summary>Reads until the server closes the connection.</summary>
    public async Task<Reply> ReadToEndAsync()
    {
        using var patience = new CancellationTokenSource(_patience);
        using var all = new MemoryStream();
        try
        {
            await _stream.CopyToAsync(all, patience.Token);
        }
        catch (IOException) when (all.Length > 0)
        {
            // The response to an incomplete request ends with a reset.
        }

        return Reply.Parse(Encoding.UTF8.GetString(all.ToArray()));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stream.Dispose();
        _tcp.Dispose();
    }
}
