using System.Text;
using System.Text.Json.Nodes;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Imports;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.ToDevice;

namespace Matrix.Host.Tests.Imported;

/// <summary>A client that goes on with a token of Synapse after an import.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class ImportedSyncTests(string kind)
{
    private const long Past = ImportedServer.Past;

    private ImportedServer _imported = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;
    private string _room = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _imported = await ImportedServer.StartAsync(kind);
        _alice = await _imported.Server.RegistersAsync("alice");
        _bob = await _imported.Server.RegistersAsync("bob");
        _room = await _alice.CreatesRoomAsync();
        await _bob.JoinsAsync(_room);
    }

    [TearDown]
    public async Task StopAsync() => await _imported.DisposeAsync();

    [Test]
    public async Task A_client_gets_what_came_after_its_token_and_goes_on_with_a_token_of_this_server()
    {
        await _alice.SaysAsync(_room, "seen");
        var seen = _imported.Now;
        await _alice.SaysAsync(_room, "new");
        await _imported.ImportAsync();

        var first = await _bob.SyncsAsync(ImportedServer.Token(events: seen));
        Assert.That(first.Bodies(_room), Is.EqualTo(new[] { "new" }));
        Assert.That(first.IsLimited(_room), Is.False);
        Assert.That(first.State(_room), Is.Empty);
        Assert.That(first.AccountData, Is.Empty);
        Assert.That(first.DevicesChanged, Is.Empty);
        Assert.That(first.Next, Does.Match("^s1_[0-9]+_[0-9]+_[0-9]+$"));

        await _alice.SaysAsync(_room, "later");
        var second = await _bob.SyncsAsync(first.Next);
        Assert.That(second.Bodies(_room), Is.EqualTo(new[] { "later" }));

        // The response was lost: the client asks with its old token again.
        var again = await _bob.SyncsAsync(ImportedServer.Token(events: seen));
        Assert.That(again.Bodies(_room), Is.EqualTo(new[] { "new", "later" }));
    }

    [Test]
    public async Task A_client_that_has_everything_waits_for_news()
    {
        await _alice.SaysAsync(_room, "seen");
        await _imported.ImportAsync();

        var waits = _bob.WaitsAsync(ImportedServer.Token());
        await _alice.SaysAsync(_room, "news");
        Assert.That((await waits).Bodies(_room), Is.EqualTo(new[] { "news" }));
    }

    [Test]
    public async Task Rooms_joined_left_and_invited_to_since_the_token_are_told()
    {
        var (left, joined, invited) =
            (await _alice.CreatesRoomAsync(), await _alice.CreatesRoomAsync(), await _alice.CreatesRoomAsync());
        await _bob.JoinsAsync(left);
        var seen = _imported.Now;
        await _bob.LeavesAsync(left);
        await _bob.JoinsAsync(joined);
        await _alice.InvitesAsync(invited, _bob);
        await _imported.ImportAsync();

        var sync = await _bob.SyncsAsync(ImportedServer.Token(events: seen));
        Assert.That(sync.Joined, Is.EqualTo(new[] { joined }));
        Assert.That(sync.Left, Is.EqualTo(new[] { left }));
        Assert.That(sync.Invited, Is.EqualTo(new[] { invited }));
        var state = sync.State(joined).Concat(sync.Timeline(joined)).Select(SyncReply.KeyOf);
        Assert.That(state, Does.Contain("m.room.create|").And.Contain($"m.room.member|{_bob.UserId}"));
    }

    [Test]
    public async Task A_long_absence_makes_a_limited_timeline_with_the_state_that_changed_before_it()
    {
        var seen = _imported.Now;
        await _alice.SetsAsync(_room, "m.room.topic", new JsonObject { ["topic"] = "changed" });
        for (var n = 0; n < 25; n++) await _alice.SaysAsync(_room, $"{n}");
        await _imported.ImportAsync();

        var sync = await _bob.SyncsAsync(ImportedServer.Token(events: seen));
        Assert.That(sync.IsLimited(_room), Is.True);
        Assert.That(sync.Bodies(_room), Has.Count.EqualTo(20).And.Some.EqualTo("24"));
        Assert.That(sync.State(_room).Select(SyncReply.KeyOf), Is.EqualTo(new[] { "m.room.topic|" }));
    }

    [Test]
    public async Task Each_message_to_a_device_comes_once()
    {
        Change Message(int n) => new ToDeviceSent(
            _bob.UserId, _bob.DeviceId, Encoding.UTF8.GetBytes($$$"""{"type":"t","content":{"n":{{{n}}}}}"""));
        await _imported.ImportAsync(
            [.. Enumerable.Range(1, 4).Select(n => (Past + 500 + n, Message(n)))]);

        var token = ImportedServer.Token(toDevice: Past + 502);
        var first = await _bob.SyncsAsync(token);
        Assert.That(Numbers(first), Is.EqualTo(new[] { 3, 4 }));

        // Without the first response, they come again.
        Assert.That(Numbers(await _bob.SyncsAsync(token)), Is.EqualTo(new[] { 3, 4 }));
        Assert.That(Numbers(await _bob.SyncsAsync(first.Next)), Is.Empty);
        Assert.That(Numbers(await _bob.SyncsAsync()), Is.Empty);

        static IEnumerable<int> Numbers(SyncReply sync) => sync.ToDevice.Select(each => (int)each["content"]!["n"]!);
    }

    [Test]
    public async Task Account_data_and_push_rules_count_by_their_own_numbers()
    {
        Change Data(string type) => new AccountDataPut(_bob.UserId, null, type, "{\"a\":1}"u8.ToArray());
        Change rules = new AccountDataPut(_bob.UserId, null, "m.push_rules", """{"global":{}}"""u8.ToArray());
        await _imported.ImportAsync((Past + 600, Data("old")), (Past + 602, Data("new")), (7, rules));

        Assert.That(await SinceAsync(Past + 601, 7), Is.EqualTo(new[] { "new" }));
        Assert.That(await SinceAsync(Past + 601, 6), Is.EquivalentTo(new[] { "new", "m.push_rules" }));
        Assert.That(await SinceAsync(Past + 602, 7), Is.Empty);

        async Task<IEnumerable<string>> SinceAsync(long data, long pushRules) =>
            (await _bob.SyncsAsync(ImportedServer.Token(accountData: data, pushRules: pushRules)))
                .AccountData.Select(each => (string)each["type"]!);
    }

    [Test]
    public async Task Receipts_count_by_their_own_numbers()
    {
        var said = await _bob.SaysAsync(_room, "read this");
        var row = await _imported.RowOfAsync(said);
        await _imported.ImportAsync((Past + 700, new ReceiptMoved(
            row.Nid.Room, _alice.UserId, "m.read", "", row.Nid, said, 1, IsLocal: true)));

        var sync = await _bob.SyncsAsync(ImportedServer.Token(receipts: Past + 699));
        Assert.That(sync.Ephemeral(_room).Single()["content"]![said]!["m.read"]![_alice.UserId], Is.Not.Null);
        Assert.That((await _bob.SyncsAsync(ImportedServer.Token(receipts: Past + 700))).Joined, Is.Empty);
    }

    [Test]
    public async Task Device_lists_count_by_their_own_numbers()
    {
        await _imported.ImportAsync((Past + 800, new DeviceListChanged(_alice.UserId)));

        var sync = await _bob.SyncsAsync(ImportedServer.Token(deviceLists: Past + 799));
        Assert.That(sync.DevicesChanged, Is.EqualTo(new[] { _alice.UserId }));
        var later = ImportedServer.Token(deviceLists: Past + 800);
        Assert.That((await _bob.SyncsAsync(later)).DevicesChanged, Is.Empty);
        Assert.That(
            await ChangedAsync(ImportedServer.Token(deviceLists: Past + 799)), Is.EqualTo(new[] { _alice.UserId }));
        Assert.That(await ChangedAsync(later), Is.Empty);

        async Task<IEnumerable<string>> ChangedAsync(string from)
        {
            // Up to Synapse's token of a later sync, or up to ours.
            var theirs = await _bob.GetAsync($"keys/changes?from={from}&to={ImportedServer.Token()}");
            var ours = await _bob.GetAsync($"keys/changes?from={from}&to={sync.Next}");
            Assert.That(theirs.Is(200).Text, Is.EqualTo(ours.Is(200).Text));
            return ours.Json["changed"]!.AsArray().Select(user => (string)user!);
        }
    }

    [Test]
    public async Task Who_came_to_share_a_room_since_the_token_is_in_the_changes_of_keys()
    {
        var carol = await _imported.Server.RegistersAsync("carol");
        var seen = _imported.Now;
        await carol.JoinsAsync(_room);
        await _imported.ImportAsync();

        var changes = await _bob.GetAsync(
            $"keys/changes?from={ImportedServer.Token(events: seen)}&to={ImportedServer.Token()}");
        Assert.That((string?)changes.Is(200).Json["changed"]!.AsArray().Single(), Is.EqualTo(carol.UserId));
    }

    [Test]
    public async Task Of_several_writers_each_is_followed_by_itself()
    {
        var other = await _alice.CreatesRoomAsync();
        await _bob.JoinsAsync(other);
        var least = _imported.Now;
        var seen = await _alice.SaysAsync(_room, "seen");
        var unseen = await _imported.RowOfAsync(await _alice.SaysAsync(other, "not seen"));
        await _alice.SaysAsync(_room, "not seen either");
        var row = await _imported.RowOfAsync(seen);
        await _imported.ImportAsync(
            (1, new RoomWriterImported(row.Nid.Room, 1, 2)),
            (1, new RoomWriterImported(unseen.Nid.Room, 1, 3)));

        var token = ImportedServer.Token().Replace(
            "s900000000", $"m{least}~2.{row.Position}", StringComparison.Ordinal);
        var sync = await _bob.SyncsAsync(token);
        Assert.That(sync.Bodies(_room), Is.EqualTo(new[] { "not seen either" }));
        Assert.That(sync.Bodies(other), Is.EqualTo(new[] { "not seen" }));

        // Of a writer that nothing is known of, events come again rather than not at all.
        var unknown = token.Replace("~2.", "~9.", StringComparison.Ordinal);
        Assert.That((await _bob.SyncsAsync(unknown)).Bodies(_room), Is.EqualTo(new[] { "seen", "not seen either" }));
    }

    [Test]
    public async Task A_room_that_changed_its_writer_goes_on_where_the_first_unseen_event_is()
    {
        var least = _imported.Now;
        await _alice.SaysAsync(_room, "by the first");
        var row = await _imported.RowOfAsync(await _alice.SaysAsync(_room, "by the second"));
        await _alice.SaysAsync(_room, "by the second again");
        await _imported.ImportAsync(
            (1, new RoomWriterImported(row.Nid.Room, 1, 2)),
            (1, new RoomWriterImported(row.Nid.Room, row.Position, 3)));

        string[] all = ["by the first", "by the second", "by the second again"];
        Assert.That(await BodiesAsync($"m{least}~2.900000000"), Is.EqualTo(all[1..]));
        Assert.That(await BodiesAsync($"m{least}~3.900000000"), Is.EqualTo(all));
        Assert.That(await BodiesAsync($"m{least}~2.900000000~3.{row.Position}"), Is.EqualTo(all[2..]));

        async Task<IEnumerable<string>> BodiesAsync(string events) =>
            (await _bob.SyncsAsync(ImportedServer.Token().Replace("s900000000", events, StringComparison.Ordinal)))
                .Bodies(_room);
    }

    [TestCase("s1000000001_4_0_1_1_1_1_1_0_1_1_1_1_1")]
    [TestCase("s1_4_0_1_1_1_1000000001_1_0_1_1_1_1_1")]
    [TestCase("m1~2.1000000001_4_0_1_1_1_1_1_0_1_1_1_1_1")]
    [TestCase("t5-3_4_0_1_1_1_1_1_0_1_1_1_1_1")]
    [TestCase("s-5_4_0_1_1_1_1_1_0_1_1_1_1_1")]
    [TestCase("39_40")]
    [TestCase("nonsense")]
    public async Task A_token_with_a_number_that_Synapse_did_not_give_is_refused(string token)
    {
        await _imported.ImportAsync();
        (await _bob.GetAsync($"sync?since={token}")).Is(400, "M_INVALID_PARAM");
        (await _bob.GetAsync($"keys/changes?from={token}&to={token}")).Is(400, "M_INVALID_PARAM");
        (await _bob.GetAsync($"events?from={token}")).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task A_server_without_an_import_refuses_Synapses_tokens()
    {
        var token = ImportedServer.Token();
        var room = UserActions.Esc(_room);
        (await _bob.GetAsync($"sync?since={token}")).Is(400, "M_INVALID_PARAM");
        (await _bob.GetAsync($"keys/changes?from={token}&to={token}")).Is(400, "M_INVALID_PARAM");
        (await _bob.GetAsync($"events?from={token}")).Is(400, "M_INVALID_PARAM");
        (await _bob.GetAsync($"notifications?from=40")).Is(400, "M_INVALID_PARAM");
        foreach (var each in (string[])[token, "s40", "t5-40", "t5--40", "m5~2.7", "39_40"])
        {
            (await _bob.GetAsync($"rooms/{room}/messages?dir=b&from={each}")).Is(400, "M_INVALID_PARAM");
            (await _bob.GetAsync($"rooms/{room}/members?at={each}")).Is(400, "M_INVALID_PARAM");
        }
    }

    [Test]
    public async Task The_event_stream_goes_on_from_a_token_in_steps_and_loses_nothing()
    {
        var seen = _imported.Now;
        var said = await _alice.SaysAsync(_room, "new");
        await _imported.ImportAsync((Past + 600, new AccountDataPut(_bob.UserId, null, "data", "{}"u8.ToArray())));

        var reply = await _bob.GetAsync($"events?timeout=0&from={ImportedServer.Token(events: seen)}");
        var chunk = reply.Is(200).Json["chunk"]!.AsArray();
        Assert.That(chunk.Select(each => (string?)each!["event_id"]), Does.Contain(said));
        Assert.That(reply.Member("end"), Does.StartWith("s1_"));
    }
}
