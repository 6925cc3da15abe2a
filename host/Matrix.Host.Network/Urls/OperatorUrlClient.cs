using System.Net;
using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.SafeHttp;

namespace Matrix.Host.Network.Urls;

/// <summary>
/// Requests of addresses that the operator configured, such as those of application services: they may be on private
/// networks, and plain HTTP. It follows no redirects.
/// </summary>
public sealed class OperatorUrlClient : IDisposable
{
    private readonly SafeHttpSender _http;
    private readonly IDnsResolver _resolver;
    private readonly int _mostEndPoints;

    /// <summary>Creates a client with its own connections.</summary>
    public OperatorUrlClient(
        NetworkOptions options, CertificateTrust trust, IDnsResolver resolver, TimeProvider time)
    {
        var everywhere = options with { AllowNetworks = [IPNetwork.Parse("0.0.0.0/0"), IPNetwork.Parse("::/0")] };
        _http = new SafeHttpSender(
            everywhere, new AddressPolicy(everywhere), trust, time, "app_service");
        _resolver = resolver;
        _mostEndPoints = options.MaxEndPoints;
    }

    /// <summary>Sends a request and reads the whole response.</summary>
    /// <exception cref="OperationCanceledException">The caller stopped it.</exception>
    public async ValueTask<HttpOutcome> SendAsync(OperatorRequest request, CancellationToken stop)
    {
        var url = request.Base;
        if (!UrlHosts.TryGet(url, out var host)) return Failed("the host's name is not valid");
        IReadOnlyList<IPAddress> addresses;
        if (IPAddress.TryParse(host, out var literal))
        {
            addresses = [literal];
        }
        else
        {
            var answer = await _resolver.AddressesAsync(host, stop);
            if (answer.Failure is { } failure) return Failed($"{host} was not resolved: {failure}");
            addresses = answer.Addresses;
        }

        if (addresses.Count == 0) return Failed($"{host} has no address");
        var named = literal is null ? host : url.Host;
        var target = new HttpTarget(
            [.. addresses.Take(_mostEndPoints).Select(address => new IPEndPoint(address, url.Port))],
            url.IsDefaultPort ? named : $"{named}:{url.Port}",
            url.Scheme == Uri.UriSchemeHttp ? null : host);
        var path = url.AbsolutePath.TrimEnd('/') + request.PathAndQuery;
        return await _http.SendAsync(
            new HttpCall(target, request.Method, path)
            {
                Authorization = request.Authorization,
                Body = request.Body,
                MaxBytes = request.MaxBytes,
                Time = request.Time,
            },
            stop);
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private static HttpOutcome Failed(string message) =>
        HttpOutcome.Failed(HttpFailureKind.Unreachable, message);
}

/// <summary>A request of an address that the operator configured.</summary>
/// <param name="Base">The configured address, which may have a path.</param>
/// <param name="PathAndQuery">What follows it: percent-encoded, beginning with a slash.</param>
public sealed record OperatorRequest(Uri Base, string Method, string PathAndQuery)
{
    /// <summary>The value of the Authorization header.</summary>
    public string? Authorization { get; init; }

    /// <summary>The body, as JSON; null for none.</summary>
    public ReadOnlyMemory<byte>? Body { get; init; }

    /// <summary>The most bytes of the response's body.</summary>
    public required int MaxBytes { get; init; }

    /// <summary>The time of the request.</summary>
    public required TimeSpan Time { get; init; }
}
