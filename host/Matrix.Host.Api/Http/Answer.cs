using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Api.Http;

/// <summary>A response: a status and a body, which mostly is a JSON object, such as the standard error.</summary>
public abstract partial class Answer
{
    /// <summary>The bytes of a large body that are handed to the web server at once.</summary>
    private const int Piece = 128 * 1024;

    private Answer(int status) => Status = status;

    /// <summary>The HTTP status.</summary>
    public int Status { get; }

    /// <summary>The error code; null unless this is a standard error.</summary>
    public virtual string? Code => null;

    /// <summary>The sentence of a standard error; null for others.</summary>
    internal virtual string? Message => null;

    /// <summary>The type of the body.</summary>
    private string ContentType { get; init; } = "application/json";

    /// <summary>A header in addition to those of every response.</summary>
    internal KeyValuePair<string, string>? Header { get; private init; }

    /// <summary>200 with `{}`.</summary>
    public static Answer Empty { get; } = new Prebuilt(200, "{}"u8.ToArray());

    /// <summary>A JSON object that exists as UTF-8.</summary>
    public static Answer Bytes(ReadOnlyMemory<byte> json, int status = 200) => new Prebuilt(status, json);

    /// <summary>Plain text, for requests that are not from Matrix clients.</summary>
    internal static Answer Text(string text) =>
        new Prebuilt(200, Encoding.UTF8.GetBytes(text)) { ContentType = "text/plain" };

    /// <summary>Plain text that exists as bytes.</summary>
    internal static Answer Text(ReadOnlyMemory<byte> text, int status) =>
        new Prebuilt(status, text) { ContentType = "text/plain" };

    /// <summary>A page for browsers, which no cache keeps and no other page frames.</summary>
    /// <param name="html">Writes it, with the name of the server.</param>
    /// <param name="policy">Its `Content-Security-Policy`.</param>
    /// <param name="status">The HTTP status.</param>
    internal static Answer Page(Func<PageServer, ReadOnlyMemory<byte>> html, string policy, int status = 200) =>
        new WithHeaders(
            new Document(status, html),
            [
                new("Content-Security-Policy", policy),
                new("Cache-Control", "no-store"),
                new("X-Frame-Options", "DENY"),
                new("X-Content-Type-Options", "nosniff"),
                new("Referrer-Policy", "same-origin"),
            ]);

    /// <summary>303: the browser opens another page, by GET. Caches do not keep it.</summary>
    /// <param name="url">Where it leads.</param>
    /// <param name="status">Another status, where the specification has one.</param>
    /// <exception cref="ArgumentException">The URL has characters that no header can have.</exception>
    internal static Answer Redirect(string url, int status = 303) => url.Any(static c => c is <= ' ' or >= '\x7F')
        ? throw new ArgumentException("The URL is not percent-encoded.", nameof(url))
        : new WithHeaders(new NoBody(status), [new("Location", url), new("Cache-Control", "no-store")]);

    /// <summary>The same response with cookies, each as the value of a `Set-Cookie`.</summary>
    internal Answer WithCookies(params ReadOnlySpan<string> cookies)
    {
        var headers = new List<KeyValuePair<string, string>>(cookies.Length);
        foreach (var cookie in cookies) headers.Add(new("Set-Cookie", cookie));
        return new WithHeaders(this, headers);
    }

    /// <summary>The same response with further headers.</summary>
    internal Answer With(params ReadOnlySpan<KeyValuePair<string, string>> headers) =>
        new WithHeaders(this, headers.ToArray());

    /// <summary>A part of a file.</summary>
    /// <param name="status">200 for the whole, 206 for a range.</param>
    internal static Answer File(int status, FileContent file, long offset, long length) =>
        new FilePart(status, file, offset, length, default, default) { ContentType = file.ContentType };

    /// <summary>A whole file between other bytes.</summary>
    internal static Answer File(
        string contentType, ReadOnlyMemory<byte> before, FileContent file, ReadOnlyMemory<byte> after) =>
        new FilePart(200, file, 0, file.Length, before, after) { ContentType = contentType };

