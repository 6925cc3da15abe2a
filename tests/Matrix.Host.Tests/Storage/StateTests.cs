using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.State;
using Matrix.Host.Storage.Writing;
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
        Assert.That(Text(chain.Steps[2].Changes), Is.EqualTo("change 4"));
    }

    [Test]
    public async Task A_state_is_rebuilt_from_its_checkpoint_and_the_steps_since()
    {
        await Write(Step(1, 0), Step(2, 1), new InsertCheckpoint(Kitchen, 2, 11, Json("two")), Step(3, 2, 2), Step(4, 3, 2));

        var chain = (await Store.State.ChainAsync(Kitchen, 4, Stop))!;
        var atCheckpoint = (await Store.State.ChainAsync(Kitchen, 2, Stop))!;
        var before = (await Store.State.ChainAsync(Kitchen, 1, Stop))!;

        Assert.That((chain.Checkpoint!.Step, chain.Checkpoint.Root, Text(chain.Checkpoint.Data)), Is.EqualTo((2, 11, "two")));
        Assert.That(chain.Steps.Select(step => step.Step), Is.EqualTo(new[] { 3, 4 }));
        Assert.That(atCheckpoint.Checkpoint!.Step, Is.EqualTo(2));
        Assert.That(atCheckpoint.Steps, Is.Empty);
        Assert.That(before.Checkpoint, Is.Null);
        Assert.That(before.Steps.Select(step => step.Step), Is.EqualTo(new[] { 1 }));
    }

    [Test]
    public async Task A_checkpoint_on_the_way_does_not_cut_short_a_chain_that_begins_before_it()
    {
        await Write(Step(1, 0), Step(2, 1), Step(3, 2), new InsertCheckpoint(Kitchen, 2, 5, Json("two")));

        var chain = (await Store.State.ChainAsync(Kitchen, 3, Stop))!;

        Assert.That(chain.Checkpoint, Is.Null);
        Assert.That(chain.Steps.Select(step => step.Step), Is.EqualTo(new[] { 1, 2, 3 }));
    }

    [Test]
    public async Task The_empty_state_needs_nothing_and_an_unknown_one_is_told_apart()
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
        Assert.That(Fails(async () => await Store.State.ChainAsync(Kitchen, 400, Stop)).Message, Does.Contain("checkpoint"));
    }

    [Test]
    public async Task Nodes_are_read_by_number_and_in_pages_and_can_be_dropped()
    {
        await Write(
            new InsertNodes(Kitchen, [.. Enumerable.Range(1, 5).Select(node => new NodeRow(node, Json($"node {node}")))]),
            new InsertNodes(Garden, [new NodeRow(1, Json("other"))]));

        var some = await Store.State.NodesAsync(Kitchen, [5, 2, 77], Stop);
        var page = await Store.State.NodesFromAsync(Kitchen, 3, 2, Stop);
        await Write(new DeleteNodes(Kitchen, [1, 2, 3]));
        var left = await Store.State.NodesFromAsync(Kitchen, 1, 9, Stop);

        Assert.That(some.Select(node => (node.Node, Text(node.Data))), Is.EquivalentTo(new[] { (2, "node 2"), (5, "node 5") }));
        Assert.That(page.Select(node => node.Node), Is.EqualTo(new[] { 3, 4 }));
        Assert.That(left.Select(node => node.Node), Is.EqualTo(new[] { 4, 5 }));
    }

    [Test]
    public async Task A_rooms_last_checkpoint_is_known_and_checkpoints_can_be_dropped()
    {
        await Write(
            Step(1, 0),
            Step(2, 1),
            new InsertCheckpoint(Kitchen, 1, 3, Json("one")),
            new InsertCheckpoint(Kitchen, 2, 4, Json("two")),
            new InsertCheckpoint(Garden, 1, 1, Json("other")));

        var last = (await Store.State.LastCheckpointAsync(Kitchen, Stop))!;
        Assert.That((last.Step, last.Root, Text(last.Data)), Is.EqualTo((2, 4, "two")));

        await Write(new DeleteCheckpoint(Kitchen, 2));
        Assert.That((await Store.State.LastCheckpointAsync(Kitchen, Stop))!.Step, Is.EqualTo(1));
        await Write(new DeleteCheckpoint(Kitchen, 1));
        Assert.That(await Store.State.LastCheckpointAsync(Kitchen, Stop), Is.Null);
        Assert.That(await Store.State.LastCheckpointAsync(Garden, Stop), Is.Not.Null);
    }

    private static InsertStep Step(int step, int parent, int @base = 0) => new(Kitchen, step, parent, @base, Json($"change {step}"));
}
