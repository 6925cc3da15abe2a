using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Matrix.Core.Facade;
using Matrix.Core.Federation;
using Matrix.Federation.Tests.Outbound;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Outbound.Federation.Edus;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.DeviceUpdates;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Users.Keys;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.DeviceLists;

/// <summary>Changes of local users' devices, as peers get them.</summary>
public sealed class UpdateSendingTests
{
    private ReceivingPeer _peer = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;

    [SetUp]
    public async Task SetUpAsync()
    {
        _peer = await ReceivingPeer.StartAsync();
        _peer.Rules = RoomRules.Find("11")!;
        _server = (await TestServer.StartWithKnownKeysAsync(
            ("federation.outbound_first_pause", "50ms"),
            ("federation.outbound_longest_pause", "200ms"),
            ("federation.device_updates_sent", "5"))).Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice", "alice's phone");
        await _peer.Peer.JoinsAsync(_server, await _alice.CreatesRoomAsync(version: "11"), "bob");
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [Test]
    public async Task Changes_of_devices_come_in_a_chain_that_the_list_continues()
    {
        await _alice.UploadsKeysAsync(0);
        var uploaded = await UpdateAsync(_alice.DeviceId, update => update["keys"] is not null);
        Assert.That((string?)uploaded["device_display_name"], Is.EqualTo("alice's phone"));

        var laptop = await _alice.LogsInAsync(deviceName: "laptop");
        var added = await UpdateAsync(laptop.DeviceId, _ => true);
        (await laptop.PutAsync($"devices/{laptop.DeviceId}", new JsonObject { ["display_name"] = "desk" })).Is(200);
        var renamed = await UpdateAsync(
            laptop.DeviceId, update => (string?)update["device_display_name"] == "desk");
        (await laptop.PostAsync("logout")).Is(200);
        var deleted = await UpdateAsync(laptop.DeviceId, update => update["deleted"] is not null);

        JsonObject[] chain = [uploaded, added, renamed, deleted];
        Assert.That((bool)deleted["deleted"]!, Is.True);
        foreach (var (before, after) in chain.Zip(chain[1..]))
        {
            Assert.That(
                after["prev_id"]!.AsArray().Select(id => (long)id!), Is.EqualTo(new[] { (long)before["stream_id"]! }));
        }

        var list = await _peer.Peer.SendAsync(
            _server, "GET", $"/_matrix/federation/v1/user/devices/{Uri.EscapeDataString(_alice.UserId)}");
        Assert.That((long)list.Is(200).Json["stream_id"]!, Is.EqualTo((long)deleted["stream_id"]!));
    }

    [Test]
    public async Task Cross_signing_keys_come_without_the_user_signing_key()
    {
        await _alice.CrossSignsAsync();

        await Until.HoldsAsync(() => Edus.Any(edu => (string?)edu["edu_type"] == "m.signing_key_update"
            && edu["content"]!["self_signing_key"] is not null));
        var content = Edus.Last(edu => (string?)edu["edu_type"] == "m.signing_key_update")["content"]!;
        Assert.That((string?)content["user_id"], Is.EqualTo(_alice.UserId));
        Assert.That(content["master_key"], Is.Not.Null);
        Assert.That(_peer.All.Select(each => each.Body.ToJsonString()), Has.None.Contains("user_signing"));
        foreach (var edu in Edus) edu.MatchesItsSchema();
    }

    [Test]
    public async Task After_an_outage_many_changes_are_one_update_that_follows_an_unknown_one()
    {
        await _alice.UploadsKeysAsync(0);
        var last = await UpdateAsync(_alice.DeviceId, update => update["keys"] is not null);
        var refused = new ConcurrentBag<string>();
        _peer.Respond = transaction =>
        {
            refused.Add(transaction.Id);
            return Task.FromResult<IResult?>(Results.StatusCode(503));
        };
        await RenameAsync(0);
        await Until.HoldsAsync(() => !refused.IsEmpty);
        for (var i = 1; i < 12; i++) await RenameAsync(i);
        var attempts = _peer.All.Count;
        await Until.HoldsAsync(() => _peer.All.Count > attempts + 2);
        var before = Updates.Count;
        _peer.Respond = _ => Task.FromResult<IResult?>(null);
        await Until.HoldsAsync(() => Updates.Any(update => NameOf(update) == "name 11"));
        await Task.Delay(300);

        // The transaction that was under way is repeated as it was, with the changes of its time.
        // An update may come twice if another one is sent while the first is being recorded as sent.
        var after = Updates.Skip(before).DistinctBy(update => (long)update["stream_id"]!).ToArray();
        var repeated = _peer.Taken.Where(each => refused.Contains(each.Id)).Sum(each => UpdatesOf(each).Count());
        Assert.That(after, Has.Length.LessThanOrEqualTo(repeated + 1));
        Assert.That(NameOf(after[^1]), Is.EqualTo("name 11"));
        var known = after.Length > 1 ? after[^2] : last;
        Assert.That((long)after[^1]["prev_id"]![0]!, Is.GreaterThan((long)known["stream_id"]!));

        async Task RenameAsync(int n) => (await _alice.PutAsync(
            $"devices/{_alice.DeviceId}", new JsonObject { ["display_name"] = $"name {n}" })).Is(200);

        static string? NameOf(JsonNode update) => (string?)update["device_display_name"];
    }

    [Test]
    public async Task A_server_that_is_new_to_a_user_gets_an_update_when_the_user_joins()
    {
        await _alice.UploadsKeysAsync(0);
        var carol = await _server.RegistersAsync("carol");
        await carol.UploadsKeysAsync(0);
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        await _peer.Peer.JoinsAsync(_server, roomId, "bob");
        Assert.That(Updates.Select(update => (string?)update["user_id"]), Has.None.EqualTo(carol.UserId));

        await carol.JoinsAsync(roomId);

        await Until.HoldsAsync(() => Updates.Any(update => (string?)update["user_id"] == carol.UserId));
    }

    [Test]
    public async Task A_server_that_is_new_to_a_user_gets_an_update_though_the_user_joins_several_rooms_at_once()
    {
        string[] rooms = [await _alice.CreatesRoomAsync(version: "11"), await _alice.CreatesRoomAsync(version: "11")];
        foreach (var roomId in rooms) await _peer.Peer.JoinsAsync(_server, roomId, "bob");
        var users = new List<TestUser>();
        for (var n = 0; n < 8; n++)
        {
            users.Add(await _server.RegistersAsync($"user{n}"));
            await users[n].UploadsKeysAsync(0);
        }

        await Task.WhenAll(users.SelectMany(user => rooms.Select(
            async roomId => await user.JoinsAsync(roomId))));

        await Until.HoldsAsync(() => users.TrueForAll(
            user => Updates.Any(update => (string?)update["user_id"] == user.UserId)));
    }

    [Test]
    public async Task A_change_that_becomes_durable_as_sent_while_the_next_ones_are_read_comes_once()
    {
        await _server.DisposeAsync();
        _server = (await TestServer.StartWithKnownKeysAsync(
            services => services.AddSingleton(parts => ActivatorUtilities.CreateInstance<DeviceListEdus>(
                parts, LateRows.Of(parts.GetRequiredService<IDeviceUpdatesTable>()))))).Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice");
        await _peer.Peer.JoinsAsync(_server, await _alice.CreatesRoomAsync(version: "11"), "bob");

        for (var n = 0; n < 8; n++)
        {
            var name = $"name {n}";
            (await _alice.PutAsync($"devices/{_alice.DeviceId}", new JsonObject { ["display_name"] = name })).Is(200);
            await UpdateAsync(_alice.DeviceId, update => (string?)update["device_display_name"] == name);
        }

        await Task.Delay(500);
        Assert.That(Updates.Select(update => (long)update["stream_id"]!), Is.Unique);
    }

    [Test]
    public async Task A_join_whose_rooms_could_not_be_read_is_looked_at_again()
    {
        await _server.DisposeAsync();
        FailingReads? reads = null;
        _server = (await TestServer.StartWithKnownKeysAsync(
            services => services.AddSingleton(parts =>
            {
                reads = FailingReads.Of(
                    parts.GetRequiredService<IMembershipsTable>(), nameof(IMembershipsTable.RemoteMembersAsync));
                return ActivatorUtilities.CreateInstance<DeviceListEdus>(parts, reads);
            }))).Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice");
        var carol = await _server.RegistersAsync("carol");
        await carol.UploadsKeysAsync(0);
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        await _peer.Peer.JoinsAsync(_server, roomId, "bob");

        reads!.Failures = 1;
        await carol.JoinsAsync(roomId);

        await Until.HoldsAsync(() => Updates.Any(update => (string?)update["user_id"] == carol.UserId));
        Assert.That(reads.Failures, Is.Zero);
    }

    [Test]
    public async Task A_server_that_shares_no_room_any_more_gets_nothing()
    {
        await _alice.UploadsKeysAsync(0);
        await UpdateAsync(_alice.DeviceId, update => update["keys"] is not null);
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        await _peer.Peer.JoinsAsync(_server, roomId, "bob");
        var hold = new TaskCompletionSource();
        _peer.Respond = async _ =>
        {
            await hold.Task;
            return null;
        };
        var before = _peer.All.Count;
        await _alice.SaysAsync(roomId, "hello");
        await Until.HoldsAsync(() => _peer.All.Count > before);
        (await _alice.PutAsync($"devices/{_alice.DeviceId}", new JsonObject { ["display_name"] = "secret" })).Is(200);
        var storage = _server.Services.GetRequiredService<OpenedStorage>();
        await Until.HoldsAsync(async () => (await storage.DeviceUpdates.PendingServersAsync("", 9, default)).Count > 0);
        foreach (var joined in (await _alice.GetAsync("joined_rooms")).Is(200).Json["joined_rooms"]!.AsArray())
        {
            var kick = new JsonObject { ["user_id"] = $"@bob:{_peer.Peer.Name}" };
            (await _alice.PostAsync($"rooms/{Uri.EscapeDataString((string)joined!)}/kick", kick)).Is(200);
        }

        hold.SetResult();
        await _peer.HasTakenAsync(3);
        await Until.HoldsAsync(
            async () => (await storage.DeviceUpdates.PendingServersAsync("", 9, default)).Count == 0);

        Assert.That(_peer.All.Select(each => each.Body.ToJsonString()), Has.None.Contains("secret"));
    }

    [Test]
    public async Task An_update_that_was_put_aside_is_not_sent_to_a_server_that_left()
    {
        await _alice.UploadsKeysAsync(0);
        await UpdateAsync(_alice.DeviceId, update => update["keys"] is not null);
        _peer.Respond = transaction => Task.FromResult(
            transaction.EventIds.Count > 0
                ? null
                : Results.Text("""{"errcode":"M_UNKNOWN","error":"no"}""", "application/json", null, 400));
        (await _alice.PutAsync($"devices/{_alice.DeviceId}", new JsonObject { ["display_name"] = "secret" })).Is(200);
        await Until.HoldsAsync(() => _peer.All.Any(each => each.Body.ToJsonString().Contains("secret")));

        var kick = new JsonObject { ["user_id"] = $"@bob:{_peer.Peer.Name}" };
        foreach (var joined in (await _alice.GetAsync("joined_rooms")).Is(200).Json["joined_rooms"]!.AsArray())
        {
            (await _alice.PostAsync($"rooms/{Uri.EscapeDataString((string)joined!)}/kick", kick)).Is(200);
        }

        var storage = _server.Services.GetRequiredService<OpenedStorage>();
        await Until.HoldsAsync(
            async () => (await storage.DeviceUpdates.PendingServersAsync("", 9, default)).Count == 0);
        Assert.That(_server.Log, Does.Not.Contain("refuses an EDU"), "it was not tried again");
    }

    [Test]
    public async Task Servers_that_share_no_room_get_nothing()
    {
        var carol = await _server.RegistersAsync("carol");
        await carol.UploadsKeysAsync(0);
        await _alice.UploadsKeysAsync(0);

        await UpdateAsync(_alice.DeviceId, update => update["keys"] is not null);
        Assert.That(Updates.Select(update => (string?)update["user_id"]), Is.All.EqualTo(_alice.UserId));
    }

    [Test]
    public async Task After_an_import_a_servers_next_update_names_the_last_one_that_it_was_sent_before()
    {
        await ImportedAsync(
            new DeviceUpdateImported(_alice.UserId, "OLD", 300), // Only another server lacks it.
            new DeviceListSentBefore(_peer.Peer.Name, _alice.UserId, new SentBefore(105, 300)));

        var laptop = await _alice.LogsInAsync(deviceName: "laptop");
        var added = await UpdateAsync(laptop.DeviceId, _ => true);
        (await laptop.PutAsync($"devices/{laptop.DeviceId}", new JsonObject { ["display_name"] = "desk" })).Is(200);
        var renamed = await UpdateAsync(laptop.DeviceId, update => (string?)update["device_display_name"] == "desk");

        Assert.That(PreviousOf(added), Is.EqualTo(new[] { 105 }));
        Assert.That((long)added["stream_id"]!, Is.GreaterThan(300));
        Assert.That(PreviousOf(renamed), Is.EqualTo(new[] { (long)added["stream_id"]! }));
    }

    [Test]
    public async Task What_was_not_sent_before_an_import_is_sent_after_it_in_the_chain_of_its_server()
    {
        await ImportedAsync(
            new DeviceUpdateImported(_alice.UserId, _alice.DeviceId, 300),
            new DeviceUpdateImported(_alice.UserId, "DELETED", 310),
            new DeviceListSentBefore(_peer.Peer.Name, _alice.UserId, new SentBefore(105, 107)),
            new DeviceUpdatesEnqueued(_peer.Peer.Name, _alice.UserId, 107));

        var owed = await UpdateAsync(_alice.DeviceId, update => (long)update["stream_id"]! == 300);
        var deleted = await UpdateAsync("DELETED", _ => true);
        var laptop = await _alice.LogsInAsync();
        var added = await UpdateAsync(laptop.DeviceId, _ => true);

        Assert.That(PreviousOf(owed), Is.EqualTo(new[] { 105 }));
        Assert.That((PreviousOf(deleted).Single(), (bool?)deleted["deleted"]), Is.EqualTo((300, true)));
        Assert.That(PreviousOf(added), Is.EqualTo(new[] { 310 }));
    }

    [Test]
    public async Task After_an_import_a_server_that_was_sent_nothing_before_gets_an_update_that_follows_none()
    {
        await ImportedAsync();

        var laptop = await _alice.LogsInAsync();

        Assert.That(PreviousOf(await UpdateAsync(laptop.DeviceId, _ => true)), Is.Empty);
    }

    /// <summary>The user's changes so far are those of an import.</summary>
    private async Task ImportedAsync(params Change[] changes)
    {
        await _alice.UploadsKeysAsync(0);
        await UpdateAsync(_alice.DeviceId, update => update["keys"] is not null);
        var storage = _server.Services.GetRequiredService<OpenedStorage>();
        await Until.HoldsAsync(
            async () => (await storage.DeviceUpdates.PendingServersAsync("", 9, default)).Count == 0);
        var batch = new WriteBatch(Authority.Duty("device-lists")).Add(new DeviceUpdatesTrimmed(_alice.UserId, 0));
        foreach (var change in changes)
        {
            batch.Add(change is DeviceUpdateImported imported ? new DatedChange(change, imported.StreamId) : change);
        }

        await storage.Writer.WriteAsync(batch, default);
    }

    private static IEnumerable<long> PreviousOf(JsonObject update) =>
        update["prev_id"]!.AsArray().Select(static id => (long)id!);

    private IReadOnlyList<JsonObject> Edus => [.. _peer.Taken.SelectMany(EdusOf)];

    /// <summary>The contents of the updates of devices, in order.</summary>
    private IReadOnlyList<JsonObject> Updates =>
    [
        .. Edus.Where(edu => (string?)edu["edu_type"] == "m.device_list_update")
            .Select(edu => edu.MatchesItsSchema()["content"]!.AsObject()),
    ];

    private static IEnumerable<JsonObject> EdusOf(ReceivedTransaction transaction) =>
        transaction.Body["edus"]?.AsArray().Select(edu => edu!.AsObject()) ?? [];

    private static IEnumerable<JsonObject> UpdatesOf(ReceivedTransaction transaction) =>
        EdusOf(transaction).Where(edu => (string?)edu["edu_type"] == "m.device_list_update");

    private async Task<JsonObject> UpdateAsync(string deviceId, Func<JsonObject, bool> holds)
    {
        bool IsWanted(JsonObject update) => (string?)update["device_id"] == deviceId && holds(update);
        await Until.HoldsAsync(() => Updates.Any(IsWanted));
        return Updates.Last(IsWanted);
    }
}