    /// <summary>304: the client has the content.</summary>
    internal static Answer NotModified { get; } = new NoBody(304);

    /// <summary>204: done, without a body.</summary>
    internal static Answer NoContent { get; } = new NoBody(204);

    /// <summary>503: this node has not read for too long what other nodes have written.</summary>
    internal static Answer NotLevel { get; } = Error(
        503, MatrixError.Unknown, "This node of the server has lost touch with the others. Try again.");

    /// <summary>The answer of another node, which was sent to the client.</summary>
    public static Answer Sent { get; } = new NoBody(200);

    /// <summary>
    /// A JSON value in parts, which are sent one after the other: the whole is not copied.
    /// </summary>
    /// <param name="owner">What is held until the response is sent.</param>
    /// <param name="beginning">Called when its bytes are counted, before it is sent.</param>
    internal static Answer Parts(
        IReadOnlyList<ReadOnlyMemory<byte>> parts, IDisposable? owner, Action? beginning) =>
        new InParts(parts, owner, beginning);

    /// <summary>A JSON object that exists as UTF-8 in memory that is released once it is sent.</summary>
    public static Answer Owned(ReadOnlyMemory<byte> json, IDisposable owner) => new OwnedBytes(json, owner);

    /// <summary>
    /// A JSON object whose members `write` writes from the given state: a static lambda allocates nothing.
    /// </summary>
    public static Answer Json<TState>(TState state, Action<Utf8JsonWriter, TState> write, int status = 200) =>
        new Written<TState>(status, state, write);

    /// <summary>A JSON object whose members `write` writes.</summary>
    public static Answer Json(Action<Utf8JsonWriter> write, int status = 200) =>
        new Written<Action<Utf8JsonWriter>>(status, write, static (json, members) => members(json));

    /// <summary>A JSON object that is written once, now, and sent any number of times.</summary>
    public static Answer Prepared(Action<Utf8JsonWriter> write) => Bytes(Json(write).ToArray());

    /// <summary>
    /// 401 `M_USER_LOCKED`: the client keeps its data until the account is unlocked.
    /// v1.19 client-server-api#account-locking
    /// </summary>
    public static Answer Locked(string message) =>
        Error(401, MatrixError.UserLocked, message, static json => json.WriteBoolean("soft_logout", true));

    /// <summary>The standard error response.</summary>
    /// <param name="code">One of <see cref="MatrixError"/>.</param>
    /// <param name="message">A sentence for people.</param>
    /// <param name="more">Writes the code's further members, if it has some.</param>
    public static Answer Error(int status, string code, string message, Action<Utf8JsonWriter>? more = null) =>
        new Failed(status, code, message, more);

    /// <summary>403 `M_FORBIDDEN`.</summary>
    public static Answer Forbidden(string message) => Error(403, MatrixError.Forbidden, message);

    /// <summary>401 `M_UNAUTHORIZED`: the request is not validly signed by a server.</summary>
    public static Answer Unauthorized(string message) => Error(401, MatrixError.Unauthorized, message);

    /// <summary>404 `M_NOT_FOUND`.</summary>
    public static Answer NotFound(string message) => Error(404, MatrixError.NotFound, message);

    /// <summary>400 `M_BAD_JSON`: valid JSON, wrong content.</summary>
    public static Answer BadJson(string message) => Error(400, MatrixError.BadJson, message);

    /// <summary>400 `M_INVALID_PARAM`: a parameter of the path, query or body has a wrong value.</summary>
    public static Answer InvalidParam(string message) => Error(400, MatrixError.InvalidParam, message);

    /// <summary>413 `M_TOO_LARGE`.</summary>
    public static Answer TooLarge(string message) => Error(413, MatrixError.TooLarge, message);

    /// <summary>404 `M_UNRECOGNIZED`: no such endpoint.</summary>
    internal static Answer UnknownPath { get; } = Error(404, MatrixError.Unrecognized, "There is no such endpoint.");

