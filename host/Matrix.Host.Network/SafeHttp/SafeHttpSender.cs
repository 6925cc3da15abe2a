using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Http.Headers;

namespace Matrix.Host.Network.SafeHttp;

/// <summary>
/// Sends requests to untrusted servers. It checks addresses and certificates, bounds sizes and times, and uses no
/// redirects, proxies or cookies. HTTP/1.1 only, over TLS unless the target says otherwise.
/// </summary>
public sealed class SafeHttpSender : IDisposable
{
    // A pool's connections lead to one server, so that this name means nothing. It is never sent.
    private const string Authority = "http://server";

    private static readonly UriCreationOptions _asItIs = new() { DangerousDisablePathAndQueryCanonicalization = true };

    private readonly ServerPools _pools;
    private readonly ReplyBodies _bodies;
    private readonly Meter _meter = new("Matrix.Network");
    private readonly TimeProvider _time;

    /// <summary>Creates a sender with its own connections.</summary>
    /// <param name="purpose">Whom it sends to; the name of its metric has it.</param>
    public SafeHttpSender(
        NetworkOptions options, AddressPolicy policy, CertificateTrust trust, TimeProvider time,
        string purpose = "federation")
    {
        _time = time;
        _bodies = new ReplyBodies(options.MaxResponseBytesAtOnce);
        _pools = new ServerPools(options, new Connector(options, policy, trust));
        _meter.CreateObservableGauge(
            $"matrix_{purpose}_sockets",
            () => _pools.Sockets,
            null,
            "Sockets to other servers, connecting ones included.");
    }

    /// <summary>Sockets that are open or connecting.</summary>
    internal int Sockets => _pools.Sockets;

    /// <summary>Bytes of the responses that are read or used, and of those that are still held.</summary>
    internal long BytesHeld => _bodies.BytesHeld;

    /// <summary>Sends a request and reads the whole response.</summary>
    /// <exception cref="OperationCanceledException">The caller stopped it.</exception>
    public ValueTask<HttpOutcome> SendAsync(HttpCall call, CancellationToken stop) =>
        SendAsync(call, static (_, _) => { }, stop);

    /// <summary>The same.</summary>
    /// <param name="use">Gets the response, and what counts the memory that its use takes: to parse it.</param>
    internal async ValueTask<HttpOutcome> SendAsync(
        HttpCall call, Action<HttpReply, BodyMemory.Share> use, CancellationToken stop)
    {
        using var clock = new CancellationTokenSource(call.Time, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, clock.Token);
        using var request = RequestOf(call);
        var pool = _pools.Take(call.Target);
        try
        {
            using var response = await pool.SendAsync(request, both.Token);
            return await _bodies.ReadAsync(response.Content, call.MaxBytes, Use, both.Token);

            HttpOutcome Use(byte[] body, BodyMemory.Share memory)
            {
                var reply = new HttpReply(
                    (int)response.StatusCode, response.Headers, response.Content.Headers, body);
                use(reply, memory);
                return HttpOutcome.Of(reply);
            }
        }
        catch (Exception fault)
        {
            if (FailureOf(fault, clock.IsCancellationRequested, call, stop) is not { } failure) throw;
            return HttpOutcome.Failed(failure.Kind, failure.Message);
        }
        finally
        {
            _pools.GiveBack(pool);
        }
    }

    /// <summary>
    /// Sends a request and returns the response's headers, with a body that the caller reads within the call's time.
    /// The call's bound of bytes is the caller's to keep.
    /// </summary>
    /// <exception cref="OperationCanceledException">The caller stopped it.</exception>
    public async ValueTask<HttpOpening> OpenAsync(HttpCall call, CancellationToken stop)
    {
        var clock = new CancellationTokenSource(call.Time, _time);
        var both = CancellationTokenSource.CreateLinkedTokenSource(stop, clock.Token);
        var pool = _pools.Take(call.Target);
        HttpResponseMessage? response = null;
        OpenReply? opened = null;
        try
        {
            using var request = RequestOf(call);
            response = await pool.SendAsync(request, both.Token);
            var body = await response.Content.ReadAsStreamAsync(both.Token);
            opened = new OpenReply(response, body, Close, both.Token);
            return new HttpOpening(opened, null);
        }
        catch (Exception fault)
        {
            if (FailureOf(fault, clock.IsCancellationRequested, call, stop) is not { } failure) throw;
            return new HttpOpening(null, failure);
        }
        finally
        {
            if (opened is null) Close();
        }

        void Close()
        {
            response?.Dispose();
            both.Dispose();
            clock.Dispose();
            _pools.GiveBack(pool);
        }
    }

    /// <summary>Closes the connections.</summary>
    public void Dispose()
    {
        _pools.Dispose();
        _meter.Dispose();
    }

    private static HttpRequestMessage RequestOf(HttpCall call)
    {
        if (call.PathAndQuery is not ['/', ..]
            || call.PathAndQuery.Contains('#', StringComparison.Ordinal)
            || call.PathAndQuery.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            throw new ArgumentException("A path and query must be percent-encoded.", nameof(call));
        }

        var request = new HttpRequestMessage(
            new HttpMethod(call.Method), new Uri(Authority + call.PathAndQuery, _asItIs))
        {
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.Host = call.Target.HostHeader;
        if (call.Authorization is { } credentials)
        {
            request.Headers.TryAddWithoutValidation("Authorization", credentials);
        }

        foreach (var (name, value) in call.Headers) request.Headers.TryAddWithoutValidation(name, value);
        if (call.Body is { } body)
        {
            request.Content = new ReadOnlyMemoryContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(call.ContentType);
        }

        return request;
    }

    /// <summary>The failure of a request; null for a fault that is none.</summary>
    /// <exception cref="OperationCanceledException">The caller stopped it, whatever else failed at that
    /// moment.</exception>
    internal static HttpFailure? FailureOf(Exception fault, bool isLate, HttpCall call, CancellationToken stop)
    {
        var failure = Explain(fault, isLate, call);
        if (failure is not null) stop.ThrowIfCancellationRequested();
        return failure;
    }

    private static HttpFailure? Explain(Exception fault, bool isLate, HttpCall call)
    {
        var reason = fault;
        for (var inner = fault; inner is not null; inner = inner.InnerException)
        {
            if (inner is HttpFailureException typed) return new HttpFailure(typed.Kind, typed.Message);
            reason = inner;
        }

        if (isLate)
        {
            return new HttpFailure(HttpFailureKind.TimedOut, $"no response within {call.Time.TotalSeconds:0.#} s");
        }

        return fault switch
        {
            OperationCanceledException or TimeoutException =>
                new HttpFailure(HttpFailureKind.TimedOut, "no connection in time"),
            HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded } =>
                new HttpFailure(HttpFailureKind.TooLarge, fault.Message),
            HttpRequestException or IOException => new HttpFailure(HttpFailureKind.Unreachable, reason.Message),
            _ => null,
        };
    }
}
