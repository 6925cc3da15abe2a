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
    /// <param name="origin">The server in the URI.</param>
    /// <param name="mediaId">The URI's second part.</param>
    /// <param name="wait">How long to wait if its content was not uploaded.</param>
    /// <param name="isAuthenticated">Whether a user asks. Others get only what came here before a time.</param>
    /// <param name="stop">Cancels it.</param>
    public async ValueTask<MediaResult<MediaRow>> FindAsync(
        string origin, string mediaId, TimeSpan wait, bool isAuthenticated, CancellationToken stop)
    {
        if (!MediaId.IsValid(mediaId)) return _unknown;
        if (origin != options.ServerName && await policy.RefusesAsync(origin, stop).ConfigureAwait(false))
        {
            return isAuthenticated ? _refused : _unknown;
        }

        var until = options.UnauthenticatedUntil?.ToUnixTimeMilliseconds() ?? 0;

        // After that time, what is fetched or uploaded now is too new to be served without authentication.
        var isOpen = isAuthenticated || time.GetUtcNow().ToUnixTimeMilliseconds() < until;
        var found = origin == options.ServerName
            ? await local.FindAsync(mediaId, isOpen ? wait : TimeSpan.Zero, stop).ConfigureAwait(false)
            : await remote.FindAsync(origin, mediaId, wait, mayFetch: isOpen, stop).ConfigureAwait(false);

        // The same whatever there is: others learn nothing of what is here.
        return !isOpen && (!found.IsOk || found.Value.CreatedAt >= until)
            ? new MediaFailure(MediaFailureKind.NotFound, "There is no such media without authentication.")
            : found;
    }
}
