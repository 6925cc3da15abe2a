using System.Net.Http.Headers;
using Matrix.Core.Facade;
using Matrix.Core.Federation;
using Matrix.Core.Json;
using Matrix.Host.Crypto;
using Matrix.Host.Network.Discovery;
using Matrix.Host.Network.SafeHttp;

namespace Matrix.Host.Network.FederationClient;

/// <summary>
/// Finds the server, signs the request and sends it. v1.19 server-server-api#request-authentication
/// </summary>
internal sealed class SignedClient(
    NetworkOptions options,
    SigningKeyRing keys,
    ServerFilter servers,
    IServerDiscovery discovery,
    SafeHttpSender http,
    RequestLog log,
    TimeProvider time) : IFederationClient
{
    private const int MaxErrorLength = 500;

    /// <summary>The bytes of an error that are read; a longer one is not JSON of the specification.</summary>
    private const int MaxErrorBytes = 16 << 10;

    public async ValueTask<FederationResult<JsonObject>> SendAsync(FederationRequest request, CancellationToken stop)
    {
        var started = time.GetTimestamp();
        var result = await TrySendAsync(request, ReadObject, stop);
        log.Ended(request, result.Failure, time.GetElapsedTime(started));
        return result;
    }

    public async ValueTask<FederationResult<ReadOnlyMemory<byte>>> SendForBytesAsync(
        FederationRequest request, CancellationToken stop)
    {
        var started = time.GetTimestamp();
        var result = await TrySendAsync<ReadOnlyMemory<byte>>(request, static (body, _) => body, stop);
        log.Ended(request, result.Failure, time.GetElapsedTime(started));
        return result;
    }

    public async ValueTask<FederationResult<OpenReply>> OpenAsync(FederationRequest request, CancellationToken stop)
    {
        var started = time.GetTimestamp();
        var result = await TryOpenAsync(request, stop);
        log.Ended(request, result.Failure, time.GetElapsedTime(started));
        return result;
    }

    private async ValueTask<FederationResult<OpenReply>> TryOpenAsync(
        FederationRequest request, CancellationToken stop)
    {
        var call = await CallOfAsync(request, stop);
        if (!call.IsOk) return call.Failure!;
        var opening = await http.OpenAsync(call.Value, stop);
        if (opening.Response is not { } response) return Failed(KindOf(opening.Failure!.Kind), opening.Failure.Message);
        if (response.Status is >= 200 and < 300) return response;

        using (response)
        {
            var error = new byte[MaxErrorBytes];
            try
            {
                var read = await response.Body.ReadAtLeastAsync(error, error.Length, false, response.Ends);
                return Refused(response.Status, error.AsMemory(0, read), response.Headers);
            }
            catch (Exception fault) when (fault is IOException or OperationCanceledException)
            {
                stop.ThrowIfCancellationRequested();
                return Refused(response.Status, default, response.Headers);
            }
        }
    }

    /// <summary>Sends a request. What is read of the response counts among the bytes of all responses.</summary>
    private async ValueTask<FederationResult<T>> TrySendAsync<T>(
        FederationRequest request,
        Func<ReadOnlyMemory<byte>, BodyMemory.Share, FederationResult<T>> read,
        CancellationToken stop)
    {
        var call = await CallOfAsync(request, stop);
        if (!call.IsOk) return call.Failure!;
        FederationResult<T> result = default;
        var outcome = await http.SendAsync(
            call.Value, (reply, memory) => result = Read(reply).Then(body => read(body, memory)), stop);
        return outcome.Reply is not null
            ? result
            : Failed(KindOf(outcome.Failure!.Kind), outcome.Failure.Message);
    }

    /// <summary>Finds the server, and signs the request.</summary>
    private async ValueTask<FederationResult<HttpCall>> CallOfAsync(FederationRequest request, CancellationToken stop)
    {
        if (!servers.Allows(request.Destination))
        {
            return Failed(FederationFailureKind.ServerDenied, "the server is not allowed");
        }

        if (request.Destination == options.ServerName)
        {
            return Failed(FederationFailureKind.ServerDenied, "the server is this one");
        }

        var started = time.GetTimestamp();
        var wholeTime = request.Time > TimeSpan.Zero ? request.Time : options.RequestTime;
        var found = await FindAsync(request.Destination, wholeTime, stop);
        if (!found.IsOk) return found.Failure!;

        var body = request.Body is { } json ? JsonText.Write(json) : request.CanonicalBody;
        return new HttpCall(found.Value, request.Method, request.Target)
        {
            Authorization = request.IsSigned ? Sign(request, body.Span) : null,
            Body = body.IsEmpty ? default(ReadOnlyMemory<byte>?) : body,
            MaxBytes = request.MaxBytes > 0 ? request.MaxBytes : options.MaxResponseBytes,
            Time = Later(wholeTime - time.GetElapsedTime(started), TimeSpan.FromMilliseconds(1)),
        };
    }

    private async ValueTask<FederationResult<HttpTarget>> FindAsync(
        string server, TimeSpan within, CancellationToken stop)
    {
        using var clock = new CancellationTokenSource(within, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, clock.Token);
        try
        {
            var found = await discovery.FindAsync(server, both.Token);
            return found.Address is { } address
                ? new HttpTarget(address.EndPoints, address.HostHeader, address.CertificateName)
                : Failed(KindOf(found.Kind), found.Failure!);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return Failed(FederationFailureKind.TimedOut, "the server was not found in time");
        }
    }

    private string Sign(FederationRequest request, ReadOnlySpan<byte> body)
    {
        var bytes = RequestAuth.BytesToSign(
            request.Method, request.Target, options.ServerName, request.Destination, body);
        Span<byte> signature = stackalloc byte[Ed25519.SignatureSize];
        var key = keys.InUse;
        key.Key.Sign(bytes, signature);
        return RequestAuth.Print(options.ServerName, request.Destination, key.Id, signature);
    }

    private FederationResult<ReadOnlyMemory<byte>> Read(HttpReply reply)
    {
        if (reply.Status is >= 200 and < 300) return new ReadOnlyMemory<byte>(reply.Body);
        return Refused(
            reply.Status, reply.Body.AsMemory(0, Math.Min(reply.Body.Length, MaxErrorBytes)), reply.Headers);
    }

    private FederationFailure Refused(int status, ReadOnlyMemory<byte> body, HttpResponseHeaders headers)
    {
        // A proxy's error page is no JSON.
        _ = JsonText.TryParseObject(body.Span, Reading.Client, JsonText.ClientBodyLimits, out var error, out _);
        return new FederationFailure(
            FederationFailureKind.Refused,
            status,
            Short(error.Text("errcode")),
            Short(error.Text("error")))
        {
            RoomVersion = error.Text("room_version"),
            RetryAfter = RetryAfter(headers, error),
        };
    }

    private TimeSpan? RetryAfter(HttpResponseHeaders headers, JsonObject error)
    {
        if (error.Number("retry_after_ms") is { } ms) return TimeSpan.FromMilliseconds(Math.Clamp(ms, 0, int.MaxValue));
        var header = headers.RetryAfter;
        return header?.Delta ?? (header?.Date is { } at ? Later(at - time.GetUtcNow(), TimeSpan.Zero) : null);
    }

    private static FederationResult<JsonObject> ReadObject(ReadOnlyMemory<byte> body, BodyMemory.Share memory)
    {
        var tree = JsonMemory.OfTree(body.Span);
        memory.Take(tree);
        if (!JsonText.TryParseObject(
            body.Span, Reading.Lenient, JsonText.FederationBodyLimits, out var json, out var error))
        {
            return Failed(FederationFailureKind.NotJson, "the response is " + error.ToString());
        }

        memory.Keep(json, tree);
        return json;
    }

    private static FederationFailure Failed(FederationFailureKind kind, string message) => new(kind, 0, "", message);

    private static TimeSpan Later(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private static string Short(string? text) =>
        text is null ? "" : text.Length <= MaxErrorLength ? text : text[..MaxErrorLength];

    private static FederationFailureKind KindOf(DiscoveryFailureKind kind) => kind switch
    {
        DiscoveryFailureKind.AddressRefused => FederationFailureKind.AddressRefused,
        DiscoveryFailureKind.TimedOut or DiscoveryFailureKind.Busy => FederationFailureKind.TimedOut,
        _ => FederationFailureKind.NotFound,
    };

    private static FederationFailureKind KindOf(HttpFailureKind kind) => kind switch
    {
        HttpFailureKind.AddressRefused => FederationFailureKind.AddressRefused,
        HttpFailureKind.Tls => FederationFailureKind.Tls,
        HttpFailureKind.TimedOut => FederationFailureKind.TimedOut,
        HttpFailureKind.TooLarge => FederationFailureKind.TooLarge,
        _ => FederationFailureKind.Unreachable,
    };
}
