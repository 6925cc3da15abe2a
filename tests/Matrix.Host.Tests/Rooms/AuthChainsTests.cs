using System.Reflection;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Servers;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AuthChains;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Tests.Rooms;

/// <summary>Auth chains are read in a number of queries that does not grow with their depth.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
public sealed class AuthChainsTests(string kind)
{
    private const int Depth = 1000;

    [Test]
    public async Task A_chain_of_a_thousand_levels_costs_a_few_round_trips()
    {
        await using var world = await RoomsWorld.StartsAsync(kind);
        var roomId = await world.CreatesRoomAsync("alice");
        for (var n = 0; n < Depth; n += 50)
        {
            await Task.WhenAll(Enumerable.Range(n, 50).Select(at => world.SetsAsync(
                "alice", roomId, "m.room.power_levels", "", ("users_default", Json.Of(0)), ("n", Json.Of(at)))
                .AsTask()));
        }

        var room = (await world.Rooms.Rooms.FindAsync(roomId, default))!;
        var rows = await world.Storage.Events.StateEventsAsync(
            room.Room.Nid, EventNid.FirstOf(room.Room.Nid), 10_000, default);
        var nids = rows.ToDictionary(row => row.EventId, row => row.Nid);
        var pdus = rows.Select(row => new StoredEvent(room.Room, row).Pdu).ToDictionary(pdu => pdu.EventId);
        var index = Batches.New(rows.Count + 1).Add(new RoomFederated(room.Room.Nid));
        foreach (var pdu in pdus.Values)
        {
            index.Add(new AuthEventsIndexed(nids[pdu.EventId], [.. pdu.AuthEvents.Select(id => nids[id])], 0));
        }

        await world.Storage.Writer.WriteAsync(index, default);
        var last = pdus.Values.MaxBy(pdu => pdu.Depth)!;
        var expected = new HashSet<string>();
        var next = new Queue<string>(last.AuthEvents);
        while (next.TryDequeue(out var id))
        {
            if (!expected.Add(id)) continue;
            foreach (var auth in pdus[id].AuthEvents) next.Enqueue(auth);
        }

        Assert.That(expected, Has.Count.GreaterThan(Depth - 10));
        var (table, eventCalls) = Counting<IEventsTable>.Of(world.Storage.Events);
        var (chains, chainCalls) = Counting<IAuthChainsTable>.Of(world.Storage.AuthChains);

        var chain = await new AuthChains(new EventStore(table, 1 << 20), table, chains)
            .OfAsync(room.Room, [last], default);

        Assert.That(chain.Select(pdu => pdu.EventId), Is.EquivalentTo(expected));
        Assert.That(eventCalls() + chainCalls(), Is.LessThanOrEqualTo(8));
    }

    /// <summary>A table whose calls are counted.</summary>
    public class Counting<T> : DispatchProxy
        where T : class
    {
        private T _table = null!;
        private int _calls;

        internal static (T Table, Func<int> Calls) Of(T table)
        {
            var proxy = Create<T, Counting<T>>();
            var self = (Counting<T>)(object)proxy;
            self._table = table;
            return (proxy, () => self._calls);
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            _calls++;
            return targetMethod!.Invoke(_table, args);
        }
    }
}
