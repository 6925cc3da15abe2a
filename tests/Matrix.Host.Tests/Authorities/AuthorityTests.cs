using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.DelayedEvents;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Media;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.Search;
using Matrix.Host.Storage.Tables.SlidingConnections;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Tests.Support;
using static Matrix.TestWorld.UserActions;

namespace Matrix.Host.Tests.Authorities;

/// <summary>
/// The batches of a few requests name what decides them in memory. That all batches do is checked wherever a test stops
/// its server.
/// </summary>
internal sealed class AuthorityTests : TwoUsersTests
{
    private Authority OfAlice => Authority.User(Alice.UserId);

    [Test]
    public async Task What_happens_in_a_room_is_decided_by_the_room()
    {
        var room = await Alice.CreatesRoomAsync();
        await Bob.JoinsAsync(room);
        var said = "";

        Assert.That(
            await OfAsync<EventsAppended>(async () => said = await Alice.SaysAsync(room, "hello")),
            Is.EqualTo(new[] { Authority.Room(room) }));
        Assert.That(
            await OfAsync<StateChanged>(() => Alice.KicksAsync(room, Bob)),
            Is.EqualTo(new[] { Authority.Room(room) }));
        Assert.That(
            await OfAsync<EventRedacted>(() => Alice.PutAsync(
                $"rooms/{Esc(room)}/redact/{Esc(said)}/r1", new JsonObject())),
            Is.EqualTo(new[] { Authority.Room(room) }));
        Assert.That(
            await OfAsync<DelayedEventAdded>(() => Alice.PutAsync(
                $"rooms/{Esc(room)}/send/m.room.message/d1?org.matrix.msc4140.delay=3600000",
                new JsonObject { ["msgtype"] = "m.text", ["body"] = "later" })),
            Is.EqualTo(new[] { Authority.Room(room) }));
    }

    [Test]
    public async Task A_new_room_is_decided_by_itself_with_its_alias()
    {
        string? room = null;
        var names = await OfAsync<RoomCreated>(async () => room = await Alice.CreatesRoomAsync(
            with: new JsonObject { ["room_alias_name"] = "kitchen" }));

        Assert.That(names, Is.EqualTo(new[] { Authority.Room(room!) }));
    }

    [Test]
    public async Task A_room_that_replaces_another_is_decided_by_both()
    {
        var old = await Alice.CreatesRoomAsync();
        string? room = null;
        var names = await OfAsync<RoomCreated>(async () =>
        {
            var upgraded = await Alice.PostAsync(
                $"rooms/{Esc(old)}/upgrade", new JsonObject { ["new_version"] = "12" });
            room = upgraded.Is(200).Member("replacement_room");
        });

        Assert.That(names, Is.EqualTo(new[] { Authority.Room(room!), Authority.Room(old) }));
    }

    [Test]
    public async Task What_the_lock_of_a_user_covers_is_decided_by_the_user()
    {
        var room = await Alice.CreatesRoomAsync();
        var me = Esc(Alice.UserId);

        Assert.That(
            await OfAsync<AccountDataPut>(() => Alice.PutAsync(
                $"user/{me}/rooms/{Esc(room)}/tags/u.work", new JsonObject())),
            Is.EqualTo(new[] { OfAlice }));
        Assert.That(
            await OfAsync<AccountDataPut>(() => Alice.SetsAccountDataAsync("org.example", new() { ["a"] = 1 })),
            Is.EqualTo(new[] { OfAlice }));
        Assert.That(
            await OfAsync<ProfileFieldChanged>(() => Alice.PutAsync(
                $"profile/{me}/displayname", new JsonObject { ["displayname"] = "Alice" })),
            Is.EqualTo(new[] { OfAlice }));
        Assert.That(
            await OfAsync<ToDeviceSent>(() => Alice.PutAsync(
                "sendToDevice/org.example/t1",
                new JsonObject
                {
                    ["messages"] = new JsonObject { [Bob.UserId] = new JsonObject { ["*"] = new JsonObject() } },
                })),
            Is.EqualTo(new[] { OfAlice }));
    }

