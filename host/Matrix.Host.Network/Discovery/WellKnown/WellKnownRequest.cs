using System.Globalization;
using Matrix.Core.Discovery;

namespace Matrix.Host.Network.Discovery.WellKnown;

/// <summary>
/// <c>GET /.well-known/matrix/server</c> with its redirects. v1.19 server-server-api#resolving-server-names, step 3.
/// </summary>
internal sealed class WellKnownRequest(NetworkOptions options, IWellKnownFetcher fetcher, TimeProvider time)
{
    private readonly WellKnownLimits _limits = new(
        options.WellKnownBytes,
        (long)options.WellKnownDefaultTime.TotalMilliseconds,
        (long)options.WellKnownMaximumTime.TotalMilliseconds,
        (long)options.WellKnownMinimumTime.TotalMilliseconds,
        (long)options.WellKnownFirstErrorTime.TotalMilliseconds,
        (long)options.WellKnownMaximumErrorTime.TotalMilliseconds);

    /// <summary>The response for a host. <paramref name="previous"/> is the entry that it replaces.</summary>
    internal async Task<WellKnownEntry> SendAsync(string host, WellKnownEntry? previous, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(options.WellKnownTime);
        WellKnownPage page;
        try
        {
            page = await FollowAsync(host, limit.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            page = WellKnownPage.Failed("the response did not come in time");
        }

        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        if (page.Failure is { } failure)
        {
            return WellKnownEntry.Failed(WellKnownFault.NewNoResponse(failure), previous, now, _limits);
        }

        return page.IsTooLarge
            ? WellKnownEntry.Failed(WellKnownFault.NewTooLarge(options.WellKnownBytes), previous, now, _limits)
            : WellKnownEntry.Read(ReplyOf(page), previous, now, _limits);
    }

    private async Task<WellKnownPage> FollowAsync(string host, CancellationToken stop)
    {
        var port = options.WellKnownPort;
        var address = new UriBuilder(Uri.UriSchemeHttps, host, port, "/.well-known/matrix/server").Uri;
        var visited = new HashSet<Uri>();
        while (true)
        {
            if (!visited.Add(address)) return WellKnownPage.Failed($"redirects lead back to {address}");
            if (visited.Count > options.WellKnownRedirects + 1) return WellKnownPage.Failed("too many redirects");

            var page = await fetcher.GetAsync(address, options.WellKnownBytes, stop);
            if (page.Failure is not null || page.Status is not (301 or 302 or 303 or 307 or 308)) return page;
            if (Target(address, page.Location) is not { } next)
            {
                return WellKnownPage.Failed($"{address} redirects to no https address: {page.Location}");
            }

            address = next;
        }
    }

    /// <summary>The address of a redirect; null if it is not followed. TLS must hold all the way.</summary>
    private static Uri? Target(Uri from, string? location) =>
        location is not null
        && Uri.TryCreate(from, location, out var target)
        && target.Scheme == Uri.UriSchemeHttps
        && target.UserInfo.Length == 0
            ? new UriBuilder(target) { Fragment = "" }.Uri
            : null;

    private static WellKnownReply ReplyOf(WellKnownPage page) => new(
        page.Status,
        page.CacheControl,
        page.Expires is { } expires ? MillisecondsOf(expires) : -1,
        page.Date?.ToUnixTimeMilliseconds() ?? -1,
        (long)page.Age.TotalSeconds,
        page.Body);

    /// <summary>An HTTP date in milliseconds since the epoch; 0 if it is none.</summary>
    private static long MillisecondsOf(string date) =>
        DateTimeOffset.TryParseExact(
            date.Trim(),
            ["r", "dddd, dd-MMM-yy HH:mm:ss 'GMT'", "ddd MMM d HH:mm:ss yyyy"],
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AllowInnerWhite,
            out var at)
            ? Math.Max(0, at.ToUnixTimeMilliseconds())
            : 0;
}
