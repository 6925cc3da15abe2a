using Matrix.Host.Media.Store;
using Matrix.Host.Storage.Tables.Media;

namespace Matrix.Host.Media.Remote;

/// <summary>Finds the media of a URI of any server.</summary>
public sealed class MediaFinder(
    ContentRepository local, RemoteMedia remote, IMediaPolicy policy, MediaOptions options, TimeProvider time)
{
    private static readonly MediaFailure _unknown = new(MediaFailureKind.NotFound, "There is no such media.");

    private static readonly MediaFailure _refused = new(
        MediaFailureKind.Forbidden, "A policy list of this server refuses media of that server.");

    /// <summary>The media of a URI.</summary>
    public async ValueTask<MediaResult<MediaRow>> FindAsync(MediaLookup lookup, CancellationToken stop)
    {
        var (origin, mediaId, wait) = lookup;
        var isAuthenticated = lookup.IsAuthenticated;
        if (!MediaId.IsValid(mediaId)) return _unknown;
        if (origin != options.ServerName && await policy.RefusesAsync(origin, stop))
        {
            return isAuthenticated ? _refused : _unknown;
        }

        var until = options.UnauthenticatedUntil?.ToUnixTimeMilliseconds() ?? 0;

        // After that time, what is fetched or uploaded now is too new to be served without authentication.
        var isOpen = isAuthenticated || time.GetUtcNow().ToUnixTimeMilliseconds() < until;
        var found = origin == options.ServerName
            ? await local.FindAsync(mediaId, isOpen ? wait : TimeSpan.Zero, stop)
            : await remote.FindAsync(origin, mediaId, wait, lookup.Who, isOpen && lookup.MayFetch, stop);

        // The same whatever there is: others learn nothing of what is here.
        return !isOpen && (!found.IsOk || found.Value.CreatedAt >= until)
            ? new MediaFailure(MediaFailureKind.NotFound, "There is no such media without authentication.")
            : found;
    }
}

/// <summary>A request for the media of a URI.</summary>
/// <param name="Origin">The server in the URI.</param>
/// <param name="MediaId">The URI's second part.</param>
/// <param name="Wait">How long to wait if its content was not uploaded.</param>
public sealed record MediaLookup(string Origin, string MediaId, TimeSpan Wait)
{
    /// <summary>Whether a user asks. Others get only what came here before a time.</summary>
    public bool IsAuthenticated { get; init; }

    /// <summary>The user, application service or address that asks.</summary>
    public string Who { get; init; } = "";

    /// <summary>Whether another server is asked for what is not here.</summary>
    public bool MayFetch { get; init; } = true;

    /// <summary>A request of a user.</summary>
    public static MediaLookup Authenticated(string origin, string mediaId, TimeSpan wait) =>
        new(origin, mediaId, wait) { IsAuthenticated = true };
}
