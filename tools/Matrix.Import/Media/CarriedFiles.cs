using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Media;

/// <summary>Finds Synapse's media files in its places, and keeps them in ours.</summary>
/// <param name="origins">The places, in the order in which Synapse asks them.</param>
/// <param name="kept">Our folder.</param>
/// <param name="temporary">Where fetched files are written.</param>
internal sealed class CarriedFiles(IReadOnlyList<IMediaOrigin> origins, KeptFiles kept, string temporary) : IKeptMedia
{
    public Task<(KeptFile? File, string Reason)> KeepLocalAsync(string mediaId, CancellationToken stop) =>
        KeepAsync(MediaPaths.OfLocal(mediaId), stop);

    public Task<(KeptFile? File, string Reason)> KeepRemoteAsync(
        string origin, string fileId, CancellationToken stop) => KeepAsync(MediaPaths.OfRemote(origin, fileId), stop);

    public void Save() => kept.Save();

    public void Dispose()
    {
        kept.Dispose();
        foreach (var origin in origins) origin.Dispose();
    }

    private async Task<(KeptFile? File, string Reason)> KeepAsync(string? path, CancellationToken stop)
    {
        if (path is null) return (null, "its id is none that a file can have");
        var fetched = Path.Combine(temporary, $"fetched-{Guid.NewGuid():N}");
        var failures = new List<string>();
        try
        {
            foreach (var origin in origins)
            {
                try
                {
                    if (await origin.FindAsync(path, fetched, stop) is { } found)
                    {
                        return (await kept.KeepAsync(found, stop), "");
                    }
                }
                catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
                {
                    failures.Add($"{origin.Description}: {fault.GetType().Name}");
                }
            }
        }
        finally
        {
            File.Delete(fetched);
        }

        return (null, failures.Count > 0
            ? $"its file cannot be read ({string.Join(", ", failures)})"
            : "its file is missing");
    }
}
