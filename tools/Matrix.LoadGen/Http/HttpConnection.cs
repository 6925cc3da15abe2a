using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Matrix.LoadGen.Http;

/// <summary>
/// One keep-alive HTTP/1.1 connection on a blocking socket. It shares two cores with the server that it measures, so it
/// is cheap: one send and usually one receive per request, no task, no allocation once its buffers have grown. Begin
/// and end of a request are separate, so that one thread can wait for many connections (<see cref="Exchange"/>).
/// </summary>
internal sealed class HttpConnection : IDisposable
{
    private const int MaximumResponse = 64 * 1024 * 1024;

    private readonly Target _target;
    private readonly string? _token;
    private readonly byte[] _fixedHeaders;
    private readonly byte[] _bodyHeaders;
    private readonly int _timeoutMilliseconds;
    private Socket? _socket;
    private byte[] _request = new byte[4096];
    private byte[] _buffer = new byte[16 * 1024];
    private int _composed;
    private bool _reused;
    private int _filled;
    private int _bodyStart;
    private int _bodyLength;

    public HttpConnection(
        Target target, string? token, int timeoutMilliseconds = 60_000, string contentType = "application/json")
    {
        _target = target;
        _token = token;
        _timeoutMilliseconds = timeoutMilliseconds;
        var authorization = token is null ? [] : Encoding.ASCII.GetBytes($"Authorization: Bearer {token}\r\n");
        _fixedHeaders = [.. target.HostHeader, .. authorization];
        _bodyHeaders = Encoding.ASCII.GetBytes($"Content-Type: {contentType}\r\nContent-Length: ");
    }

    /// <summary>The body of the last response; valid until the next request.</summary>
    public ReadOnlySpan<byte> Body => _buffer.AsSpan(_bodyStart, _bodyLength);

    public string BodyText => Encoding.UTF8.GetString(Body);

    public int Get(string path) => Exchange("GET", path, default, hasBody: false);

    public int Put(string path, ReadOnlySpan<byte> body) => Exchange("PUT", path, body, hasBody: true);

    public int Post(string path, ReadOnlySpan<byte> body) => Exchange("POST", path, body, hasBody: true);

    /// <summary>A further connection with the same token.</summary>
    public HttpConnection To(Target elsewhere) => new(elsewhere, _token, _timeoutMilliseconds);

    public void Dispose() => Close();

    /// <summary>Sends a request; <see cref="End"/> receives its answer.</summary>
    public void BeginGet(string path) => Begin("GET", path, default, hasBody: false);

    /// <summary>Sends a request; <see cref="End"/> receives its answer.</summary>
    public void BeginPut(string path, ReadOnlySpan<byte> body) => Begin("PUT", path, body, hasBody: true);

    /// <summary>Sends a request; <see cref="End"/> receives its answer.</summary>
    public void BeginPost(string path, ReadOnlySpan<byte> body) => Begin("POST", path, body, hasBody: true);

    /// <summary>The socket to wait on; only between the beginning and the end of a request.</summary>
    public SafeHandle Handle => _socket!.SafeHandle;

    /// <summary>Waits for the response to the request, and returns its status.</summary>
    public int End()
    {
        try
        {
            return Receive(_socket!);
        }
        catch (Exception problem) when (_reused && problem is SocketException or EndOfStreamException)
        {
            SendAnew();
            return Receive(_socket!);
        }
    }

    private int Exchange(string method, string path, ReadOnlySpan<byte> body, bool hasBody)
    {
        Begin(method, path, body, hasBody);
        return End();
    }

    private void Begin(string method, string path, ReadOnlySpan<byte> body, bool hasBody)
    {
        _composed = Compose(method, path, body, hasBody);
        _reused = _socket is not null;
        try
        {
            Send();
        }
        catch (SocketException) when (_reused)
        {
            SendAnew();
        }
    }

    /// <summary>The server may have closed an idle connection, so a failed send is tried once on a new one.</summary>
    private void SendAnew()
    {
        Close();
        _reused = false;
        Send();
    }

