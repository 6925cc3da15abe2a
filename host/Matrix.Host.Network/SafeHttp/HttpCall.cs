using System.Net;
using System.Net.Http.Headers;

namespace Matrix.Host.Network.SafeHttp;

/// <summary>Where a connection goes, and what the server must prove.</summary>
/// <param name="HostHeader">The Host header, with a port if it needs one.</param>
/// <param name="CertificateName">
/// The name or address of the certificate; an IPv6 address without brackets. Null for a connection without TLS.
/// </param>
public sealed record HttpTarget(IReadOnlyList<IPEndPoint> EndPoints, string HostHeader, string? CertificateName);

/// <summary>A request with its bounds.</summary>
/// <param name="PathAndQuery">Percent-encoded; it is sent as it is.</param>
public sealed record HttpCall(HttpTarget Target, string Method, string PathAndQuery)
{
    /// <summary>The value of the Authorization header; null for none.</summary>
    public string? Authorization { get; init; }

    /// <summary>Further headers, such as `Accept`.</summary>
    public IReadOnlyList<(string Name, string Value)> Headers { get; init; } = [];

    /// <summary>The body; null for none.</summary>
    public ReadOnlyMemory<byte>? Body { get; init; }

    /// <summary>The type of the body.</summary>
    public string ContentType { get; init; } = "application/json";

    /// <summary>The most bytes of the response's body.</summary>
    public required int MaxBytes { get; init; }

    /// <summary>The time for everything, from the wait for a socket to the response's last byte.</summary>
    public required TimeSpan Time { get; init; }
}

/// <summary>A response of any status.</summary>
public sealed record HttpReply(int Status, HttpResponseHeaders Headers, HttpContentHeaders ContentHeaders, byte[] Body);

/// <summary>A response whose body is read as it comes. Disposing ends the request.</summary>
public sealed class OpenReply : IDisposable
{
    private readonly Action _close;
    private int _closed;

    internal OpenReply(HttpResponseMessage response, Stream body, Action close, CancellationToken ends)
    {
        Status = (int)response.StatusCode;
        Headers = response.Headers;
        Length = response.Content.Headers.ContentLength;
        IsDelimited = Length is not null || response.Headers.TransferEncodingChunked == true;
        ContentType = Text(response.Content.Headers, "Content-Type");
        ContentDisposition = Text(response.Content.Headers, "Content-Disposition");
        Location = Text(response.Headers, "Location");
        (Body, Ends, _close) = (body, ends, close);
    }

    /// <summary>The status.</summary>
    public int Status { get; }

    /// <summary>The bytes of the body; null if the response does not say.</summary>
    public long? Length { get; }

    /// <summary>Whether a body that was cut off is noticed.</summary>
    public bool IsDelimited { get; }

    /// <summary>The type of the body, as it came; null for none.</summary>
    public string? ContentType { get; }

    /// <summary>The `Content-Disposition`, as it came; null for none.</summary>
    public string? ContentDisposition { get; }

    /// <summary>Where a redirect leads, as it came; null for none.</summary>
    public string? Location { get; }

    internal HttpResponseHeaders Headers { get; }

    /// <summary>The body.</summary>
    public Stream Body { get; }

    /// <summary>
    /// Cancelled when the time is over, or the caller stopped the request. Reads of the body take it.
    /// </summary>
    public CancellationToken Ends { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0) _close();
    }

    private static string? Text(HttpHeaders headers, string name) =>
        headers.NonValidated.TryGetValues(name, out var values) ? string.Join(", ", values) : null;
}

/// <summary>A response that is read as it comes, or the reason why there is none.</summary>
/// <param name="Response">The response; the caller disposes of it.</param>
public readonly record struct HttpOpening(OpenReply? Response, HttpFailure? Failure);

/// <summary>Why there is no response.</summary>
public enum HttpFailureKind
{
    /// <summary>No address of the server may be reached.</summary>
    AddressRefused,

    /// <summary>There is no connection, or it ended too early, or the server does not speak HTTP.</summary>
    Unreachable,

    /// <summary>TLS failed, or the certificate is not valid.</summary>
    Tls,

    /// <summary>The time was over.</summary>
    TimedOut,

    /// <summary>The response is larger than the bound.</summary>
    TooLarge,
}

/// <summary>Why there is no response, with a reason for the operator.</summary>
public sealed record HttpFailure(HttpFailureKind Kind, string Message);

/// <summary>A response, or the reason why there is none.</summary>
public readonly record struct HttpOutcome
{
    private HttpOutcome(HttpReply? reply, HttpFailure? failure)
    {
        Reply = reply;
        Failure = failure;
    }

    /// <summary>The response; null if there is none.</summary>
    public HttpReply? Reply { get; }

    /// <summary>The reason; null if there is a response.</summary>
    public HttpFailure? Failure { get; }

    internal static HttpOutcome Of(HttpReply reply) => new(reply, null);

    internal static HttpOutcome Failed(HttpFailureKind kind, string message) =>
        new(null, new HttpFailure(kind, message));
}

/// <summary>A failure of a known kind, inside of the framework's code.</summary>
internal sealed class HttpFailureException(HttpFailureKind kind, string message, Exception? inner = null)
    : IOException(message, inner)
{
    internal HttpFailureKind Kind { get; } = kind;
}
