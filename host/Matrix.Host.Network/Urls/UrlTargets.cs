using System.Net;
using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.SafeHttp;

namespace Matrix.Host.Network.Urls;

/// <summary>Where the host of an address is reached.</summary>
internal static class UrlTargets
{
    /// <summary>Resolves the host of an address that is http or https; a reason if that fails.</summary>
    internal static async ValueTask<(HttpTarget? Target, string Failure)> FindAsync(
        Uri url, Predicate<string>? isRefused, IDnsResolver resolver, NetworkOptions options, CancellationToken stop)
    {
        if (!UrlHosts.TryGet(url, out var host)) return (null, "the host's name is not valid");
        if (isRefused?.Invoke(host) == true) return (null, $"{host} is refused");
        IReadOnlyList<IPAddress> addresses;
        if (IPAddress.TryParse(host, out var literal))
        {
            addresses = [literal];
        }
        else
        {
            var answer = await resolver.AddressesAsync(host, stop);
            if (answer.Failure is { } failure) return (null, $"{host} was not resolved: {failure}");
            addresses = answer.Addresses;
        }

        if (addresses.Count == 0) return (null, $"{host} has no address");
        var named = literal is null ? host : url.Host;
        return (
            new HttpTarget(
                [.. addresses.Take(options.MaxEndPoints).Select(address => new IPEndPoint(address, url.Port))],
                url.IsDefaultPort ? named : $"{named}:{url.Port}",
                url.Scheme == Uri.UriSchemeHttp ? null : host),
            "");
    }
}
