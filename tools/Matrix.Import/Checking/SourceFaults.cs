using Matrix.Import.Sources;

namespace Matrix.Import.Checking;

/// <summary>What is said about a source before anything is imported.</summary>
internal static class SourceFaults
{
    private const int OldestSchema = 84;
    private const int NewestSchema = 94;

    /// <summary>Things of the source that the operator should know, each a sentence.</summary>
    /// <exception cref="SourceException">The source does not answer.</exception>
    public static async Task<IReadOnlyList<string>> OfAsync(SynapseSource source, CancellationToken stop)
    {
        var found = new List<string>();
        if (source.SchemaVersion is < OldestSchema)
        {
            found.Add(
                $"The schema {source.SchemaVersion} is older than {OldestSchema} (Synapse 1.100), which is the oldest "
                + "that is tested: upgrade Synapse first.");
        }
        else if (source.SchemaVersion > NewestSchema)
        {
            found.Add(
                $"The schema {source.SchemaVersion} is newer than {NewestSchema}, the newest that is tested: tables "
                + "that are not known are named below.");
        }

        if (source.HasTable("background_updates"))
        {
            var updates = await source.ListAsync(
                "SELECT update_name FROM background_updates ORDER BY update_name", static row => row.Text(0), stop);
            if (updates.Count > 0)
            {
                found.Add(
                    $"Synapse has not finished {updates.Count} background updates ({string.Join(", ", updates)}). What "
                    + "they have not filled is worked out from other tables, or left out by name.");
            }
        }

        return found;
    }
}
