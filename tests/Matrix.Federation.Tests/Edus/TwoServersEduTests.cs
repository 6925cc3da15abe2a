using System.Text.Json.Nodes;
using Matrix.Core.Facade;
using Matrix.Federation.Tests.Support;

namespace Matrix.Federation.Tests.Edus;

/// <summary>Typing, receipts and messages to devices between two servers.</summary>
public sealed class TwoServersEduTests
{
    [Test]
    public async Task Users_of_two_servers_see_each_other()
    {
        await using var first = await TestServer.StartFederatingAsync();
        await using var second = await TestServer.StartFederatingAsync();
        await TalkAsync(first, second);
    }

    [Test]
    [Category("PostgreSQL")]
    public async Task Users_of_two_servers_see_each_other_on_PostgreSQL_and_SQLite()
    {
        await using var firstDatabase = await TestDatabase.CreateAsync(TestDatabase.Postgres);
        await using var first = await TestServer.StartFederatingAsync(firstDatabase.Url);
        await using var second = await TestServer.StartFederatingAsync();
        await TalkAsync(first, second);
    }

    [Test]
    [Category("PostgreSQL")]
    public async Task Users_of_a_server_of_three_nodes_and_of_another_server_see_each_other()
    {
        await using var first = await TestServer.StartFederatingNodesAsync(3);
        await using var second = await TestServer.StartFederatingAsync();
        await TalkAsync(first, second);
        await TalkAsync(second, first, "carol", "dave");
    }

    [Test]
    public async Task Messages_sent_while_a_server_is_killed_arrive_once_and_in_order()
    {
        await using var first = await ServerProcess.StartAsync(settings:
            ("federation.outbound_longest_pause", "500ms"));
        await using var second = await ServerProcess.StartAsync();
        var alice = await first.RegistersAsync("alice");
        var bob = await second.RegistersAsync("bob");
        for (var n = 0; n < 60; n++)
        {
            if (n == 15) await second.Process.KillAsync();
            if (n == 30) await second.Process.StartAsync();
            if (n == 45)
            {
                await first.Process.KillAsync();
                await first.Process.StartAsync();
            }

            (await alice.SendsToDeviceAsync(bob.UserId, bob.DeviceId, new() { ["n"] = n })).Is(200);
        }

        await EventuallyAsync(
            async () => (await bob.InboxAsync()).Select(content => (int)content["n"]!),
            Is.EqualTo(Enumerable.Range(0, 60)));
    }

    private static async Task TalkAsync(
        TestServer first, TestServer second, string aliceName = "alice", string bobName = "bob")
    {
        var alice = await first.RegistersAsync(aliceName);
        var bob = await second.RegistersAsync(bobName);
        var roomId = await alice.CreatesRoomAsync(version: RoomRules.Recommended);
        await bob.JoinsAsync(roomId, first.Name);
        var said = await alice.SaysAsync(roomId, "hello");
        await EventuallyAsync(
            async () => (await bob.TimelineAsync(roomId)).Select(each => (string?)each["event_id"]),
            Does.Contain(said));

        await alice.TypesAsync(roomId, timeout: 30_000);
        await bob.TypesAsync(roomId, timeout: 30_000);
        foreach (var user in new[] { alice, bob })
        {
            await EventuallyAsync(
                () => user.TypingAsync(roomId), Is.EquivalentTo(new[] { alice.UserId, bob.UserId }));
        }

        await alice.TypesAsync(roomId, typing: false);
        await EventuallyAsync(() => bob.TypingAsync(roomId), Is.EqualTo(new[] { bob.UserId }));

        var answer = await AnswerAsync(bob, roomId, said);
        await EventuallyAsync(
            async () => (await alice.TimelineAsync(roomId)).Select(each => (string?)each["event_id"]),
            Does.Contain(answer));
        await alice.ReadsAsync(roomId, answer, thread: said);
        await bob.ReadsAsync(roomId, said, type: "m.read.private");
        await bob.ReadsAsync(roomId, said, thread: "main");
        foreach (var user in new[] { alice, bob })
        {
            await EventuallyAsync(() => user.ReceiptsAsync(roomId), Is.EquivalentTo(new (string, string, string?)[]
            {
                (answer, alice.UserId, said),
                (said, bob.UserId, "main"),
            }));
        }

        var later = await alice.SyncsAsync();
        Assert.That(later.ToString(), Does.Not.Contain("m.read.private"));

        (await alice.SendsToDeviceAsync(bob.UserId, bob.DeviceId, new() { ["text"] = "to a device" })).Is(200);
        (await alice.SendsToDeviceAsync(bob.UserId, "*", new() { ["text"] = "to all" })).Is(200);
        (await bob.SendsToDeviceAsync(alice.UserId, alice.DeviceId, new() { ["text"] = "back" })).Is(200);
        await EventuallyAsync(() => TextsAsync(bob), Is.EqualTo(new[] { "to a device", "to all" }));
        await EventuallyAsync(() => TextsAsync(alice), Is.EqualTo(new[] { "back" }));
    }

    private static async Task<IEnumerable<string>> TextsAsync(TestUser user) =>
        (await user.InboxAsync()).Select(content => (string)content["text"]!);

    private static async Task<string> AnswerAsync(TestUser user, string roomId, string root)
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
