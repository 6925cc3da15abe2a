using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Room;
using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Inspecting;

/// <summary>Reads rooms for operators, from a database that a server may be using.</summary>
public sealed class RoomInspector
{
    /// <summary>
    /// The most rooms in which an event is looked for. Only in room versions 1 and 2 can it be in more than one.
    /// </summary>
    private const int MaxRooms = 20;

    private const int MaxStaged = 100_000;
    private const long CacheBytes = 64 << 20;

    private readonly InspectedStorage _storage;
    private readonly EventStore _events;
    private readonly StateStore _states;
    private readonly ReplacedState _replaced;

    /// <summary>Reads this database.</summary>
    /// <exception cref="Storage.Commits.StorageException">Its schema is an earlier one.</exception>
    public RoomInspector(InspectedStorage storage)
    {
        storage.NeedTables();
        _storage = storage;
        _events = new EventStore(storage.Events, CacheBytes);
        _states = new StateStore(storage.State, CacheBytes);
        _replaced = new ReplacedState(
            storage.State, new StateSteps(storage.State, CacheBytes), storage.Rooms, _states);
    }

    /// <summary>The room of an id or a local alias; null if there is none.</summary>
    public async ValueTask<RoomRow?> RoomAsync(string idOrAlias, CancellationToken stop)
    {
        if (!idOrAlias.StartsWith('#')) return await _storage.Rooms.FindAsync(idOrAlias, stop);
        return await _storage.Aliases.FindAsync(idOrAlias, stop) is { } alias
            ? await _storage.Rooms.FindAsync(alias.Room, stop)
            : null;
    }

    /// <summary>The stored events of an id: none, or one for each room that has it.</summary>
    public async ValueTask<IReadOnlyList<InspectedEvent>> EventsAsync(string eventId, CancellationToken stop)
    {
        var found = new List<InspectedEvent>();
        foreach (var row in await _storage.Events.FindAnywhereAsync(eventId, MaxRooms, stop))
        {
            if (await _storage.Rooms.FindAsync(row.Nid.Room, stop) is not { } room) continue;
            found.Add(await InspectAsync(new StoredEvent(room.Identity, row), stop));
        }

        return found;
    }

    /// <summary>The received events of an id that wait for others.</summary>
    public async ValueTask<IReadOnlyList<UndecidedEvent>> WaitingAsync(string eventId, CancellationToken stop)
    {
        var found = new List<UndecidedEvent>();
        foreach (var nid in await _storage.StagedEvents.RoomsAsync(stop))
        {
            foreach (var row in await _storage.StagedEvents.OfRoomAsync(nid, MaxStaged, stop))
            {
                if (row.EventId != eventId) continue;
                found.Add(new UndecidedEvent(await IdOfAsync(nid, stop), row));
            }
        }

        return found;
    }

    /// <summary>The received events of an id that were given up.</summary>
    public async ValueTask<IReadOnlyList<ForsakenEvent>> ForsakenAsync(string eventId, CancellationToken stop)
    {
        var found = new List<ForsakenEvent>();
        var after = default(RoomNid);
        while (true)
        {
            const int Page = 1000;
            var rooms = await _storage.Rooms.ListAsync(after, Page, stop);
            foreach (var room in rooms.Where(room => room.IsFederated))
            {
                var rows = await _storage.StagedEvents.GivenUpAsync(room.Nid, MaxStaged, stop);
                found.AddRange(rows.Where(row => row.EventId == eventId)
                    .Select(row => new ForsakenEvent(room.RoomId, row)));
            }

            if (rooms.Count < Page) return found;
            after = rooms[^1].Nid;
        }
    }

    /// <summary>The newest events of a room, and its extremities whatever their age.</summary>
    /// <param name="limit">The most events beside the extremities.</param>
    public ValueTask<InspectedGraph> GraphAsync(RoomRow room, int limit, CancellationToken stop) =>
        new RoomGraphs(_storage.Events, _storage.Followers).NewestAsync(room, limit, stop);

    private async ValueTask<InspectedEvent> InspectAsync(StoredEvent stored, CancellationToken stop)
    {
        var room = stored.Room;
        var cited = await _storage.Events.FindManyAsync(room.Nid, stored.Pdu.AuthEvents, stop);
        var refusal = await _storage.Events.RefusalAsync(stored.Nid, stop);
        var before = (stored.Row.Marks & EventMarks.Outlier) == 0
            ? await _replaced.StateBeforeAsync(room.Nid, stored, stop)
            : null;
        var current = (stored.Row.Marks & EventMarks.SoftFailed) != 0
            ? await CurrentAsync(room.Nid, stored.Row.Position - 1, stop)
            : null;
        return new InspectedEvent(
            stored,
            room.Rules.Id,
            refusal,
            await CreateAsync(stored, cited, stop),
            [.. cited.OrderBy(row => row.Nid.Value).Select(row => new StoredEvent(room, row))],
            before is null ? null : await ReadAsync(stored, before, stop),
            current is null ? null : await ReadAsync(stored, current, stop));
    }

    /// <summary>The create event: where it is not among the auth events, the room's id is its hash.</summary>
    private async ValueTask<StoredEvent?> CreateAsync(
        StoredEvent stored, IReadOnlyList<EventRow> cited, CancellationToken stop)
    {
        var room = stored.Room;
        var create = room.Rules.RoomIdIsHash
            ? await _storage.Events.FindAsync(room.Nid, $"${room.RoomId[1..]}", stop)
            : cited.FirstOrDefault(row => new StoredEvent(room, row).Pdu.Type == EventTypes.Create);
        return create is null ? null : new StoredEvent(room, create);
    }

    private async ValueTask<StateTree> CurrentAsync(RoomNid room, long position, CancellationToken stop)
    {
        var step = await _storage.Rooms.CurrentStepAtAsync(room, position, stop);
        return await _states.AtAsync(room, step, stop);
    }

    /// <summary>The entries of a state that authorization reads for an event.</summary>
    private async ValueTask<IReadOnlyList<StoredEvent>> ReadAsync(
        StoredEvent stored, StateTree state, CancellationToken stop)
    {
        var pdu = stored.Pdu;
        var draft = new Draft(pdu.Type, pdu.StateKey, pdu.Sender, pdu.Content, pdu.Redacts);
        var nids = stored.Room.Rules.AuthKeys(draft)
            .Append(new StateKey(EventTypes.Create, ""))
            .Distinct()
            .Select(key => state.Find(key.Type, key.Key))
            .OfType<StateEntry>()
            .Select(entry => EventNid.Of(stored.Room.Nid, entry.Ordinal))
            .ToArray();
        return await _events.GetManyAsync(stored.Room, nids, stop);
    }

    private async ValueTask<string> IdOfAsync(RoomNid room, CancellationToken stop) =>
        (await _storage.Rooms.FindAsync(room, stop))?.RoomId ?? "";
}
