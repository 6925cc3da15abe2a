using Matrix.Core.State;
using Matrix.Host.Storage.Tables.State;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

internal sealed class StateTests(string kind) : StorageTests(kind)
{
    [Test]
    public async Task A_state_is_rebuilt_from_its_steps_oldest_first()
    {
        await Write(Step(1, 0), Step(2, 1), Step(3, 2), Step(4, 2));

        var chain = (await Store.State.ChainAsync(Kitchen, 4, Stop))!;

        Assert.That(chain.Checkpoint, Is.Null);
        Assert.That(chain.Steps.Select(step => step.Step), Is.EqualTo(new[] { 1, 2, 4 }));
        Assert.That(chain.Steps[2].Changes.ToArray(), Is.EqualTo(Delta(4).ToBytes()));
    }

    [Test]
    public async Task A_state_is_rebuilt_from_its_checkpoint_and_the_steps_since()
    {
        var checkpoint = Checkpoint(2, null);
        await Write(Step(1, 0), Step(2, 1) with { Checkpoint = checkpoint }, Step(3, 2, 2), Step(4, 3, 2));

        var chain = (await Store.State.ChainAsync(Kitchen, 4, Stop))!;
        var atCheckpoint = (await Store.State.ChainAsync(Kitchen, 2, Stop))!;
        var before = (await Store.State.ChainAsync(Kitchen, 1, Stop))!;

        Assert.That((chain.Checkpoint!.Step, chain.Checkpoint.Root), Is.EqualTo((2, checkpoint.Header.RootNode)));
        Assert.That(chain.Checkpoint.Data.ToArray(), Is.EqualTo(checkpoint.Header.ToBytes()));
        Assert.That(chain.Steps.Select(step => step.Step), Is.EqualTo(new[] { 3, 4 }));
        Assert.That(atCheckpoint.Checkpoint!.Step, Is.EqualTo(2));
        Assert.That(atCheckpoint.Steps, Is.Empty);
        Assert.That(before.Checkpoint, Is.Null);
        Assert.That(before.Steps.Select(step => step.Step), Is.EqualTo(new[] { 1 }));
    }

    [Test]
    public async Task A_checkpoint_on_the_way_does_not_cut_short_a_chain_that_begins_before_it()
    {
        await Write(Step(1, 0), Step(2, 1) with { Checkpoint = Checkpoint(2, null) }, Step(3, 2));

        var chain = (await Store.State.ChainAsync(Kitchen, 3, Stop))!;

        Assert.That(chain.Checkpoint, Is.Null);
        Assert.That(chain.Steps.Select(step => step.Step), Is.EqualTo(new[] { 1, 2, 3 }));
    }

    [Test]
    public async Task The_empty_state_needs_nothing_and_an_unknown_state_is_null()
    {
        await Write(Step(1, 0));

        Assert.That((await Store.State.ChainAsync(Kitchen, 0, Stop))!.Steps, Is.Empty);
        Assert.That(await Store.State.ChainAsync(Kitchen, 2, Stop), Is.Null);
        Assert.That(await Store.State.ChainAsync(Garden, 1, Stop), Is.Null);
        Assert.That((await Store.State.StepAsync(Kitchen, 1, Stop))!.Parent, Is.Zero);
        Assert.That(await Store.State.StepAsync(Kitchen, 9, Stop), Is.Null);
    }

    [Test]
    public async Task A_chain_of_256_steps_is_one_question()
    {
        await Write([.. Enumerable.Range(1, 256).Select(step => Step(step, step - 1))]);

        Assert.That((await Store.State.ChainAsync(Kitchen, 256, Stop))!.Steps, Has.Count.EqualTo(256));
    }

    [Test]
    public async Task A_state_that_cannot_be_rebuilt_is_reported()
    {
        await Write([.. Enumerable.Range(1, 300).Select(step => Step(step, step - 1))]);
        await Write(Step(400, 399, 399));

        Assert.That(Fails(async () => await Store.State.ChainAsync(Kitchen, 300, Stop)).Message, Does.Contain("steps"));
        Assert.That(
            Fails(async () => await Store.State.ChainAsync(Kitchen, 400, Stop)).Message,
            Does.Contain("checkpoint"));
    }

    [Test]
    public async Task Nodes_are_read_by_number_and_in_pages_and_can_be_dropped()
    {
        CheckpointHeader? before = null;
        var packs = new List<(int Node, byte[] Data)>();
        for (var n = 1; n <= 5; n++)
        {
            var checkpoint = Checkpoint(n, before);
            before = checkpoint.Header;
            packs.Add((before.FirstNode, checkpoint.Pack.ToArray()));
            await Write(Step(n, n - 1) with { Checkpoint = checkpoint }, Step(n, n - 1) with { Room = Garden });
        }

        var some = await Store.State.NodesAsync(Kitchen, [packs[4].Node, packs[1].Node, 7777], Stop);
        var page = await Store.State.NodesFromAsync(Kitchen, packs[2].Node, 2, Stop);
        await Write(new CheckpointNodesDeleted(Kitchen, [packs[0].Node, packs[1].Node, packs[2].Node]));
        var left = await Store.State.NodesFromAsync(Kitchen, 1, 9, Stop);

        Assert.That(some.Select(node => node.Node), Is.EquivalentTo(new[] { packs[1].Node, packs[4].Node }));
        Assert.That(some.Select(node => node.Data.ToArray()), Is.EquivalentTo(new[] { packs[1].Data, packs[4].Data }));
        Assert.That(page.Select(node => node.Node), Is.EqualTo(new[] { packs[2].Node, packs[3].Node }));
        Assert.That(left.Select(node => node.Node), Is.EqualTo(new[] { packs[3].Node, packs[4].Node }));
    }

    [Test]
    public async Task A_rooms_last_checkpoint_is_known_and_checkpoints_can_be_dropped()
    {
        var first = Checkpoint(1, null);
        var second = Checkpoint(2, first.Header);
        await Write(
            Step(1, 0) with { Checkpoint = first },
            Step(2, 1) with { Checkpoint = second },
            Step(1, 0) with { Room = Garden, Checkpoint = first });

        var last = (await Store.State.LastCheckpointAsync(Kitchen, Stop))!;
        Assert.That((last.Step, last.Root), Is.EqualTo((2, second.Header.RootNode)));

        await Write(new CheckpointDeleted(Kitchen, 2));
        Assert.That((await Store.State.LastCheckpointAsync(Kitchen, Stop))!.Step, Is.EqualTo(1));
        await Write(new CheckpointDeleted(Kitchen, 1));
        Assert.That(await Store.State.LastCheckpointAsync(Kitchen, Stop), Is.Null);
        Assert.That(await Store.State.LastCheckpointAsync(Garden, Stop), Is.Not.Null);
    }

    private static StateNumbered Step(int step, int parent, int @base = 0) =>
        new(Kitchen, step, parent, @base, Delta(step));

    private static StateStep Delta(int step) => StateStep.Of([StateChange.Added(Entry(step))], false);

    private static StateEntry Entry(int n) =>
        StateEntry.Of("m.test", $"key {n}", EventId($"state {n}"), Live(Kitchen, (uint)n).Ordinal);

    /// <summary>A checkpoint with that many entries.</summary>
    private static StateCheckpoint Checkpoint(int entries, CheckpointHeader? before)
    {
        var tree = StateTree.Empty;
        for (var n = 1; n <= entries; n++) tree = tree.Set(Entry(n));
        return StateCheckpoint.Take(tree, before);
    }
}
