using System.Net.Sockets;
using System.Text;

namespace Matrix.LoadGen.Http;

/// <summary>
/// One keep-alive HTTP/1.1 connection on a blocking socket. It shares two cores with the server that it measures,
/// so it does little: one send and usually one receive per request, no task, no allocation once its buffers have grown.
/// </summary>
internal sealed class HttpConnection : IDisposable
{
    private const int MaximumResponse = 64 * 1024 * 1024;

    private readonly Target target;
    private readonly byte[] fixedHeaders;
    private readonly int timeoutMilliseconds;
    private Socket? socket;
    private byte[] request = new byte[4096];
    private byte[] buffer = new byte[16 * 1024];
    private int filled;
    private int bodyStart;
    private int bodyLength;

    public HttpConnection(Target target, string? token, int timeoutMilliseconds = 60_000)
    {
        this.target = target;
        this.timeoutMilliseconds = timeoutMilliseconds;
        var authorization = token is null ? [] : Encoding.ASCII.GetBytes($"Authorization: Bearer {token}\r\n");
        fixedHeaders = [.. target.HostHeader, .. authorization];
    }

    /// <summary>The body of the last response; valid until the next request.</summary>
    public ReadOnlySpan<byte> Body => buffer.AsSpan(bodyStart, bodyLength);

    public string BodyText => Encoding.UTF8.GetString(Body);

    public int Get(string path) => Exchange("GET", path, default, hasBody: false);

    public int Put(string path, ReadOnlySpan<byte> body) => Exchange("PUT", path, body, hasBody: true);

    public int Post(string path, ReadOnlySpan<byte> body) => Exchange("POST", path, body, hasBody: true);

    public void Dispose() => Close();

    private int Exchange(string method, string path, ReadOnlySpan<byte> body, bool hasBody)
    {
        var length = Compose(method, path, body, hasBody);

        // An idle connection may have been closed by the server: one retry on a new one.
        var reused = socket is not null;
        try
        {
            return SendAndReceive(length);
        }
        catch (Exception problem) when (reused && problem is SocketException or EndOfStreamException)
        {
            Close();
            return SendAndReceive(length);
        }
    }

    private int Compose(string method, string path, ReadOnlySpan<byte> body, bool hasBody)
    {
        var needed = method.Length + path.Length + fixedHeaders.Length + body.Length + 128;
        if (request.Length < needed)
        {
            request = new byte[needed * 2];
        }

        var at = Encoding.ASCII.GetBytes(method, request);
        request[at++] = (byte)' ';
        at += Encoding.ASCII.GetBytes(path, request.AsSpan(at));
        at += Append(" HTTP/1.1\r\n"u8, at);
        at += Append(fixedHeaders, at);
        if (hasBody)
        {
            at += Append("Content-Type: application/json\r\nContent-Length: "u8, at);
            body.Length.TryFormat(request.AsSpan(at), out var digits);
            at += digits;
            at += Append("\r\n"u8, at);
        }

        at += Append("\r\n"u8, at);
        at += Append(body, at);
        return at;
    }

    private int Append(ReadOnlySpan<byte> bytes, int at)
    {
        bytes.CopyTo(request.AsSpan(at));
        return bytes.Length;
    }

    private int SendAndReceive(int length)
    {
        var connection = socket ??= Connect();
        var sent = 0;
        while (sent < length)
        {
            sent += connection.Send(request.AsSpan(sent, length - sent));
        }

        return Receive(connection);
    }

    private Socket Connect()
    {
        var opened = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            NoDelay = true,
            ReceiveTimeout = timeoutMilliseconds,
            SendTimeout = timeoutMilliseconds,
        };
        opened.Connect(target.Endpoint);
        return opened;
    }

    private int Receive(Socket connection)
    {
        filled = 0;
        int headersEnd;
        while ((headersEnd = buffer.AsSpan(0, filled).IndexOf("\r\n\r\n"u8)) < 0)
        {
            Fill(connection);
        }

        var head = buffer.AsSpan(0, headersEnd + 2);
        var status = ((head[9] - '0') * 100) + ((head[10] - '0') * 10) + (head[11] - '0');
        bodyStart = headersEnd + 4;
        bodyLength = 0;

        if (Header(head, "content-length:"u8, out var value))
        {
            _ = int.TryParse(value, out var announced);
            while (filled - bodyStart < announced)
            {
                Fill(connection);
            }

            bodyLength = announced;
        }
        else if (Header(head, "transfer-encoding:"u8, out value) && value.EndsWith("chunked"u8))
        {
            ReceiveChunks(connection);
        }

        if (Header(buffer.AsSpan(0, headersEnd + 2), "connection:"u8, out value) && value.SequenceEqual("close"u8))
        {
            Close();
        }

        return status;
    }

    private void ReceiveChunks(Socket connection)
    {
        var read = bodyStart;
        var written = bodyStart;
        while (true)
        {
            int line;
            while ((line = buffer.AsSpan(read, filled - read).IndexOf("\r\n"u8)) < 0)
            {
                Fill(connection);
            }

            var size = int.Parse(
                Encoding.ASCII.GetString(buffer, read, line), System.Globalization.NumberStyles.HexNumber, provider: null);
            read += line + 2;
            while (filled - read < size + 2)
            {
                Fill(connection);
            }

            buffer.AsSpan(read, size).CopyTo(buffer.AsSpan(written));
            written += size;
            read += size + 2;
            if (size == 0)
            {
                break;
            }
        }

        bodyLength = written - bodyStart;
    }

    private void Fill(Socket connection)
    {
        if (filled == buffer.Length)
        {
            if (buffer.Length >= MaximumResponse)
            {
                throw new InvalidDataException($"A response is larger than {MaximumResponse} bytes.");
            }

            Array.Resize(ref buffer, buffer.Length * 2);
        }

        var received = connection.Receive(buffer.AsSpan(filled));
        if (received == 0)
        {
            throw new EndOfStreamException("The server closed the connection.");
        }

        filled += received;
    }

    /// <summary>The trimmed value of a header, its name given in lower case with the colon.</summary>
    private static bool Header(ReadOnlySpan<byte> head, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        while (true)
        {
            var end = head.IndexOf("\r\n"u8);
            if (end < 0)
            {
                value = default;
                return false;
            }

            var line = head[..end];
            if (line.Length > name.Length && System.Text.Ascii.EqualsIgnoreCase(line[..name.Length], name))
            {
                value = line[name.Length..].Trim(" \t"u8);
                return true;
            }

            head = head[(end + 2)..];
        }
    }

    private void Close()
    {
        socket?.Dispose();
        socket = null;
    }
}
