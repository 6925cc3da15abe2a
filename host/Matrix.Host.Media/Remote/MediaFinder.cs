using Matrix.Host.Media.Store;
using Matrix.Host.Storage.Tables.Media;

namespace Matrix.Host.Media.Remote;

/// <summary>Finds the media of a URI of any server.</summary>
public sealed class MediaFinder(ContentRepository local, RemoteMedia remote, MediaOptions options)
{
    private static readonly MediaFailure _unknown = new(MediaFailureKind.NotFound, "There is no such media.");

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
        var until = options.UnauthenticatedUntil?.ToUnixTimeMilliseconds() ?? 0;

        // What is fetched or uploaded now is too new to be served without authentication.
        var found = origin == options.ServerName
            ? await local.FindAsync(mediaId, isAuthenticated ? wait : TimeSpan.Zero, stop).ConfigureAwait(false)
            : await remote.FindAsync(origin, mediaId, wait, mayFetch: isAuthenticated, stop).ConfigureAwait(false);


        // The same whatever there is: others learn nothing of what is here.
        return !isAuthenticated && (!found.IsOk || found.Value.CreatedAt >= until)
            ? new MediaFailure(MediaFailureKind.NotFound, "There is no such media without authentication.")
            : found;
    }
}
