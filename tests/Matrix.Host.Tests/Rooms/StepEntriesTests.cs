using System.Reflection;
using Matrix.Core.Json;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage.Tables.State;

namespace Matrix.Host.Tests.Rooms;

/// <summary>A few entries of many states of a room.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class StepEntriesTests(string kind)
{
    private RoomsWorld _world = null!;

    [SetUp]
    public async Task Starts() => _world = await RoomsWorld.StartsAsync(kind);

    [TearDown]
    public async Task Stops() => await _world.DisposeAsync();

    [Test]
    public async Task Entries_of_many_states_cost_one_state_and_the_changes_between_them()
    {
        var room = await _world.CreatesRoomAsync("alice");
        for (var i = 0; i < 60; i++)
        {
            var topic = ("topic", Json.Of($"{i}"));
            Assert.That((await _world.SetsAsync("alice", room, "m.room.topic", "", topic)).Failure, Is.Null);
        }

        var snapshot = (await _world.Rooms.Rooms.FindAsync(room, default))!;
        var nid = snapshot.Room.Nid;
        var table = ChainsCounted.Of(_world.Storage.State);
        var entries = new StepEntries(new StateSteps(table, 1 << 20), new StateStore(table, 1 << 20));
        int[] steps = [.. Enumerable.Range(1, 8).Select(n => snapshot.Step - (n * 7))];

        var found = await entries.AtAsync(nid, steps, [("m.room.topic", ""), ("m.room.create", "")], default);

        Assert.That(((ChainsCounted)(object)table).Chains, Is.EqualTo(1));
        foreach (var step in steps)
        {
            var state = await _world.Rooms.States.AtAsync(nid, step, default);
            Assert.That(
                found[step],
                Is.EqualTo(new[]
                {
                    state.Find("m.room.topic", "")?.Ordinal ?? 0,
                    state.Find("m.room.create", "")!.Ordinal,
                }));
        }

        Assert.That(found.Values.Select(each => each[0]), Is.Unique);

        var again = await entries.AtAsync(nid, steps, [("m.room.topic", ""), ("m.room.name", "")], default);
        Assert.That(steps.Select(step => again[step][0]), Is.EqualTo(steps.Select(step => found[step][0])));
        Assert.That(((ChainsCounted)(object)table).Steps, Is.EqualTo(1), "the changes stay in memory");
    }
}

/// <summary>A table of states that counts the states that are read.</summary>
public class ChainsCounted : DispatchProxy
{
    private IStateTable _table = null!;

    /// <summary>The number of states that were read.</summary>
    public int Chains { get; private set; }

    /// <summary>The number of queries for changes.</summary>
    public int Steps { get; private set; }

    /// <summary>This table, counted.</summary>
    public static IStateTable Of(IStateTable table)
    {
        var counted = Create<IStateTable, ChainsCounted>();
        ((ChainsCounted)(object)counted)._table = table;
        return counted;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        if (targetMethod!.Name == nameof(IStateTable.ChainAsync)) Chains++;
        if (targetMethod.Name == nameof(IStateTable.StepsAsync)) Steps++;
        return targetMethod.Invoke(_table, args);
    }
}
