using System.Net;
using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.SafeHttp;

namespace Matrix.Host.Network.Urls;

/// <summary>
/// Sends requests to https addresses that users, or servers that the operator configured, name. Redirects are not
/// followed. The connection is made to an address that the sender's policy allows, after the name was resolved.
/// </summary>
public sealed class UrlSender(SafeHttpSender http, IDnsResolver resolver, NetworkOptions options) : IDisposable
{
    /// <summary>A sender with its own connections and its own allowed networks.</summary>
    /// <param name="options">The bounds of connections.</param>
    /// <param name="networks">Private networks that it may reach.</param>
    /// <param name="trust">Whose certificates are trusted.</param>
    /// <param name="resolver">Resolves names.</param>
    /// <param name="time">The clock.</param>
    /// <param name="purpose">Whom it sends to; the name of its metric has it.</param>
    public static UrlSender With(
        NetworkOptions options,
        IReadOnlyList<IPNetwork> networks,
        CertificateTrust trust,
        IDnsResolver resolver,
        TimeProvider time,
        string purpose)
    {
        var network = options with { AllowNetworks = networks };
        return new UrlSender(
            new SafeHttpSender(network, new AddressPolicy(network), trust, time, purpose), resolver, network);
    }

    /// <summary>Sends a request and reads the whole response.</summary>
    /// <exception cref="OperationCanceledException">The caller stopped it.</exception>
    public async ValueTask<HttpOutcome> SendAsync(UrlCall call, CancellationToken stop)
    {
        var url = call.Url;
        if (url.Scheme != Uri.UriSchemeHttps && !(call.MayBePlain && IsPlainLoopback(url)))
        {
            return HttpOutcome.Failed(HttpFailureKind.Tls, "the address is not https");
        }

        var (target, failure) = await UrlTargets.FindAsync(url, null, resolver, options, stop);
        if (target is null) return HttpOutcome.Failed(HttpFailureKind.Unreachable, failure);
        return await http.SendAsync(
            new HttpCall(target, call.Method, url.PathAndQuery)
            {
                Authorization = call.Authorization,
                Headers = call.Headers,
                Body = call.Body,
                ContentType = call.ContentType,
                MaxBytes = call.MaxBytes,
                Time = call.Time,
            },
            stop);
    }

    /// <summary>Whether an address is http on this machine, where nobody listens on the way.</summary>
    public static bool IsPlainLoopback(Uri url) =>
        url.Scheme == Uri.UriSchemeHttp && url.IsLoopback;

    /// <summary>Closes the connections.</summary>
    public void Dispose() => http.Dispose();
}

/// <summary>A request of an address that others name.</summary>
/// <param name="Url">An absolute address.</param>
/// <param name="Method">The method.</param>
public sealed record UrlCall(Uri Url, string Method)
{
    /// <summary>Whether the address may be http on the loopback interface.</summary>
    public bool MayBePlain { get; init; }

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

    /// <summary>The time after the name was resolved.</summary>
    public required TimeSpan Time { get; init; }
}
