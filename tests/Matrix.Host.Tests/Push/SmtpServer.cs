using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;

namespace Matrix.Host.Tests.Push;

/// <summary>A mail that came.</summary>
/// <param name="Text">The headers and the body, as they came.</param>
internal sealed record CameMail(string From, string To, string Text)
{
    /// <summary>A header, with its folded lines joined.</summary>
    public string? Header(string name)
    {
        var lines = Text[..Text.IndexOf("\r\n\r\n", StringComparison.Ordinal)]
            .Replace("\r\n ", " ", StringComparison.Ordinal)
            .Split("\r\n");
        return lines.FirstOrDefault(line => line.StartsWith(name + ": ", StringComparison.OrdinalIgnoreCase))
            ?[(name.Length + 2)..];
    }

    /// <summary>The bodies: plain text and HTML, decoded.</summary>
    public IReadOnlyList<string> Bodies
    {
        get
        {
            var type = Header("Content-Type")!;
            var name = type[(type.IndexOf("boundary=", StringComparison.Ordinal) + "boundary=".Length)..];
            var boundary = "--" + name.Split(';')[0].Trim('"');
            return [.. Text.Split(boundary)[1..^1].Select(Decode)];
        }
    }

    private static string Decode(string part)
    {
        var end = part.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        var (headers, body) = (part[..end], part[(end + 4)..].Trim());
        if (headers.Contains("base64", StringComparison.OrdinalIgnoreCase))
        {
            return Encoding.UTF8.GetString(Convert.FromBase64String(body));
        }

        if (!headers.Contains("quoted-printable", StringComparison.OrdinalIgnoreCase)) return body;
        var bytes = new List<byte>();
        var text = body.Replace("=\r\n", "", StringComparison.Ordinal);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '=') bytes.Add(Convert.ToByte(text.Substring((i += 2) - 1, 2), 16));
            else bytes.Add((byte)text[i]);
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }
}

/// <summary>An SMTP server (RFC 5321) without TLS that keeps what it is sent.</summary>
internal sealed class SmtpServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Channel<CameMail> _came = Channel.CreateUnbounded<CameMail>();
    private readonly CancellationTokenSource _stop = new();

    public SmtpServer()
    {
        _listener.Start();
        _ = ListenAsync();
    }

    /// <summary>Whether mail is refused, for a time.</summary>
    public bool Refuses { get; set; }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public async Task<CameMail> NextAsync()
    {
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return await _came.Reader.ReadAsync(end.Token);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task ListenAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
        catch (Exception ended) when (ended is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var connection = client;
        using var reader = new StreamReader(client.GetStream(), Encoding.Latin1);
        await using var writer = new StreamWriter(client.GetStream(), Encoding.Latin1)
        {
            NewLine = "\r\n",
            AutoFlush = true,
        };
        await writer.WriteLineAsync("220 test");
        var (from, to) = ("", "");
        while (await reader.ReadLineAsync() is { } line)
        {
            var verb = line.Split(' ', ':')[0].ToUpperInvariant();
            switch (verb)
            {
                case "EHLO" or "HELO":
                    await writer.WriteLineAsync("250 test");
                    break;
                case "MAIL" when Refuses:
                    await writer.WriteLineAsync("451 try later");
                    break;
                case "MAIL":
                    from = Path(line);
                    await writer.WriteLineAsync("250 ok");
                    break;
                case "RCPT":
                    to = Path(line);
                    await writer.WriteLineAsync("250 ok");
                    break;
                case "DATA":
                    await writer.WriteLineAsync("354 go on");
                    var text = new StringBuilder();
                    while (await reader.ReadLineAsync() is { } data && data != ".")
                    {
                        text.Append(data.StartsWith('.') ? data[1..] : data).Append("\r\n");
                    }

                    _came.Writer.TryWrite(new CameMail(from, to, text.ToString()));
                    await writer.WriteLineAsync("250 kept");
                    break;
                case "QUIT":
                    await writer.WriteLineAsync("221 bye");
                    return;
                default:
                    await writer.WriteLineAsync("250 ok");
                    break;
            }
        }
    }

    private static string Path(string line) =>
        line[(line.IndexOf('<', StringComparison.Ordinal) + 1)..line.IndexOf('>', StringComparison.Ordinal)];
}
