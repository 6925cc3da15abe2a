using System.Text;
using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Rooms;

/// <summary>Display names that change during another request about the same user.</summary>
internal sealed class ProfileRaceTests : TwoUsersTests
{
    [Test]
    public async Task After_many_changes_at_once_every_room_shows_the_name_that_the_profile_has()
    {
        var rooms = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => CreatesAsync(Bob)));
        for (var round = 0; round < 4; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 10).Select(n => IsCalledAsync($"Bob {round}.{n}")));
            var name = await NameAsync();
            foreach (var room in rooms) Assert.That(await MemberAsync(room), Is.EqualTo(("join", name)));
        }
    }

    [Test]
    public async Task A_change_that_is_shown_slowly_does_not_undo_a_later_one()
    {
        var slow = new SlowProfiles();
        await using var world = await RoomsWorld.StartsAsync(
            replaces: (storage, parts) => parts.AddSingleton<IProfilesTable>(slow.Of(storage)));
        var room = await world.CreatesRoomAsync("bob");

        async Task<Task> IsCalledAsync(string name)
        {
            await world.Storage.Writer.WriteAsync(
                Batches.New(1).Add(new ProfileFieldChanged(
                    RoomsWorld.Id("bob"),
                    "displayname",
                    Encoding.UTF8.GetBytes($"\"{name}\""))),
                default);
            return world.Rooms.Accounts.ShowProfileAsync(RoomsWorld.Id("bob"), default).AsTask();
        }

        var holding = slow.HoldsNext();
        var first = await IsCalledAsync("Bob");
        await holding;
        var second = await IsCalledAsync("Robert");
        await Task.WhenAny(second, Task.Delay(300));
        slow.LetsGo();
        await Task.WhenAll(first, second);

        var names = (await world.TimelineAsync(room))
            .Where(each => each.Pdu.Type == "m.room.member").Select(each => each.Pdu.Content.Text("displayname"));
        Assert.That(names, Is.EqualTo(new[] { null, "Bob", "Robert" }));
    }

    [Test]
    public async Task A_room_that_was_joined_or_made_while_the_name_changed_shows_the_new_one()
    {
        for (var round = 0; round < 25; round++)
        {
            var theirs = await CreatesAsync(Alice);
            var joining = Bob.PostAsync($"rooms/{theirs}/join");
            var creating = CreatesAsync(Bob);
            await IsCalledAsync($"Bob {round}");
            (await joining).Is(200);

            foreach (var room in new[] { theirs, await creating })
            {
                Assert.That(await MemberAsync(room), Is.EqualTo(("join", $"Bob {round}")));
            }
        }
    }

    [Test]
    public async Task A_change_of_name_neither_takes_a_kick_back_nor_a_ban()
    {
        for (var round = 0; round < 20; round++)
        {
            var room = await CreatesAsync(Alice);
            (await Bob.PostAsync($"rooms/{room}/join")).Is(200);
            var verb = round % 2 == 0 ? "kick" : "ban";
            var removing = Alice.PostAsync($"rooms/{room}/{verb}", new JsonObject { ["user_id"] = Bob.UserId });
            await Task.WhenAll(removing, IsCalledAsync($"Bob {round}"), IsCalledAsync($"Robert {round}"));
            (await removing).Is(200);

            Assert.That((await MemberAsync(room)).Membership, Is.EqualTo(verb == "kick" ? "leave" : "ban"));
            Assert.That(
                (await Alice.GetAsync($"rooms/{room}/joined_members")).Is(200).Text,
                Does.Not.Contain(Bob.UserId));

            // Nor does a later one.
            await IsCalledAsync($"Bobby {round}");
            Assert.That((await MemberAsync(room)).Membership, Is.EqualTo(verb == "kick" ? "leave" : "ban"));
        }
    }

    private static async Task<string> CreatesAsync(TestUser user) =>
        (await user.PostAsync("createRoom", new JsonObject { ["preset"] = "public_chat" })).Is(200).Member("room_id");

    private async Task IsCalledAsync(string name) =>
        (await Bob.PutAsync($"profile/{Bob.UserId}/displayname", new JsonObject { ["displayname"] = name })).Is(200);

    private async Task<string> NameAsync() =>
        (await Bob.GetAsync($"profile/{Bob.UserId}/displayname")).Is(200).Member("displayname");

    private async Task<(string Membership, string? Name)> MemberAsync(string room)
    {
        var events = (await Alice.GetAsync($"rooms/{room}/state")) is { Status: 200 } seen
            ? seen
            : await Bob.GetAsync($"rooms/{room}/state");
        var content = JsonNode.Parse(events.Is(200).Text)!.AsArray()
            .Single(
                each => (string)each!["type"]! == "m.room.member"
                    && (string)each["state_key"]! == Bob.UserId)!["content"]!;
        return ((string)content["membership"]!, (string?)content["displayname"]);
    }

    /// <summary>Profiles where one read, if a test asks for it, returns late: the values of when it began.</summary>
    private sealed class SlowProfiles : IProfilesTable
    {
        private readonly TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private TaskCompletionSource? _asked;
        private OpenedStorage _storage = null!;

        public SlowProfiles Of(OpenedStorage storage)
        {
            _storage = storage;
            return this;
        }

        /// <summary>Holds the next read; the result completes when that read begins.</summary>
        public Task HoldsNext() => (_asked = new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

        public void LetsGo() => _gate.SetResult();

        public async ValueTask<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>> FindAsync(
            string userId, CancellationToken stop)
        {
            var answer = await _storage.Profiles.FindAsync(userId, stop);
            if (Interlocked.Exchange(ref _asked, null) is not { } asked) return answer;
            asked.SetResult();
            await _gate.Task;
            return answer;
        }

        public ValueTask<ReadOnlyMemory<byte>?> FieldAsync(string userId, string name, CancellationToken stop) =>
            _storage.Profiles.FieldAsync(userId, name, stop);
    }
}
