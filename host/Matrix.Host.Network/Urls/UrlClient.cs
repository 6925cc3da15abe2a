using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.SafeHttp;

namespace Matrix.Host.Network.Urls;

/// <summary>
/// Requests of addresses that others name. Every connection, also of a redirect, is made to an address that the policy
/// allows, after the name was resolved.
/// </summary>
public sealed class UrlClient(SafeHttpSender http, IDnsResolver resolver, NetworkOptions options)
{
    /// <summary>Requests an address, and returns the response as it comes, after redirects.</summary>
    /// <exception cref="OperationCanceledException">The caller stopped it.</exception>
    public async ValueTask<UrlOpening> OpenAsync(UrlRequest request, CancellationToken stop)
    {
        var url = request.Url;
        for (var redirects = 0; redirects <= request.Redirects; redirects++)
        {
            var opening = await OpenOneAsync(request, url, stop);
            if (opening.Response is not { } reply) return new UrlOpening(null, url, opening.Failure);
            if (reply.Status is not (301 or 302 or 303 or 307 or 308)) return new UrlOpening(reply, url, null);
            using (reply)
            {
                if (!Uri.TryCreate(url, reply.Location, out var next))
                {
                    return Failed(url, "a redirect leads nowhere");
                }

                url = next;
            }
        }

        return Failed(url, "there are too many redirects");
    }

    private async ValueTask<HttpOpening> OpenOneAsync(UrlRequest request, Uri url, CancellationToken stop)
    {
        var isPlain = url.Scheme == Uri.UriSchemeHttp;
        if (url.Scheme != Uri.UriSchemeHttps && !(isPlain && request.MayBePlain))
        {
            return Failed("the address has another scheme");
        }

        var (target, failure) = await UrlTargets.FindAsync(url, request.IsRefused, resolver, options, stop);
        if (target is null) return Failed(failure);
        var call = new HttpCall(target, "GET", url.PathAndQuery)
        {
            Headers = request.Headers,
            MaxBytes = 0,
            Time = request.Time,
        };
        return await http.OpenAsync(call, stop);
    }

    private static HttpOpening Failed(string message) =>
        new(null, new HttpFailure(HttpFailureKind.Unreachable, message));

    private static UrlOpening Failed(Uri url, string message) =>
        new(null, url, new HttpFailure(HttpFailureKind.Unreachable, message));
}

/// <summary>A request of an address that others name.</summary>
/// <param name="Url">An absolute address.</param>
/// <param name="Time">The time of each request, from the look-up of the name to the last byte.</param>
/// <param name="Redirects">How many redirects are followed.</param>
public sealed record UrlRequest(Uri Url, TimeSpan Time, int Redirects)
{
    /// <summary>Whether the address, or one that it leads to, may be http.</summary>
    public bool MayBePlain { get; init; }

    /// <summary>Tells the hosts that are not asked; null for none.</summary>
    public Predicate<string>? IsRefused { get; init; }

    /// <summary>Headers, such as `Accept`.</summary>
    public IReadOnlyList<(string Name, string Value)> Headers { get; init; } = [];
}

/// <summary>A response that is read as it comes, or the reason why there is none.</summary>
/// <param name="Response">The response; the caller disposes of it.</param>
/// <param name="Url">The address that was asked last.</param>
public readonly record struct UrlOpening(OpenReply? Response, Uri Url, HttpFailure? Failure);
