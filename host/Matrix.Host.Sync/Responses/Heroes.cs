using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Sync.Responses;

/// <summary>Finds the members after whom an unnamed room is named.</summary>
internal sealed class Heroes(EventStore events, long cacheBytes)
{
    private const int Wanted = 5;

    /// <summary>The number of member events read in one query, and the most members who left that are read.</summary>
    private const int Page = 16;

    /// <summary>Their numbers alone: the events may be redacted.</summary>
    private readonly ByteCache<RoomNid, FirstMembers> _firstMembers = new(cacheBytes, static _ => 100);

    /// <summary>
    /// The member events of the first five others who are joined or invited, or else of those who left or were banned;
    /// null if the room has a name.
    /// </summary>
    public async ValueTask<IReadOnlyList<StoredEvent>?> OfAsync(
        RoomIdentity room, StateTree state, string self, CancellationToken stop)
    {
        if (await HasAsync(room, state, EventTypes.Name, "name", stop)
            || await HasAsync(room, state, EventTypes.CanonicalAlias, "alias", stop))
        {
            return null;
        }

        return await OfUnnamedAsync(room, state, self, stop);
    }

    /// <summary>The same for a room that is known to have no name; it may have an alias.</summary>
    public async ValueTask<IReadOnlyList<StoredEvent>> OfUnnamedAsync(
        RoomIdentity room, StateTree state, string self, CancellationToken stop)
    {
        var first = _firstMembers.TryGet(room.Nid, out var known)
            ? await StillFirstAsync(room, known, state, stop)
            : null;
        if (first is null)
        {
            first = await FirstMembersAsync(room, state, stop);
            if (first.Count > Wanted && first[0].Membership is "join" or "invite")
            {
                _firstMembers.Put(room.Nid, new FirstMembers([.. first.Select(static member => member.Nid)]));
            }
        }

        return [.. first.Where(member => member.Pdu.StateKey != self).Take(Wanted)];
    }

    /// <summary>
    /// The cached members if they are still the first, which are as many as needed: none changed, and later members
    /// came after them. Null if they are not. Smaller rooms are read again, which costs little.
    /// </summary>
    private async ValueTask<IReadOnlyList<StoredEvent>?> StillFirstAsync(
        RoomIdentity room, FirstMembers known, StateTree state, CancellationToken stop)
    {
        var members = await events.GetManyAsync(room, known.Events, stop);
        return members.Count == known.Events.Count
            && members.All(member =>
                state.Find(EventTypes.Member, member.Pdu.StateKey ?? "")?.Ordinal == member.Nid.Ordinal)
                ? members
                : null;
    }

    /// <summary>One more than needed, because the reader may be among them.</summary>
    private async ValueTask<IReadOnlyList<StoredEvent>> FirstMembersAsync(
        RoomIdentity room, StateTree state, CancellationToken stop)
    {
        var members = state.OfType(EventTypes.Member);
        Array.Sort(members, static (a, b) => a.Ordinal.CompareTo(b.Ordinal));
        List<StoredEvent> present = [];
        List<StoredEvent> gone = [];
        for (int i = 0; i < members.Length && present.Count <= Wanted; i += Page)
        {
            var nids = members.Skip(i).Take(Page).Select(m => EventNid.Of(room.Nid, m.Ordinal)).ToArray();
            foreach (var member in await events.GetManyAsync(room, nids, stop))
            {
                var list = member.Membership switch
                {
                    "join" or "invite" => present,
                    "leave" or "ban" => gone,
                    _ => null,
                };
                if (list?.Count <= Wanted) list.Add(member);
            }
        }

        // A room with no other member is named after the members who left.
        return present.Count > 1 ? present : [.. present, .. gone];
    }

    private async ValueTask<bool> HasAsync(
        RoomIdentity room, StateTree state, string type, string field, CancellationToken stop)
    {
        if (state.Find(type, "") is not { } entry) return false;
        var stored = await events.GetAsync(room, EventNid.Of(room.Nid, entry.Ordinal), stop);
        return stored?.Pdu.Content.Text(field) is { Length: > 0 };
    }

    private sealed record FirstMembers(IReadOnlyList<EventNid> Events);
}
