using Matrix.Host.Storage.Tables.Consumers;
using Matrix.Host.Storage.Tables.Search;
using Matrix.Import.Runs;

namespace Matrix.Import.Indexes;

/// <summary>
/// Where the server's work in the background begins. It indexes all events for searches, since it has no position
/// there,
/// and makes the entries of the user directory, whose users were noted with their rows. What was to be pushed is owed
/// already: pushes begin after the import.
/// </summary>
internal sealed class IndexesPart : IImportPart
{
    public string Name => "indexes";

    public string Title => "what is indexed at the first start";

    // They are made again from events, profiles and memberships.
    public IReadOnlyList<string> Tables { get; } =
    [
        "event_search", "user_directory", "user_directory_search", "user_directory_search_content",
        "user_directory_stream_pos", "user_directory_stale_remote_users", "users_in_public_rooms",
        "users_who_share_private_rooms",
    ];

    public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) => Task.FromResult(1L);

    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        // Backfilled events came one by one. As one range for each room they are read in pages.
        progress.Add(new PendingRangesJoined());
        if (await context.Target.Imports.FindAsync(stop) is { } import)
        {
            progress.Add(new ConsumerAdvanced("push", import.StartAfter));
        }

        await progress.FlushAsync("", stop);
    }
}
