using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Cluster;

/// <summary>Shards that move from node to node all the time, while people write and read.</summary>
internal sealed partial class AnomalyTests
{
    [Test]
    public async Task People_notice_nothing_of_shards_that_move()
    {
        const int rooms = 4;
        const int each = 40;
        var owner = await NewUserAsync();
        var chats = new List<(string Room, TestUser[] Members, TestUser Reader)>();
        for (var i = 0; i < rooms; i++)
        {
            var room = await owner.CreatesRoomAsync();
            chats.Add((room, [await JoiningAsync(room), await JoiningAsync(room)], await JoiningAsync(room)));
        }

        using var over = new CancellationTokenSource();
        var moves = MoveAsync([.. chats.Select(static chat => Authority.Room(chat.Room).Shard)], over.Token);
        await Task.WhenAll(chats.Select(async chat =>
        {
            var last = new TaskCompletionSource<HashSet<string>>(TaskCreationOptions.RunContinuationsAsynchronously);
            var reading = ReadsAllAsync(chat.Reader, chat.Room, await chat.Reader.SyncTokenAsync(), last.Task);
            var sent = await Task.WhenAll(chat.Members.Select(async member =>
            {
                var ids = new List<string>();
                for (var n = 0; n < each; n++) ids.Add(await member.SaysAsync(chat.Room, $"message {n}"));
                return ids;
            }));
            last.SetResult([.. sent.SelectMany(static ids => ids)]);
            var read = await reading;
            Assert.That(read, Is.Unique);
            Assert.That(read, Is.EquivalentTo(sent.SelectMany(static ids => ids)));
            foreach (var ids in sent) Assert.That(read.Where(ids.Contains), Is.EqualTo(ids));
        }));
        await over.CancelAsync();
        Assert.That(await moves, Is.GreaterThan(rooms));
    }

    /// <summary>Gives shards to nodes that should not have them, which give them back.</summary>
    /// <returns>How many were given.</returns>
    private async Task<int> MoveAsync(IReadOnlyCollection<int> shards, CancellationToken stop)
    {
        var given = 0;
        NodeShards[] nodes = [.. _cluster.Nodes.Select(static node => node.Services.GetRequiredService<NodeShards>())];
        while (!stop.IsCancellationRequested)
        {
            for (var i = 0; i < nodes.Length; i++)
            {
                var (from, to) = (nodes[i], nodes[(i + 1) % nodes.Length]);
                given += await from.GiveAsync(shards, to.Self, CancellationToken.None);
            }

            await Task.Delay(20, CancellationToken.None);
        }

        return given;
    }
}
