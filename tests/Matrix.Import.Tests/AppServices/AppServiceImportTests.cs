using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.AppServices;
using Matrix.Import.AppServices;
using Matrix.Import.Runs;
using Matrix.Import.Tests.Runs;
using Matrix.Import.Tests.Support;

namespace Matrix.Import.Tests.AppServices;

/// <summary>What application services get after an import.</summary>
internal sealed class AppServiceImportTests(string sourceKind, string targetKind)
    : ImportedServerTests(sourceKind, targetKind)
{
    protected override IReadOnlyList<string> Tables =>
    [
        KeyTables.Services,
        "CREATE TABLE application_services_txns (as_id TEXT NOT NULL, txn_id BIGINT NOT NULL, event_ids TEXT NOT NULL)",
        "CREATE TABLE appservice_stream_position (stream_ordering BIGINT)",
        """
        CREATE TABLE appservice_room_list (
            appservice_id TEXT NOT NULL, network_id TEXT NOT NULL, room_id TEXT NOT NULL)
        """,
        """
        CREATE TABLE event_json (
            event_id TEXT NOT NULL, room_id TEXT NOT NULL, internal_metadata TEXT NOT NULL, json TEXT NOT NULL)
        """,
    ];

    protected override IReadOnlyList<IImportPart> Parts => [];

    [Test]
    public async Task A_service_that_has_got_everything_goes_on_at_synapses_position()
    {
        Settings = new SourceSettings { AppServices = ["new", "irc"] };
        await Source.InsertAsync("appservice_stream_position", ("stream_ordering", 500L));
        await Source.InsertAsync(
            "application_services_state", ("as_id", "irc"), ("state", "up"), ("device_list_stream_id", 7L));

        var rows = await ImportServicesAsync("irc", "new");

        Assert.That(
            rows.Select(static row => row with { DevicePosition = Math.Min(row.DevicePosition, 7) }),
            Is.EqualTo(new[]
            {
                new AppServiceRow("irc", 500, 0, 7, 0, null, null), new AppServiceRow("new", 500, 0, 0, 0, null, null),
            }));
    }

    [Test]
    public async Task A_service_gets_the_transaction_that_it_did_not_acknowledge_again_and_then_all_that_came_after_it()
    {
        var server = await StartAsync();
        var alice = await server.RegistersAsync("alice");
        var roomId = await alice.CreatesRoomAsync();
        var (first, second) = (await alice.SaysAsync(roomId, "one"), await alice.SaysAsync(roomId, "two"));
        var before = await alice.SetsAsync(roomId, "m.room.topic", new JsonObject { ["topic"] = "a" });
        var topic = await alice.SetsAsync(roomId, "m.room.topic", new JsonObject { ["topic"] = "b" });
        await StopServerAsync();
        await Source.InsertAsync("appservice_stream_position", ("stream_ordering", 1_000_000L));
        await TransactionAsync(40, "[]");
        await TransactionAsync(41, $"[\"{topic}\",\"{first}\",\"$gone\"]");
        await TransactionAsync(42, $"[\"{second}\"]");
        await TransactionAsync(43, "broken");
        await Source.InsertAsync(
            "event_json",
            ("event_id", topic),
            ("room_id", roomId),
            ("internal_metadata", "{}"),
            ("json", $$$"""{"unsigned":{"replaces_state":"{{{before}}}"}}"""));

        var row = (await ImportServicesAsync("irc")).Single();

        Assert.That(row.TransactionId, Is.EqualTo(41));
        var events = JsonNode.Parse(row.Body!.Value.Span)!["events"]!.AsArray();
        Assert.That(events.Select(static each => (string?)each!["event_id"]), Is.EqualTo(new[] { first, topic }));
        Assert.That((string?)events[0]!["content"]!["body"], Is.EqualTo("one"));
        Assert.That((string?)events[0]!["room_id"], Is.EqualTo(roomId));
        Assert.That((string?)events[1]!["unsigned"]!["prev_content"]!["topic"], Is.EqualTo("a"));
        await using var target = await OpenTargetAsync(numbers: null);
        var last = (await target.Events.FindAnywhereAsync(topic, 2, Stop)).Single();
        Assert.That(row.Position, Is.EqualTo(last.Position), "what came after its last event is owed");
        Assert.That(
            (await target.Imports.FindingsAsync("", 0, 9, Stop)).Single().Subject, Is.EqualTo("irc 43"));
    }

    [Test]
    public async Task Rooms_that_a_service_published_stay_in_the_directory_of_its_network()
    {
        var server = await StartAsync();
        var alice = await server.RegistersAsync("alice");
        var roomId = await alice.CreatesRoomAsync();
        await StopServerAsync();
        foreach (var listed in (string[])[roomId, "!gone:x"])
        {
            await Source.InsertAsync(
                "appservice_room_list", ("appservice_id", "irc"), ("network_id", "libera"), ("room_id", listed));
        }

        await using var source = await Source.OpenAsync();
        await using var target = await OpenTargetAsync(numbers: null);
        await PartRun.RunAsync(new NetworkRoomsPart(), source, target, ServerName, Settings);

        Assert.That(
            await target.Aliases.PublishedCountAsync(RoomDirectory.OfNetwork("irc|libera"), Stop), Is.EqualTo(1));
        Assert.That(
            (await target.Imports.FindingsAsync("", 0, 9, Stop)).Single().Subject, Is.EqualTo("irc libera !gone:x"));
    }

    private async Task<IReadOnlyList<AppServiceRow>> ImportServicesAsync(params string[] ids)
    {
        await using var source = await Source.OpenAsync();
        await using var target = await OpenTargetAsync(numbers: null);
        await PartRun.RunAsync(new AppServicesPart(), source, target, ServerName, Settings);
        var rows = new List<AppServiceRow>();
        foreach (var id in ids) rows.Add((await target.AppServices.FindAsync(id, Stop))!);
        return rows;
    }

    private Task TransactionAsync(long id, string events) => Source.InsertAsync(
        "application_services_txns", ("as_id", "irc"), ("txn_id", id), ("event_ids", events));
}
