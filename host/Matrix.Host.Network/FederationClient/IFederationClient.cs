using Matrix.Core.Json;
using Matrix.Host.Network.SafeHttp;

namespace Matrix.Host.Network.FederationClient;

/// <summary>Sends requests to other servers, signed as this server.</summary>
public interface IFederationClient
{
    /// <summary>Sends a request and reads the response as a JSON object.</summary>
    ValueTask<FederationResult<JsonObject>> SendAsync(FederationRequest request, CancellationToken stop);

    /// <summary>
    /// Sends a request and returns the bytes of a successful response unread. Large responses are cut into events
    /// without a tree of the whole.
    /// </summary>
    ValueTask<FederationResult<ReadOnlyMemory<byte>>> SendForBytesAsync(
        FederationRequest request, CancellationToken stop);

    /// <summary>
    /// Sends a request and returns a successful response, whose body the caller reads within the request's time, and
    /// within bounds of its own.
    /// </summary>
    ValueTask<FederationResult<OpenReply>> OpenAsync(FederationRequest request, CancellationToken stop);
}

/// <summary>A request to another server.</summary>
/// <param name="Destination">The server's name, before delegation.</param>
/// <param name="Target">The path from `/_matrix/` and the query, percent-encoded.</param>
/// <param name="Body">The body; null for none.</param>
public sealed record FederationRequest(string Destination, string Method, string Target, JsonObject? Body)
{
    /// <summary>The body as canonical JSON, in place of <see cref="Body"/>; empty for none.</summary>
    public ReadOnlyMemory<byte> CanonicalBody { get; init; }

    /// <summary>Whether the request is signed. Only a few endpoints do without.</summary>
    public bool IsSigned { get; init; } = true;

    /// <summary>The most bytes of the response; 0 for the configured bound.</summary>
    public int MaxBytes { get; init; }

    /// <summary>The time of the whole request; zero for the configured time.</summary>
    public TimeSpan Time { get; init; }
}

/// <summary>The kind of a failed request.</summary>
public enum FederationFailureKind
{
    /// <summary>The configuration denies the server, or its name is not valid.</summary>
    ServerDenied,

    /// <summary>The server's name leads nowhere.</summary>
    NotFound,

    /// <summary>The server's addresses may not be reached.</summary>
    AddressRefused,

    /// <summary>There is no connection, or it ended too early.</summary>
    Unreachable,

    /// <summary>TLS failed, or the certificate is not valid.</summary>
    Tls,

    /// <summary>The time was over.</summary>
    TimedOut,

    /// <summary>The response is larger than the bound.</summary>
    TooLarge,

    /// <summary>The response is not the JSON that was expected.</summary>
    NotJson,

    /// <summary>The response is JSON, but a required member is missing or has a wrong value.</summary>
    Malformed,

    /// <summary>The server returned an error.</summary>
    Refused,
}

/// <summary>Why a request failed.</summary>
/// <param name="Status">The HTTP status; 0 if there was no response.</param>
/// <param name="ErrorCode">The `errcode`; "" if there was none.</param>
/// <param name="Message">The reason, or the server's `error`.</param>
public sealed record FederationFailure(FederationFailureKind Kind, int Status, string ErrorCode, string Message)
{
    /// <summary>The `room_version` of an error, as in `M_INCOMPATIBLE_ROOM_VERSION`; null if there was none.</summary>
    public string? RoomVersion { get; init; }

    /// <summary>How long the server asks to wait; null if it does not.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Whether the server does not know the endpoint. v1.19 server-server-api#unsupported-endpoints</summary>
    public bool IsUnrecognized =>
        Kind == FederationFailureKind.Refused
        && Status is 400 or 404 or 405
        && (ErrorCode == "M_UNRECOGNIZED" || (ErrorCode.Length == 0 && Status == 404));

    /// <inheritdoc/>
    public override string ToString() =>
        Kind == FederationFailureKind.Refused ? $"{Status} {ErrorCode}: {Message}" : $"{Kind}: {Message}";
}

/// <summary>A value, or the reason why there is none.</summary>
public readonly record struct FederationResult<T>
{
    private readonly T? _value;

    private FederationResult(T? value, FederationFailure? failure)
    {
        _value = value;
        Failure = failure;
    }

    /// <summary>Whether there is a value.</summary>
    public bool IsOk => Failure is null;

    /// <summary>The value.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public T Value => Failure is null ? _value! : throw new InvalidOperationException($"The request failed: {Failure}");

    /// <summary>The reason; null if there is a value.</summary>
    public FederationFailure? Failure { get; }

    /// <summary>A value.</summary>
    public static implicit operator FederationResult<T>(T value) => new(value, null);

    /// <summary>A failure.</summary>
    public static implicit operator FederationResult<T>(FederationFailure failure) => new(default, failure);

    /// <summary>Reads the value, if there is one.</summary>
    public FederationResult<TNext> Then<TNext>(Func<T, FederationResult<TNext>> read) =>
        Failure is null ? read(_value!) : Failure;
}

/// <summary>Makes results of interface types, which do not convert by themselves.</summary>
public static class FederationResult
{
    /// <summary>A value.</summary>
    public static FederationResult<T> Of<T>(T value) => value;
}
