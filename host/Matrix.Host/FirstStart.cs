using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Imported;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>
/// What a database that was written by `mx` needs before it is served. A copy has to be complete; so has an import from
/// another server, that is no rehearsal, and whose source has written nothing since: two servers of one name would hand
/// out each other's keys.
/// </summary>
internal static partial class FirstStart
{
    /// <summary>Checks it. A database that only servers wrote passes, and so does one that was served before.</summary>
    /// <exception cref="InvalidDataException">It may not be served: one line for the operator.</exception>
    internal static async Task CheckAsync(
        OpenedStorage storage, string dataFolder, ILogger log, CancellationToken stop)
    {
        if (await storage.Copies.FindIncompleteAsync(stop) is not null)
        {
            throw new InvalidDataException(
                "The copy into this database is not complete. Run `mx db copy` again: it goes on where it was.");
        }

        if (await storage.Imports.FindAsync(stop) is not { } import) return;
        if (import.EndedAt is null)
        {
            throw new InvalidDataException(
                "The import into this database has not ended. Run `mx import synapse` again: it goes on where it was.");
        }

        if (import.IsRehearsal)
        {
            throw new InvalidDataException(
                "This database is a rehearsal of an import, from a Synapse that ran. It is not served: import into "
                + "another one.");
        }

        if (ImportedFrom.Read(dataFolder) is not { } source) return;
        try
        {
            var changed = await SourceNumbers.ChangedAsync(source, import.Numbers, stop);
            if (changed.Count > 0)
            {
                throw new InvalidDataException(
                    $"Synapse has written to its database since the import ({string.Join(", ", changed)}). Stop it, "
                    + "mask its unit, and import again into an empty database. To serve without what it wrote, delete "
                    + $"imported-from.json in {dataFolder}.");
            }
        }
        catch (StorageException fault)
        {
            NotCompared(log, fault.Message);
        }

        ImportedFrom.Delete(dataFolder);
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Whether Synapse has written since the import is not known: its database cannot be read ({Reason}). "
            + "Make sure that it stays stopped.")]
    private static partial void NotCompared(ILogger log, string reason);
}
