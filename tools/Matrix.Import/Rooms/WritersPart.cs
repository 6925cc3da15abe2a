using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Imports;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Rooms;

/// <summary>
/// Which process of Synapse's wrote the events of each room, if several did. A token of such a Synapse counts the
/// events of each process by itself.
/// </summary>
internal sealed class WritersPart : IImportPart
{
    private const string Kind = "writers of rooms";
    private const string Main = "master";

    public string Name => "writers";

    public string Title => "which process wrote which events";

    public IReadOnlyList<string> Tables { get; } = ["instance_map"];

    public async Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        await HasSeveralAsync(context.Source, stop)
            ? await context.Source.NumberAsync("SELECT COUNT(*) FROM events WHERE stream_ordering > 0", stop)
            : 0;

    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        if (!await HasSeveralAsync(context.Source, stop)) return;
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (name, id) in await context.Source.ListAsync(
            "SELECT instance_name, instance_id FROM instance_map",
            static row => (row.Text(0), row.Int32(1)),
            stop))
        {
            ids[name] = id;
        }

        var (roomId, nid, before) = ("", default(RoomNid), -1);
        await foreach (var row in context.Source.RowsAsync(
            $"""
            SELECT room_id, stream_ordering, COALESCE(instance_name, '{Main}') FROM events
            WHERE stream_ordering > 0 AND NOT outlier AND room_id > $1 ORDER BY room_id, stream_ordering
            """,
            stop,
            progress.Reached ?? ""))
        {
            progress.Read(Kind);
            if (row.Text(0) != roomId)
            {
                if (roomId.Length > 0) await progress.SaveAsync(roomId, stop);
                (roomId, before) = (row.Text(0), -1);
                nid = (await context.Target.Rooms.FindAsync(roomId, stop))?.Nid ?? default;
            }

            // Of a room that was left out, nothing is known.
            var writer = ids.GetValueOrDefault(row.Text(2));
            if (nid == default || writer == before) continue;
            before = writer;
            progress.Add(new RoomWriterImported(nid, row.Int64(1), writer));
            progress.Written(Kind);
        }
    }

    private static async Task<bool> HasSeveralAsync(SynapseSource source, CancellationToken stop) =>
        source.HasTable("instance_map") && source.HasColumn("events", "instance_name")
        && await source.NumberAsync(
            $"SELECT COUNT(DISTINCT COALESCE(instance_name, '{Main}')) FROM events WHERE stream_ordering > 0",
            stop) > 1;
}
