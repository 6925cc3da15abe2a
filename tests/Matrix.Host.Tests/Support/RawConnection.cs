using System.Net.Sockets;
using System.Text;

namespace Matrix.Host.Tests.Support;

/// <summary>A connection on which a test writes bytes that no HTTP client would send.</summary>
public sealed class RawConnection : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    private readonly TcpClient _tcp;
    private readonly NetworkStream _stream;

    private RawConnection(TcpClient tcp)
    {
        _tcp = tcp;
        _stream = tcp.GetStream();
    }

    /// <summary>Connects.</summary>
    public static async Task<RawConnection> OpenAsync(Uri address)
    {
        var tcp = new TcpClient();
        await tcp.ConnectAsync(address.Host, address.Port);
        return new RawConnection(tcp);
    }

    /// <summary>Sends on a connection of its own, and reads until the server closes it.</summary>
    public static async Task<RawReply> AskAsync(Uri address, string request)
    {
        using var connection = await OpenAsync(address);
        await connection.SendAsync(request);
        return await connection.ReadToEndAsync();
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
    public async Task<RawReply> ReadToEndAsync()
    {
        using var patience = new CancellationTokenSource(_patience);
        using var all = new MemoryStream();
        await _stream.CopyToAsync(all, patience.Token);
        return RawReply.Of(Encoding.UTF8.GetString(all.ToArray()));
    }

    /// <inheritdoc/>
    public void Dispose() => _tcp.Dispose();
}

/// <summary>An HTTP response, not interpreted.</summary>
public sealed record RawReply(int Status, IReadOnlyDictionary<string, string> Headers, string Body)
{
    internal static RawReply Of(string text)
    {
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        Assert.That(end, Is.Positive, $"This is no answer: {text}");
        var lines = text[..end].Split("\r\n");
        var headers = lines.Skip(1)
            .Select(line => line.Split(": ", 2)).ToDictionary(p => p[0], p => p[1], StringComparer.OrdinalIgnoreCase);
        return new RawReply(
            int.Parse(lines[0].Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture),
            headers,
            text[(end + 4)..]);
    }
}
