using Matrix.Host.Media.Store;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Media;

namespace Matrix.Host.Media.Operators;

/// <summary>What an operator's command did, or why it did nothing, as a sentence.</summary>
/// <param name="IsDone">Whether it did something.</param>
/// <param name="Text">The sentence.</param>
public readonly record struct MediaOutcome(bool IsDone, string Text);

/// <summary>
/// The operator's commands for media: to delete it, and to keep contents from being served, whatever URI has them.
/// </summary>
public sealed class MediaOperations(
    MediaTable mediaTable, IStorageWriter writer, ContentRepository repository, TimeProvider time)
{
    /// <summary>The most URIs that one command deletes.</summary>
    public const int MostDeleted = 1000;

    private const string Scheme = "mxc://";
    private const int HashLength = 64;

    /// <summary>Deletes the media of a URI. Its file is deleted if no other URI has it.</summary>
    public async ValueTask<MediaOutcome> DeleteAsync(string uri, CancellationToken stop)
    {
        if (await FindAsync(uri, stop) is not { } media) return Unknown(uri);
        return await repository.DeleteAsync(media, stop)
            ? new MediaOutcome(true, $"deleted {UriOf(media)}")
            : new MediaOutcome(false, $"{UriOf(media)} was changed meanwhile");
    }

    /// <summary>Keeps a content from being served: under all of its URIs, and those of later uploads.</summary>
    /// <param name="uriOrHash">A URI with the content, or the SHA-256 of the content in hexadecimal.</param>
    /// <param name="by">Who asks, for the record.</param>
    public async ValueTask<MediaOutcome> QuarantineAsync(string uriOrHash, string by, CancellationToken stop)
    {
        if (await HashAsync(uriOrHash, stop) is not { } hash) return Unknown(uriOrHash);
        var change = new FileQuarantined(hash, by, time.GetUtcNow().ToUnixTimeMilliseconds());
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(change), stop);
        var uris = await mediaTable.CountOfFileAsync(hash, stop);
        return new MediaOutcome(true, $"not served any more: the content {hash} (URIs: {uris})");
    }

    /// <summary>Lets a content be served again.</summary>
    public async ValueTask<MediaOutcome> ReleaseAsync(string uriOrHash, CancellationToken stop)
    {
        if (await HashAsync(uriOrHash, stop) is not { } hash) return Unknown(uriOrHash);
        var change = new FileReleased(hash);
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(change), stop);
        return change.Applied
            ? new MediaOutcome(true, $"served again: the content {hash}")
            : new MediaOutcome(false, $"the content {hash} is not in quarantine");
    }

    private async ValueTask<string?> HashAsync(string uriOrHash, CancellationToken stop) =>
        uriOrHash.Length == HashLength && uriOrHash.All(char.IsAsciiHexDigitLower)
            ? uriOrHash
            : (await FindAsync(uriOrHash, stop))?.FileHash;

    private async ValueTask<MediaRow?> FindAsync(string uri, CancellationToken stop)
    {
        if (!uri.StartsWith(Scheme, StringComparison.Ordinal)) return null;
        var parts = uri[Scheme.Length..].Split('/');
        return parts is [{ Length: > 0 } origin, var id] && MediaId.IsValid(id)
            ? await mediaTable.FindAsync(origin, id, stop)
            : null;
    }

    private static string UriOf(MediaRow media) => $"{Scheme}{media.Origin}/{media.MediaId}";

    private static MediaOutcome Unknown(string uri) =>
        new(false, $"there is no content of {uri} here: expected mxc://SERVER/ID, or a SHA-256");
}