    [Test]
    public async Task The_end_of_an_account_is_decided_by_the_user_whoever_ends_it()
    {
        Assert.That(
            await OfAsync<UserDeactivated>(() => Alice.PostAsync(
                "account/deactivate", new JsonObject { ["auth"] = Alice.PasswordAuth() })),
            Is.EqualTo(new[] { OfAlice }));
    }

    [Test]
    public async Task What_conditions_decide_is_decided_by_nobody()
    {
        var room = await Alice.CreatesRoomAsync();
        var said = await Alice.SaysAsync(room, "hello");

        Assert.That(await OfAsync<DeviceAdded>(() => Alice.LogsInAsync()), Is.Empty);
        Assert.That(await OfAsync<MediaCreated>(() => Alice.UploadsAsync("content")), Is.Empty);
        Assert.That(await OfAsync<ReceiptMoved>(() => Alice.ReadsAsync(room, said)), Is.Empty);
        Assert.That(
            await OfAsync<AliasCreated>(() => Alice.PutAsync(
                $"directory/room/{Esc("#garden:test.example")}", new JsonObject { ["room_id"] = room })),
            Is.Empty);
        Assert.That(
            await OfAsync<KeysClaimed>(() => Alice.PostAsync(
                "keys/claim",
                new JsonObject
                {
                    ["one_time_keys"] = new JsonObject
                    {
                        [Bob.UserId] = new JsonObject { [Bob.DeviceId] = "signed_curve25519" },
                    },
                })),
            Is.Empty);
    }

    [Test]
    public async Task A_new_account_is_decided_by_the_session_that_allows_it()
    {
        var stranger = Server.Anyone;
        var body = new JsonObject { ["username"] = "carol", ["password"] = "carols long password" };
        var session = (await stranger.PostAsync("register", body.DeepClone())).Is(401).Member("session");
        body["auth"] = new JsonObject { ["type"] = "m.login.dummy", ["session"] = session };

        Assert.That(
            await OfAsync<UserCreated>(() => stranger.PostAsync("register", body)),
            Is.EqualTo(new[] { Authority.Minted(session) }));
    }

    [Test]
    public async Task Sliding_connections_are_saved_together_and_name_nobody()
    {
        await SlidesAsync(Alice);
        await SlidesAsync(Bob);
        var names = await OfAsync<SlidingConnectionSaved>(() => Server.RestartAsync());

        Assert.That(names, Is.Empty);

        static async Task SlidesAsync(TestUser user) => (await user.PostAsync(
            "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync", new JsonObject())).Is(200);
    }

    [Test]
    public async Task The_index_of_words_is_a_duty()
    {
        var room = await Alice.CreatesRoomAsync();
        var names = await OfAsync<EventIndexed>(
            () => Alice.SaysAsync(room, "some words"), areAwaited: true);

        Assert.That(names, Is.EqualTo(new[] { Authority.Duty("search") }));
    }

    /// <summary>The authorities of the only batch with a change of a kind that an action writes.</summary>
    /// <param name="areAwaited">Whether it is written after the action.</param>
    private async Task<IReadOnlyList<Authority>> OfAsync<T>(Func<Task> act, bool areAwaited = false)
        where T : Change
    {
        var written = new ConcurrentQueue<WriteBatch>();
        Server.Writes = batch =>
        {
            if (batch.Changes.Concat(batch.Preconditions).Any(static change => change is T)) written.Enqueue(batch);
        };
        await act();
        if (areAwaited) await Until.HoldsAsync(() => !written.IsEmpty);
        Server.Writes = null;
        Assert.That(written, Has.Count.EqualTo(1));
        var one = written.Single();
        return one.Authority == Authority.Nobody ? [] : [one.Authority, .. one.OtherAuthorities];
    }
}
