using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
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
            .Replace("\r\n\t", " ", StringComparison.Ordinal)
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
            return [.. Text.Split(boundary)[1..^1].Select(part => Decode(part).ReplaceLineEndings("\n"))];
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
        var text = part[(end + 4)..].Replace("=\r\n", "", StringComparison.Ordinal).Trim();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '=') bytes.Add(Convert.ToByte(text.Substring((i += 2) - 1, 2), 16));
            else bytes.Add((byte)text[i]);
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }
}

/// <summary>A command that came, or a line of a login, and whether it came over TLS.</summary>
internal sealed record SmtpLine(bool IsEncrypted, string Text);

/// <summary>When a server begins TLS.</summary>
internal enum SmtpTls
{
    Never,
    OnRequest,
    AtOnce,
}

/// <summary>An SMTP server (RFC 5321, 3207, 8314) that keeps what it is sent.</summary>
internal sealed class SmtpServer : IDisposable
{
    private static readonly UTF8Encoding _utf8 = new(encoderShouldEmitUTF8Identifier: false);

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

    /// <summary>When TLS begins, which needs a certificate.</summary>
    public SmtpTls Tls { get; init; }

    public X509Certificate2? Certificate { get; init; }

    /// <summary>Extensions that it says it has, besides STARTTLS.</summary>
    public IReadOnlyList<string> Extensions { get; init; } = [];

    /// <summary>The command to which there is never an answer; "" for the greeting, "TLS" for the handshake.</summary>
    public string? StallsAt { get; init; }

    /// <summary>Answers instead of the usual ones, by the command, in the clear also where TLS begins.</summary>
    public IReadOnlyDictionary<string, string> Answers { get; init; } = new Dictionary<string, string>();

    /// <summary>Whatever came besides mails.</summary>
    public ConcurrentQueue<SmtpLine> Lines { get; } = new();

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Whether a mail came that nobody has read.</summary>
    public bool HasMail => _came.Reader.Count > 0;

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
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token), _stop.Token);
        }
        catch (Exception ended) when (ended is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client, CancellationToken stop)
    {
        using var connection = client;
        try
        {
            var stream = (Stream)client.GetStream();
            if (Tls == SmtpTls.AtOnce) stream = await EncryptAsync(stream, stop);
            if (StallsAt == "") await Task.Delay(Timeout.Infinite, stop);
            await WriteAsync(stream, "220 test");
            if (await ConverseAsync(stream, stop)) return;
            await ConverseAsync(await EncryptAsync(stream, stop), stop);
        }
        catch (Exception ended) when (ended is OperationCanceledException or IOException
            or System.Security.Authentication.AuthenticationException)
        {
            // The client hung up, or the test is over.
        }
    }

    private async Task<Stream> EncryptAsync(Stream stream, CancellationToken stop)
    {
        if (StallsAt == "TLS") await Task.Delay(Timeout.Infinite, stop);
        var tls = new SslStream(stream);
        await tls.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions { ServerCertificate = Certificate }, stop);
        return tls;
    }

    private static async Task WriteAsync(Stream stream, string answer)
    {
        await stream.WriteAsync(_utf8.GetBytes(answer + "\r\n"));
        await stream.FlushAsync();
    }

    /// <summary>Answers commands; false if the client changes to TLS.</summary>
    private async Task<bool> ConverseAsync(Stream stream, CancellationToken stop)
    {
        var isEncrypted = stream is SslStream;
        using var reader = new StreamReader(stream, _utf8, leaveOpen: true);
        var (from, to) = ("", "");
        while (await reader.ReadLineAsync(stop) is { } line)
        {
            Lines.Enqueue(new SmtpLine(isEncrypted, line));
            var verb = line.Split(' ', ':')[0].ToUpperInvariant();
            if (verb == StallsAt) await Task.Delay(Timeout.Infinite, stop);
            if (verb == "MAIL") from = Path(line);
            if (verb == "RCPT") to = Path(line);
            await WriteAsync(stream, Answers.TryGetValue(verb, out var other) ? other : AnswerTo(verb, isEncrypted));
            switch (verb)
            {
                case "STARTTLS" when other is null || other.StartsWith("220", StringComparison.Ordinal):
                    return false;
                case "DATA" when other is null:
                    _came.Writer.TryWrite(new CameMail(from, to, await ReadDataAsync(reader, stop)));
                    if (StallsAt == ".") await Task.Delay(Timeout.Infinite, stop);
                    await WriteAsync(stream, "250 kept");
                    break;
                case "QUIT":
                    return true;
            }
        }

        return true;
    }

    private string AnswerTo(string verb, bool isEncrypted) => verb switch
    {
        "EHLO" => Hello(isEncrypted),
        "MAIL" when Refuses => "451 try later",
        "STARTTLS" => "220 go on",
        "AUTH" => "235 welcome",
        "DATA" => "354 go on",
        "QUIT" => "221 bye",
        _ => "250 ok",
    };

    private string Hello(bool isEncrypted)
    {
        var lines = new List<string> { "test" };
        lines.AddRange(Extensions);
        if (Tls == SmtpTls.OnRequest && !isEncrypted) lines.Add("STARTTLS");
        return string.Join("\r\n", lines.Select((line, i) => (i < lines.Count - 1 ? "250-" : "250 ") + line));
    }

    private static async Task<string> ReadDataAsync(StreamReader reader, CancellationToken stop)
    {
        var text = new StringBuilder();
        while (await reader.ReadLineAsync(stop) is { } data && data != ".")
        {
            text.Append(data.StartsWith('.') ? data[1..] : data).Append("\r\n");
        }

        return text.ToString();
    }

    private static string Path(string line) =>
        line[(line.IndexOf('<', StringComparison.Ordinal) + 1)..line.IndexOf('>', StringComparison.Ordinal)];
}
