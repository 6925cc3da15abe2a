using Matrix.Import.Media;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Commands;

/// <summary>`mx import synapse --media-first`: carries media files while Synapse runs. It writes no database.</summary>
public static class MediaFirstCommand
{
    private const int ShownEvery = 100;

    /// <summary>Links or copies the files; those that were carried before are passed over.</summary>
    /// <exception cref="ImportException">The configuration cannot be read, or the media folder not be
    /// written.</exception>
    /// <exception cref="SourceException">Synapse's database does not answer.</exception>
    public static async Task RunAsync(ImportOptions options, IImportLog log, CancellationToken stop)
    {
        var prepared = await Prepared.ReadAsync(options, log, stop);
        await using var source = await SourceAddress.OpenAsync(prepared.Databases, stop);
        using var files = MediaOrigins.Open(prepared.Config, options, log);
        var counts = (Carried: 0L, Bytes: 0L, Missing: 0L);
        var all = await source.NumberAsync(MediaFiles.Count(options.Choices.RemoteMedia), stop);
        await foreach (var file in MediaFiles.AllAsync(source, options.Choices.RemoteMedia, stop))
        {
            var (kept, _) = file.Origin is { } origin
                ? await files.KeepRemoteAsync(origin, file.Id, stop)
                : await files.KeepLocalAsync(file.Id, stop);
            counts = kept is { } found
                ? (counts.Carried + 1, counts.Bytes + found.Size, counts.Missing)
                : (counts.Carried, counts.Bytes, counts.Missing + 1);
            if ((counts.Carried + counts.Missing) % ShownEvery == 0)
            {
                log.Progress("media files", counts.Carried + counts.Missing, all, null);
            }
        }

        files.Save();
        log.Say(
            $"{counts.Carried} media files are here, {counts.Bytes >> 20} MiB; {counts.Missing} have no file. "
            + "The import carries what is added from now on.");
    }
}
