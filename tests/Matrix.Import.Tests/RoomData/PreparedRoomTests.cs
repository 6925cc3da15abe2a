using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Imports;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Import.Runs;
using Matrix.Import.Tests.Runs;

namespace Matrix.Import.Tests.RoomData;

/// <summary>
/// Tests of parts that come after the rooms. A server makes users, rooms and events; then it stops, Synapse's tables
/// get the same events under the same positions, and parts of the import run into the server's database.
/// </summary>
internal abstract class PreparedRoomTests(string sourceKind, string targetKind)
    : ImportedServerTests(sourceKind, targetKind)
{
    private static readonly string[] _always =
    [
        """
        CREATE TABLE rooms (room_id TEXT NOT NULL, is_public BOOLEAN, creator TEXT, room_version TEXT);
        CREATE TABLE room_memberships (
            event_id TEXT NOT NULL, user_id TEXT NOT NULL, sender TEXT NOT NULL, room_id TEXT NOT NULL,
            membership TEXT NOT NULL, forgotten INTEGER DEFAULT 0);
        CREATE TABLE current_state_events (
            event_id TEXT NOT NULL, room_id TEXT NOT NULL, type TEXT NOT NULL, state_key TEXT NOT NULL,
            membership TEXT);
        """,
    ];

    /// <summary>The server before and after the import.</summary>
    protected TestServer Server { get; private set; } = null!;

    protected TestUser Alice { get; private set; } = null!;

    protected TestUser Bob { get; private set; } = null!;

    protected override IReadOnlyList<string> Tables => [.. _always, .. MoreTables];

    /// <summary>CREATE TABLE texts of the tables that the parts read.</summary>
    protected abstract IReadOnlyList<string> MoreTables { get; }

    /// <summary>Where each event is, by its id.</summary>
    protected Dictionary<string, long> Positions { get; } = new(StringComparer.Ordinal);

    /// <summary>What was left out by name, of the last import.</summary>
    protected IReadOnlyList<ImportFindingRow> LeftOut { get; private set; } = [];

    [SetUp]
    public async Task RegisterUsers()
    {
        Server = await StartAsync();
        Alice = await Server.RegistersAsync("alice");
        Bob = await Server.RegistersAsync("bob");
    }

    /// <summary>Stops the server, and fills Synapse's tables with its rooms and events.</summary>
    protected async Task StopAsync()
    {
        await Server.StopAsync();
        await using var target = await OpenTargetAsync(numbers: null);
        foreach (var room in await target.Rooms.ListAsync(default, 100, Stop)) await CopyAsync(target, room);
    }

    /// <summary>Runs parts into the stopped server's database, and starts the server again.</summary>
    protected async Task<IReadOnlyDictionary<string, PartCounts>> CarryAsync(params IReadOnlyList<IImportPart> parts)
    {
        var counts = new Dictionary<string, PartCounts>(StringComparer.Ordinal);
        await using (var source = await Source.OpenAsync())
        await using (var target = await OpenTargetAsync(numbers: null))
        {
            var context = new ImportContext
            {
                Source = source,
                Target = target,
                ServerName = ServerName,
                Choices = Choices,
                Settings = Settings,
            };
            foreach (var part in parts)
            {
                var progress = new PartProgress(target.Writer, part.Name, before: null, static _ => { });
                await part.RunAsync(context, progress, Stop);
                await progress.EndAsync(Stop);
                counts[part.Name] = progress.Counts;
            }

            LeftOut = await target.Imports.FindingsAsync("", 0, 1_000, Stop);
        }

        await Server.StartAgainAsync();
        return counts;
    }

    private async Task CopyAsync(OpenedStorage target, RoomRow room)
    {
        await Source.InsertAsync(
            "rooms", ("room_id", room.RoomId), ("is_public", false), ("room_version", room.Version));
        var rows = await target.Events.RangeAsync(
            room.Nid, EventNid.FirstOf(room.Nid), null, Direction.Forward, 1_000, EventMarks.None, Stop);
        var state = new Dictionary<(string Type, string Key), string>();
        foreach (var row in rows)
        {
            var pdu = new StoredEvent(room.Identity, row).Pdu;
            Positions[row.EventId] = row.Position;
            await Source.InsertAsync(
                "events",
                ("stream_ordering", row.Position),
                ("topological_ordering", pdu.Depth),
                ("event_id", row.EventId),
                ("type", pdu.Type),
                ("room_id", room.RoomId),
                ("outlier", false),
                ("sender", row.Sender),
                ("state_key", pdu.StateKey));
            if (pdu.StateKey is not { } key) continue;
            state[(pdu.Type, key)] = row.EventId;
            if (pdu.Type != "m.room.member") continue;
            await Source.InsertAsync(
                "room_memberships",
                ("event_id", row.EventId),
                ("user_id", key),
                ("sender", row.Sender),
                ("room_id", room.RoomId),
                ("membership", pdu.Content.Text("membership")));
        }

        foreach (var ((type, key), id) in state)
        {
            await Source.InsertAsync(
                "current_state_events",
                ("event_id", id), ("room_id", room.RoomId), ("type", type), ("state_key", key));
        }
    }
}