    /// <summary>400 `M_INVALID_PARAM`: the path cannot be decoded.</summary>
    internal static Answer MalformedPath { get; } = InvalidParam("The path is not percent-encoded UTF-8.");

    /// <summary>405 `M_UNRECOGNIZED`: the endpoint has other methods.</summary>
    internal static Answer WrongMethod(string allowed) =>
        new Failed(405, MatrixError.Unrecognized, "This endpoint does not support the method.", null)
        {
            Header = new("Allow", allowed),
        };

    /// <summary>429 `M_LIMIT_EXCEEDED`, with the time to wait.</summary>
    internal static Answer LimitExceeded(TimeSpan wait, string message = "Too many requests.")
    {
        var milliseconds = Math.Max(1, (long)Math.Ceiling(wait.TotalMilliseconds));
        var seconds = ((milliseconds + 999) / 1000).ToString(CultureInfo.InvariantCulture);
        return new Failed(
            429, MatrixError.LimitExceeded, message, json => json.WriteNumber("retry_after_ms", milliseconds))
        {
            Header = new("Retry-After", seconds),
        };
    }

    /// <summary>The body, for callers that send or keep it themselves.</summary>
    internal byte[] ToArray()
    {
        var scratch = Scratch.Mine;
        try
        {
            WriteTo(scratch.Json);
            scratch.Json.Flush();
            return scratch.Buffer.WrittenSpan.ToArray();
        }
        finally
        {
            scratch.Reset();
        }
    }

    /// <summary>The bytes of the body that this holds; 0 if it is written when it is sent.</summary>
    internal virtual long Length => 0;

    /// <summary>Whether the body is written while it is sent.</summary>
    internal virtual bool IsInSteps => false;

    /// <summary>The same response with its bytes, so that it has a length.</summary>
    internal virtual Answer AsBytes() => this;

    /// <summary>The same response, which names the server if it is a page.</summary>
    internal virtual Answer From(PageServer server) => this;

    /// <summary>Its bytes are counted, and it is sent next.</summary>
    internal virtual void BeginSending()
    {
    }

    /// <summary>Releases what it holds. Called once, whether or not it was sent.</summary>
    internal virtual void Release()
    {
    }

    /// <summary>Writes the body.</summary>
    protected abstract void WriteTo(Utf8JsonWriter json);

    /// <summary>Sends the response. The server flushes when the request ends.</summary>
    internal virtual ValueTask SendAsync(HttpResponse response)
    {
        var scratch = Scratch.Mine;
        try
        {
            WriteTo(scratch.Json);
            scratch.Json.Flush();
            if (scratch.Buffer.WrittenCount > Piece)
            {
                var body = scratch.Buffer.WrittenSpan.ToArray();
                return SendInPiecesAsync(response, [body], body.Length);
            }

            Send(response, scratch.Buffer.WrittenSpan);
            return ValueTask.CompletedTask;
        }
        finally
        {
            scratch.Reset();
        }
    }

    private protected void Send(HttpResponse response, ReadOnlySpan<byte> body)
    {
        Begin(response, body.Length);
        response.BodyWriter.Write(body);
    }

    /// <summary>Sends a large body piece by piece, as fast as it is read at the other end.</summary>
    private protected async ValueTask SendInPiecesAsync(
        HttpResponse response, IReadOnlyList<ReadOnlyMemory<byte>> parts, long length)
    {
        Begin(response, length);

        // A body that is written before the headers is copied once more.
        await response.StartAsync();
        var unsent = 0;
        foreach (var part in parts) unsent = await SendPiecesAsync(response, part, unsent);

        // The web server does not flush what follows a flush.
        if (unsent > 0) await FlushAsync(response);
    }

