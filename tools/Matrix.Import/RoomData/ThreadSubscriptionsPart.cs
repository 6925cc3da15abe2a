using System.Globalization;
using Matrix.Host.Storage.Tables.ThreadSubscriptions;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.RoomData;

/// <summary>Subscriptions to threads, and those that users ended.</summary>
internal sealed class ThreadSubscriptionsPart : IImportPart
{
    private const string Table = "thread_subscriptions";
    private const string Kind = "thread subscriptions";

    public string Name => Table;

    public string Title => "subscriptions to threads";

    public IReadOnlyList<string> Tables { get; } = [Table];

    public async Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        context.Source.HasTable(Table)
            ? await context.Source.NumberAsync($"SELECT COUNT(*) FROM {Table}", stop)
            : 0;

    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        if (context.Choices.WithoutHistory || !context.Source.HasTable(Table)) return;
        var rooms = new CarriedRooms(context, progress, Kind);
        await foreach (var row in context.Source.RowsAsync(
            $"""
            SELECT stream_id, room_id, event_id, user_id, subscribed, automatic FROM {Table}
            WHERE stream_id > $1 ORDER BY stream_id
            """,
            stop,
            long.Parse(progress.Reached ?? "0", CultureInfo.InvariantCulture)))
        {
            progress.Read(Kind);
            var (stream, rootId, userId) = (row.Int64(0), row.Text(2), row.Text(3));
            if (await rooms.FindAsync(row.Text(1), stop) is { } room)
            {
                // An automatic one names the event that caused it: any position before the first does here.
                progress.Add(
                    new ThreadSubscribed(room, rootId, userId, row.Bool(5) ? 0 : null, int.MaxValue), stream);
                if (!row.Bool(4)) progress.Add(new ThreadUnsubscribed(room, rootId, userId), stream);
                progress.Written(Kind);
            }

            await progress.SaveAsync(stream.ToString(CultureInfo.InvariantCulture), stop);
        }
    }
}