    private int Compose(string method, string path, ReadOnlySpan<byte> body, bool hasBody)
    {
        var needed = method.Length + path.Length + _fixedHeaders.Length + _bodyHeaders.Length + body.Length + 64;
        if (_request.Length < needed)
        {
            _request = new byte[needed * 2];
        }

        var at = Encoding.ASCII.GetBytes(method, _request);
        _request[at++] = (byte)' ';
        at += Encoding.ASCII.GetBytes(path, _request.AsSpan(at));
        at += Append(" HTTP/1.1\r\n"u8, at);
        at += Append(_fixedHeaders, at);
        if (hasBody)
        {
            at += Append(_bodyHeaders, at);
            body.Length.TryFormat(_request.AsSpan(at), out var digits);
            at += digits;
            at += Append("\r\n"u8, at);
        }

        at += Append("\r\n"u8, at);
        at += Append(body, at);
        return at;
    }

    private int Append(ReadOnlySpan<byte> bytes, int at)
    {
        bytes.CopyTo(_request.AsSpan(at));
        return bytes.Length;
    }

    private void Send()
    {
        var connection = _socket ??= Connect();
        var sent = 0;
        while (sent < _composed)
        {
            sent += connection.Send(_request.AsSpan(sent, _composed - sent));
        }
    }

    private Socket Connect()
    {
        var opened = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            NoDelay = true,
            ReceiveTimeout = _timeoutMilliseconds,
            SendTimeout = _timeoutMilliseconds,
        };
        opened.Connect(_target.Endpoint);
        return opened;
    }

    private int Receive(Socket connection)
    {
        _filled = 0;
        int headersEnd;
        while ((headersEnd = _buffer.AsSpan(0, _filled).IndexOf("\r\n\r\n"u8)) < 0)
        {
            Fill(connection);
        }

        var head = _buffer.AsSpan(0, headersEnd + 2);
        var status = ((head[9] - '0') * 100) + ((head[10] - '0') * 10) + (head[11] - '0');
        _bodyStart = headersEnd + 4;
        _bodyLength = 0;

        if (Header(head, "content-length:"u8, out var value))
        {
            _ = int.TryParse(value, out var announced);
            while (_filled - _bodyStart < announced)
            {
                Fill(connection);
            }

            _bodyLength = announced;
        }
        else if (Header(head, "transfer-encoding:"u8, out value) && value.EndsWith("chunked"u8))
        {
            ReceiveChunks(connection);
        }

        if (Header(_buffer.AsSpan(0, headersEnd + 2), "connection:"u8, out value) && value.SequenceEqual("close"u8))
        {
            Close();
        }

        return status;
    }

    private void ReceiveChunks(Socket connection)
    {
        var read = _bodyStart;
        var written = _bodyStart;
        while (true)
        {
            int line;
            while ((line = _buffer.AsSpan(read, _filled - read).IndexOf("\r\n"u8)) < 0)
            {
                Fill(connection);
            }

            var size = int.Parse(
                Encoding.ASCII.GetString(_buffer, read, line), System.Globalization.NumberStyles.HexNumber,
                provider: null);
            read += line + 2;
            while (_filled - read < size + 2)
            {
                Fill(connection);
            }

            _buffer.AsSpan(read, size).CopyTo(_buffer.AsSpan(written));
            written += size;
            read += size + 2;
            if (size == 0)
            {
                break;
            }
        }

        _bodyLength = written - _bodyStart;
    }

    private void Fill(Socket connection)
    {
        if (_filled == _buffer.Length)
        {
            if (_buffer.Length >= MaximumResponse)
            {
                throw new InvalidDataException($"A response is larger than {MaximumResponse} bytes.");
            }

            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        var received = connection.Receive(_buffer.AsSpan(_filled));
        if (received == 0)
        {
            throw new EndOfStreamException("The server closed the connection.");
        }

        _filled += received;
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
        _socket?.Dispose();
        _socket = null;
    }
}