    /// <summary>Hands bytes to the web server, and waits for a slow reader after each piece but the last.</summary>
    /// <param name="unsent">The bytes that were handed over since.</param>
    /// <returns>The same after these bytes.</returns>
    private static async ValueTask<int> SendPiecesAsync(HttpResponse response, ReadOnlyMemory<byte> bytes, int unsent)
    {
        for (var left = bytes; left.Length > 0;)
        {
            if (unsent >= Piece)
            {
                await FlushAsync(response);
                unsent = 0;
            }

            var piece = left.Length < 2 * Piece ? left : left[..Piece];

            // With a large buffer the web server sends one part, and not one for each of its pages.
            piece.CopyTo(response.BodyWriter.GetMemory(piece.Length));
            response.BodyWriter.Advance(piece.Length);
            left = left[piece.Length..];
            unsent += piece.Length;
        }

        return unsent;
    }

    /// <exception cref="OperationCanceledException">The client has gone.</exception>
    private static async ValueTask FlushAsync(HttpResponse response)
    {
        var stop = response.HttpContext.RequestAborted;
        var flushed = await response.BodyWriter.FlushAsync(stop);
        if (flushed.IsCompleted) stop.ThrowIfCancellationRequested();
    }

    private protected void Begin(HttpResponse response, long? length)
    {
        response.StatusCode = Status;
        response.ContentType = ContentType;
        response.ContentLength = length;
        if (Header is { } header) response.Headers[header.Key] = header.Value;
    }

    /// <summary>A response with more headers. Of `Set-Cookie` it may have several.</summary>
    private sealed class WithHeaders(
        Answer inner, IReadOnlyList<KeyValuePair<string, string>> headers) : Answer(inner.Status)
    {
        public override string? Code => inner.Code;

        internal override string? Message => inner.Message;

        internal override Answer From(PageServer server) =>
            inner.From(server) is var named && ReferenceEquals(named, inner) ? this : new WithHeaders(named, headers);

        internal override long Length => inner.Length;

        internal override bool IsInSteps => inner.IsInSteps;

        internal override Answer AsBytes() => new WithHeaders(inner.AsBytes(), headers);

        internal override void BeginSending() => inner.BeginSending();

        internal override void Release() => inner.Release();

        internal override ValueTask SendAsync(HttpResponse response)
        {
            foreach (var (name, value) in headers) response.Headers.Append(name, value);
            return inner.SendAsync(response);
        }

        protected override void WriteTo(Utf8JsonWriter json) => inner.WriteTo(json);
    }

    private sealed class Prebuilt(int status, ReadOnlyMemory<byte> body) : Answer(status)
    {
        protected override void WriteTo(Utf8JsonWriter json) =>
            json.WriteRawValue(body.Span, skipInputValidation: true);

        internal override long Length => body.Length;

        internal override ValueTask SendAsync(HttpResponse response)
        {
            if (body.Length > Piece) return SendInPiecesAsync(response, [body], body.Length);
            Send(response, body.Span);
            return ValueTask.CompletedTask;
        }
    }

    /// <summary>A page, which is written when it is known which server sends it.</summary>
    private sealed class Document(int status, Func<PageServer, ReadOnlyMemory<byte>> html) : Answer(status)
    {
        internal override Answer From(PageServer server) =>
            new Prebuilt(Status, html(server)) { ContentType = "text/html; charset=utf-8" };

        internal override ValueTask SendAsync(HttpResponse response) =>
            From(PageServer.Nameless).SendAsync(response);

        protected override void WriteTo(Utf8JsonWriter json) => throw new NotSupportedException();
    }

    private sealed class InParts(
        IReadOnlyList<ReadOnlyMemory<byte>> parts, IDisposable? owner, Action? beginning) : Answer(200)
    {
        internal override void BeginSending() => beginning?.Invoke();

        internal override long Length { get; } = parts.Sum(static part => (long)part.Length);

        protected override void WriteTo(Utf8JsonWriter json) => throw new NotSupportedException();

        internal override ValueTask SendAsync(HttpResponse response) => SendInPiecesAsync(response, parts, Length);

        internal override void Release() => owner?.Dispose();
    }

