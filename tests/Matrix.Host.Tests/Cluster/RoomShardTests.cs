using System.Text.Json.Nodes;
using Matrix.Core.Facade;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Rooms;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Host.Tests.Cluster;

/// <summary>What goes on in rooms whose shard this node gives away and takes again.</summary>
internal sealed class RoomShardTests
{
    private static readonly RoomIdentity _kitchen =
        new(new RoomNid(1), "!kitchen:one.test", RoomRules.Find(RoomRules.Recommended)!);

    private static readonly Authority _its = Authority.Room(_kitchen.RoomId);

    [Test]
    public async Task The_shard_of_a_room_closes_after_its_upgrade_which_goes_on_with_the_new_room_later()
    {
        var shards = new MovableShards();
        await using var server = await shards.StartAsync();
        var alice = await server.RegistersAsync("alice");
        var old = await alice.CreatesRoomAsync(version: "11");
        using var isCreating = new SemaphoreSlim(0);
        using var goesOn = new ManualResetEventSlim();
        var created = new List<string>();
        server.Writes = batch =>
        {
            if (batch.Changes.OfType<RoomCreated>().FirstOrDefault() is not { } room) return;
            created.Add(room.Room.RoomId);
            isCreating.Release();
            goesOn.Wait(TimeSpan.FromSeconds(20));
        };
        var upgrading = UpgradesAsync();
        Assert.That(await isCreating.WaitAsync(TimeSpan.FromSeconds(20)), Is.True);

        var closing = shards.CloseAsync(Authority.Room(old));
        await Task.Delay(50);
        Assert.That(closing.IsCompleted, Is.False);
        goesOn.Set();
        await closing;
        (await upgrading).Is(503, "M_UNKNOWN");

        shards.Open(Authority.Room(old));
        var next = (await UpgradesAsync()).Is(200).Member("replacement_room");
        Assert.That(created, Is.EqualTo(new[] { next }), "one room was made");

        Task<Reply> UpgradesAsync() => alice.PostAsync(
            $"rooms/{Uri.EscapeDataString(old)}/upgrade", new JsonObject { ["new_version"] = "12" });
    }

    [Test]
    public async Task A_task_of_a_room_ends_when_its_shard_closes_and_does_not_begin_elsewhere()
    {
        var shards = new MovableShards();
        using var tasks = new RepeatedTasks(
            shards.Gates, TimeProvider.System, NullLogger<RepeatedTasks>.Instance);
        var (begun, closed) = (0, 0);
        Run();
        await Until.HoldsAsync(() => Volatile.Read(ref begun) == 1);

        await shards.CloseAsync(_its);
        Assert.That(closed, Is.EqualTo(1), "before the shard is closed");
        Run();
        await Until.HoldsAsync(() => Volatile.Read(ref closed) == 2);
        Assert.That(begun, Is.EqualTo(1));
        shards.Open(_its);
        Run();
        await Until.HoldsAsync(() => Volatile.Read(ref begun) == 2);

        void Run() => tasks.Run(
            _kitchen,
            async stop =>
            {
                Interlocked.Increment(ref begun);
                await Task.Delay(Timeout.Infinite, stop);
                return true;
            },
            () => Interlocked.Increment(ref closed));
    }
}
