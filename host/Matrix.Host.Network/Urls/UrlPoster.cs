using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.SafeHttp;

namespace Matrix.Host.Network.Urls;

/// <summary>
/// Posts JSON to https addresses that users name. Redirects are not followed. The connection is made to an address that
/// the sender's policy allows, after the name was resolved.
/// </summary>
public sealed class UrlPoster(SafeHttpSender http, IDnsResolver resolver, NetworkOptions options) : IDisposable
{
    /// <summary>Posts a body and reads the response.</summary>
    /// <param name="url">An absolute https address.</param>
    /// <param name="body">JSON.</param>
    /// <param name="maxBytes">The most bytes of the response.</param>
    /// <param name="time">The time after the name was resolved.</param>
    /// <param name="stop">Stops it.</param>
    /// <exception cref="OperationCanceledException">The caller stopped it.</exception>
    public async ValueTask<HttpOutcome> PostAsync(
        Uri url, ReadOnlyMemory<byte> body, int maxBytes, TimeSpan time, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(url);
        if (url.Scheme != Uri.UriSchemeHttps)
        {
            return HttpOutcome.Failed(HttpFailureKind.Tls, "the address is not https");
        }

        var (target, failure) = await UrlTargets.FindAsync(url, null, resolver, options, stop).ConfigureAwait(false);
        if (target is null) return HttpOutcome.Failed(HttpFailureKind.Unreachable, failure);
        var call = new HttpCall(target, "POST", url.PathAndQuery) { Body = body, MaxBytes = maxBytes, Time = time };
        return await http.SendAsync(call, stop).ConfigureAwait(false);
    }

    /// <summary>Closes the connections.</summary>
    public void Dispose() => http.Dispose();
}