    /// <summary>Nothing of it is held in memory.</summary>
    private sealed class FilePart(
        int status,
        FileContent file,
        long offset,
        long length,
        ReadOnlyMemory<byte> before,
        ReadOnlyMemory<byte> after) : Answer(status)
    {
        protected override void WriteTo(Utf8JsonWriter json) => throw new NotSupportedException();

        internal override async ValueTask SendAsync(HttpResponse response)
        {
            Begin(response, before.Length + length + after.Length);

            // The web server would drop the bytes, after they were read.
            if (HttpMethods.IsHead(response.HttpContext.Request.Method)) return;
            var stop = response.HttpContext.RequestAborted;
            if (before.Length > 0) await response.BodyWriter.WriteAsync(before, stop);
            await SendFileAsync(response, stop);
            if (after.Length > 0) await response.BodyWriter.WriteAsync(after, stop);
        }

        private async ValueTask SendFileAsync(HttpResponse response, CancellationToken stop)
        {
            if (file.Path is { } path)
            {
                await response.SendFileAsync(path, offset, length, stop);
                return;
            }

            await using var stream = await file.OpenAsync(offset, length, stop);
            await stream.CopyToAsync(response.Body, Piece, stop);
        }
    }

    private sealed class NoBody(int status) : Answer(status)
    {
        protected override void WriteTo(Utf8JsonWriter json) => throw new NotSupportedException();

        internal override ValueTask SendAsync(HttpResponse response)
        {
            response.StatusCode = Status;
            return ValueTask.CompletedTask;
        }
    }

    private sealed class OwnedBytes(ReadOnlyMemory<byte> body, IDisposable owner) : Answer(200)
    {
        protected override void WriteTo(Utf8JsonWriter json) =>
            json.WriteRawValue(body.Span, skipInputValidation: true);

        internal override long Length => body.Length;

        internal override ValueTask SendAsync(HttpResponse response)
        {
            if (body.Length > Piece) return SendInPiecesAsync(response, [body], body.Length);
            Send(response, body.Span);
            return ValueTask.CompletedTask;
        }

        internal override void Release() => owner.Dispose();
    }

    private sealed class Written<TState>(
        int status, TState state, Action<Utf8JsonWriter, TState> write) : Answer(status)
    {
        internal override Answer AsBytes() => Bytes(ToArray(), Status);

        protected override void WriteTo(Utf8JsonWriter json)
        {
            json.WriteStartObject();
            write(json, state);
            json.WriteEndObject();
        }
    }

    private sealed class Failed(int status, string code, string message, Action<Utf8JsonWriter>? more) : Answer(status)
    {
        public override string Code => code;

        internal override string Message => message;

        protected override void WriteTo(Utf8JsonWriter json)
        {
            json.WriteStartObject();
            json.WriteString("errcode", code);
            json.WriteString("error", message);
            more?.Invoke(json);
            json.WriteEndObject();
        }
    }

    /// <summary>
    /// A thread's buffer and writer: a response is written and handed to the server without awaiting in between.
    /// </summary>
    private sealed class Scratch
    {
        private const int Kept = 1 << 20;

        [ThreadStatic]
        private static Scratch? _mine;

        private Scratch()
        {
            Buffer = new ArrayBufferWriter<byte>(4096);
            Json = new Utf8JsonWriter(Buffer, _options);
        }

        // The JSON is never put into HTML: escaping more than JSON requires only costs bytes.
        private static readonly JsonWriterOptions _options = new()
        {
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            SkipValidation = true,
        };

        internal static Scratch Mine => _mine ??= new Scratch();

        internal ArrayBufferWriter<byte> Buffer { get; private set; }

        internal Utf8JsonWriter Json { get; }

        internal void Reset()
        {
            if (Buffer.Capacity > Kept) Buffer = new ArrayBufferWriter<byte>(4096);
            else Buffer.ResetWrittenCount();
            Json.Reset(Buffer);
        }
    }
}
