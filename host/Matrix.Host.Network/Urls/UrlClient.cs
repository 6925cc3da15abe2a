using System.Net;
using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.SafeHttp;

namespace Matrix.Host.Network.Urls;

/// <summary>
/// Requests of https addresses that others name. Every connection is made to an address that the policy allows, after
/// the name was resolved. Redirects are the caller's.
/// </summary>
public sealed class UrlClient(SafeHttpSender http, IDnsResolver resolver, NetworkOptions options)
{
    /// <summary>Requests an address, and returns the response as it comes.</summary>
    /// <param name="url">An absolute address.</param>
    /// <param name="time">The time of everything, from the look-up of the name to the last byte.</param>
    /// <param name="stop">Cancels it.</param>
    public async ValueTask<HttpOpening> OpenAsync(Uri url, TimeSpan time, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(url);
        if (url.Scheme != Uri.UriSchemeHttps) return Failed("the address is not https");
        var host = url.HostNameType == UriHostNameType.IPv6 ? url.Host.Trim('[', ']') : url.IdnHost;
        IReadOnlyList<IPAddress> addresses;
        if (IPAddress.TryParse(host, out var literal))
        {
            addresses = [literal];
        }
        else
        {
            var answer = await resolver.AddressesAsync(host, stop).ConfigureAwait(false);
            if (answer.Failure is { } failure) return Failed($"{host} was not resolved: {failure}");
            addresses = answer.Addresses;
        }

        if (addresses.Count == 0) return Failed($"{host} has no address");
        var named = literal is null ? host : url.Host;
        var target = new HttpTarget(
            [.. addresses.Take(options.MaxEndPoints).Select(address => new IPEndPoint(address, url.Port))],
            url.IsDefaultPort ? named : $"{named}:{url.Port}",
            host);
        return await http.OpenAsync(
            new HttpCall(target, "GET", url.PathAndQuery) { MaxBytes = 0, Time = time }, stop).ConfigureAwait(false);
    }

    private static HttpOpening Failed(string message) =>
        new(null, new HttpFailure(HttpFailureKind.Unreachable, message));
}
