using System.Text.Json.Nodes;
using Matrix.Core.Facade;
using Matrix.Federation.Tests.Support;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Edus;

/// <summary>Typing, receipts and messages to devices between two server processes.</summary>
public sealed class TwoServersEduTests
{
    [Test]
    public async Task Users_of_two_servers_see_each_other()
    {
        await using var first = await ServerProcess.StartAsync();
        await using var second = await ServerProcess.StartAsync();
        await TalkAsync(first, second);
    }

    [Test]
    [Category("PostgreSQL")]
    public async Task Users_of_two_servers_see_each_other_on_PostgreSQL_and_SQLite()
    {
        using var postgres = new PostgresProcess(inMemory: true);
        await using var first = await ServerProcess.StartAsync(postgres.NewDatabase("first"));
        await using var second = await ServerProcess.StartAsync();
        await TalkAsync(first, second);
    }

    [Test]
    public async Task Messages_sent_while_a_server_is_killed_arrive_once_and_in_order()
    {
        await using var first = await ServerProcess.StartAsync(settings:
            ("MATRIX_FEDERATION__OUTBOUND_LONGEST_PAUSE", "500ms"));
        await using var second = await ServerProcess.StartAsync();
        var alice = await LocalUser.RegisterAsync(first, "alice");
        var bob = await LocalUser.RegisterAsync(second, "bob");
        for (var n = 0; n < 60; n++)
        {
            if (n == 15) await second.Process.KillAsync();
            if (n == 30) await second.Process.StartAsync();
            if (n == 45)
            {
                await first.Process.KillAsync();
                await first.Process.StartAsync();
            }

            (await alice.SendToDeviceAsync(bob.UserId, bob.DeviceId, new() { ["n"] = n })).Is(200);
        }

        await EventuallyAsync(
            async () => (await bob.InboxAsync()).Select(content => (int)content["n"]!),
            Is.EqualTo(Enumerable.Range(0, 60)));
    }

    private static async Task TalkAsync(ServerProcess first, ServerProcess second)
    {
        var alice = await LocalUser.RegisterAsync(first, "alice");
        var bob = await LocalUser.RegisterAsync(second, "bob");
        var roomId = await alice.CreateRoomAsync(RoomRules.Recommended);
        var join = $"join/{Uri.EscapeDataString(roomId)}?via={Uri.EscapeDataString(first.Name)}";
        (await bob.PostAsync(join, [])).Is(200);
        var said = await alice.SayAsync(roomId, "hello");
        await EventuallyAsync(
            async () => (await bob.TimelineAsync(roomId)).Select(each => (string?)each["event_id"]),
            Does.Contain(said));

        await alice.TypeAsync(roomId, TimeSpan.FromSeconds(30));
        await bob.TypeAsync(roomId, TimeSpan.FromSeconds(30));
        foreach (var user in new[] { alice, bob })
        {
            await EventuallyAsync(
                () => user.TypingAsync(roomId), Is.EquivalentTo(new[] { alice.UserId, bob.UserId }));
        }

        await alice.TypeAsync(roomId, null);
        await EventuallyAsync(() => bob.TypingAsync(roomId), Is.EqualTo(new[] { bob.UserId }));

        var answer = await AnswerAsync(bob, roomId, said);
        await EventuallyAsync(
            async () => (await alice.TimelineAsync(roomId)).Select(each => (string?)each["event_id"]),
            Does.Contain(answer));
        await alice.ReadAsync(roomId, answer, thread: said);
        await bob.ReadAsync(roomId, said, "m.read.private");
        await bob.ReadAsync(roomId, said, thread: "main");
        foreach (var user in new[] { alice, bob })
        {
            await EventuallyAsync(() => user.ReceiptsAsync(roomId), Is.EquivalentTo(new (string, string, string?)[]
            {
                (answer, alice.UserId, said),
                (said, bob.UserId, "main"),
            }));
        }

        var later = await alice.SyncAsync();
        Assert.That(later.ToJsonString(), Does.Not.Contain("m.read.private"));

        (await alice.SendToDeviceAsync(bob.UserId, bob.DeviceId, new() { ["text"] = "to a device" })).Is(200);
        (await alice.SendToDeviceAsync(bob.UserId, "*", new() { ["text"] = "to all" })).Is(200);
        (await bob.SendToDeviceAsync(alice.UserId, alice.DeviceId, new() { ["text"] = "back" })).Is(200);
        await EventuallyAsync(() => TextsAsync(bob), Is.EqualTo(new[] { "to a device", "to all" }));
        await EventuallyAsync(() => TextsAsync(alice), Is.EqualTo(new[] { "back" }));
    }

    private static async Task<IEnumerable<string>> TextsAsync(LocalUser user) =>
        (await user.InboxAsync()).Select(content => (string)content["text"]!);

    private static async Task<string> AnswerAsync(LocalUser user, string roomId, string root)
    {
        var reply = await user.PutAsync(
            $"rooms/{Uri.EscapeDataString(roomId)}/send/m.room.message/answer",
            new JsonObject
            {
                ["msgtype"] = "m.text",
                ["body"] = "in a thread",
                ["m.relates_to"] = new JsonObject { ["rel_type"] = "m.thread", ["event_id"] = root },
            });
        return (string)reply.Is(200).Json["event_id"]!;
    }

    private static async Task EventuallyAsync<T>(Func<Task<T>> read, NUnit.Framework.Constraints.IResolveConstraint to)
    {
        var constraint = to.Resolve();
        var until = DateTime.UtcNow.AddSeconds(20);
        T last;
        do
        {
            last = await read();
            if (constraint.ApplyTo(last).IsSuccess) return;
            await Task.Delay(50);
        }
        while (DateTime.UtcNow < until);
        Assert.That(last, constraint);
    }
}
