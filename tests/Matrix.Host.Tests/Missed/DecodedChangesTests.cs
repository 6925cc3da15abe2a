using System.Text.Json.Nodes;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.State;
using static Matrix.TestWorld.UserActions;

namespace Matrix.Host.Tests.Missed;

/// <summary>
/// What consumers of changes hold is right though they get every change as another node's do: written as bytes, and
/// read.
/// </summary>
[TestFixture(TestDatabase.Sqlite)]
internal sealed class DecodedChangesTests(string databaseKind) : FollowedChangesTests(databaseKind)
{
    [SetUp]
    public Task Decode()
    {
        Server.Decodes = true;
        return Server.RestartAsync();
    }

    protected override void Begin()
    {
        // All changes come so.
    }

    [Test]
    public async Task A_state_is_made_of_the_one_before_and_is_as_the_database_has_it()
    {
        var roomId = await SharedRoomAsync();
        var rooms = Part<RoomSnapshots>();
        await rooms.FindAsync(roomId, default);
        var random = new Random(1);
        for (var act = 0; act < 90; act++)
        {
            await ChangesAsync(roomId, random);
            await IsAsStoredAsync(rooms.Known(roomId));
        }
    }

    [Test]
    public async Task A_room_of_which_a_change_was_missed_is_read_again()
    {
        var roomId = await SharedRoomAsync();
        var rooms = Part<RoomSnapshots>();
        var random = new Random(2);
        for (var act = 0; act < 20; act++)
        {
            Server.Misses = act % 3 == 1 ? static consumer => consumer is RoomSnapshots : null;
            await ChangesAsync(roomId, random);
            Server.Misses = null;
            if (act % 2 == 0) await IsAsStoredAsync(await rooms.FindAsync(roomId, default));
        }
    }

    [Test]
    public async Task A_session_that_ended_is_refused_at_once()
    {
        var other = await Alice.LogsInAsync();
        (await other.GetAsync("account/whoami")).Is(200);
        (await other.PostAsync("logout")).Is(200);
        (await other.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");

        (await Bob.GetAsync("account/whoami")).Is(200);
        await Part<IStorageWriter>().WriteAsync(
            Batches.New(1).Add(new AccountLockChanged(Bob.UserId, true, SparesAdmins: false)), default);
        (await Bob.GetAsync("account/whoami")).Is(401, "M_USER_LOCKED");
    }

    [Test]
    public async Task Users_are_ignored_and_push_rules_hold_from_the_next_message_on()
    {
        var room = await SharedRoomAsync();
        await Alice.SaysAsync(room, "cake");
        var sync = await Bob.SyncsAsync();
        Assert.That(sync.Unread(room), Is.EqualTo((1, 0)));

        (await Bob.PutAsync("pushrules/global/content/cake", new JsonObject
        {
            ["pattern"] = "cake",
            ["actions"] = new JsonArray("notify", new JsonObject { ["set_tweak"] = "highlight" }),
        })).Is(200);
        await Alice.SaysAsync(room, "more cake");
        Assert.That((await Bob.SyncsAsync()).Unread(room), Is.EqualTo((2, 1)));

        (await Bob.PutAsync(
            $"user/{Esc(Bob.UserId)}/account_data/m.ignored_user_list",
            new JsonObject { ["ignored_users"] = new JsonObject { [Alice.UserId] = new JsonObject() } })).Is(200);
        var since = await Bob.SyncTokenAsync();
        await Alice.SaysAsync(room, "cake for nobody");
        var said = await Bob.SaysAsync(room, "hello?");
        Assert.That(
            (await Bob.SyncsAsync(since)).Timeline(room).Select(shown => (string?)shown["event_id"]),
            Is.EqualTo(new[] { said }));
    }

    [Test]
    public async Task Messages_to_devices_and_claims_of_keys_end_a_wait()
    {
        var since = await Bob.SyncTokenAsync();
        var waiting = Bob.GetAsync($"sync?since={since}&timeout=60000");
        await Task.Delay(100);
        (await Alice.PutAsync("sendToDevice/org.example.hello/1", new JsonObject
        {
            ["messages"] = new JsonObject
            {
                [Bob.UserId] = new JsonObject { [Bob.DeviceId] = new JsonObject { ["body"] = "hello" } },
            },
        })).Is(200);
        var sync = (await waiting.WaitAsync(TimeSpan.FromSeconds(30))).Is(200);
        Assert.That((string?)sync.Json["to_device"]!["events"]![0]!["content"]!["body"], Is.EqualTo("hello"));
    }

    private async Task ChangesAsync(string room, Random random)
    {
        switch (random.Next(5))
        {
            case 0:
                await Alice.SetsAsync(room, "m.room.name", new JsonObject { ["name"] = $"n{random.Next()}" });
                break;
            case 1:
                (await Bob.PostAsync($"rooms/{Esc(room)}/leave")).Is(200);
                await Bob.JoinsAsync(room);
                break;
            case 2:
                await Alice.SaysAsync(room, "hello");
                break;
            default:
                await Alice.SetsAsync(
                    room, "org.example.state", new JsonObject { ["v"] = random.Next() }, $"k{random.Next(20)}");
                break;
        }
    }

    /// <summary>The state of a room is the one that is stored under its number.</summary>
    private async Task IsAsStoredAsync(RoomSnapshot? snapshot)
    {
        var stored = await new StateStore(Part<IStateTable>(), 1 << 20).AtAsync(
            snapshot!.Room.Nid, snapshot.Step, default);

        Assert.That(snapshot.State.Root.ToArray(), Is.EqualTo(stored.Root.ToArray()));
        Assert.That(
            snapshot.State.Entries().Select(entry => entry.Ordinal),
            Is.EqualTo(stored.Entries().Select(entry => entry.Ordinal)));
    }
}
