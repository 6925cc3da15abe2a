using Matrix.Core.Sync;
using Matrix.Import.Rooms;
using Matrix.Import.Runs;
using Matrix.Import.Tests.Runs;

namespace Matrix.Import.Tests.Rooms;

/// <summary>Events that several processes of Synapse's wrote.</summary>
internal sealed class WritersTests(string sourceKind, string targetKind)
    : ImportedServerTests(sourceKind, targetKind)
{
    protected override IReadOnlyList<string> Tables =>
        [.. SynapseTables.OfRooms, "CREATE TABLE instance_map (instance_id BIGINT, instance_name TEXT NOT NULL)"];

    protected override IReadOnlyList<IImportPart> Parts => [new RoomsPart(), new WritersPart()];

    [Test]
    public async Task A_token_counts_the_events_of_each_process_by_itself()
    {
        var (fast, slow) = await RoomsAsync();
        await WrittenByAsync(fast, "worker1", 1);
        await WrittenByAsync(slow, "worker2", 2);
        var last = fast.Events.Concat(slow.Events).Max(static each => each.Position);

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        var nids = new[]
        {
            (await target.Rooms.FindAsync(fast.RoomId, Stop))!.Nid,
            (await target.Rooms.FindAsync(slow.RoomId, Stop))!.Nid,
        };
        Assert.That(ImportedToken.TryParse($"m50~1.{last}_0_0_0_0_0_0_0_0_0", out var token), Is.True);
        var reached = await target.ImportedWriters.ReachedAsync(nids, token.Events, Stop);
        Assert.That(reached.Keys, Is.EqualTo(new[] { nids[0] }), "The other process had got to 50 only.");
        Assert.That(reached[nids[0]], Is.EqualTo(last));
    }

    [Test]
    public async Task Nothing_is_stored_if_one_process_wrote_everything()
    {
        var (fast, slow) = await RoomsAsync();
        await WrittenByAsync(fast, "master", 1);
        await WrittenByAsync(slow, "master", 1);

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        var progress = await target.Imports.ProgressAsync(Stop);
        Assert.That(progress.Single(static row => row.Part == "writers").Counts, Is.EqualTo("{}"));
    }

    private async Task<(SynapseRoom Fast, SynapseRoom Slow)> RoomsAsync()
    {
        var (fast, slow) = (SynapseRoom.Of(Id("alice")), SynapseRoom.Of(Id("alice")));
        fast.Says(Id("alice"), "hello");
        await fast.SaveAsync(Source);
        await slow.SaveAsync(Source);
        return (fast, slow);
    }

    private async Task WrittenByAsync(SynapseRoom room, string process, int id)
    {
        await Source.ExecuteAsync(
            $"UPDATE events SET instance_name = '{process}' WHERE room_id = '{room.RoomId}'");
        await Source.ExecuteAsync($"INSERT INTO instance_map (instance_id, instance_name) VALUES ({id}, '{process}')");
    }
}
