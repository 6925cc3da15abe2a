using Matrix.Core.Json;
using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Sync.Engine;

/// <summary>A room's summary. Client-Server API, "Syncing": `RoomSummary`.</summary>
/// <param name="Heroes">Members after whom to call a room that has no name; null if it has one.</param>
/// <param name="Joined">How many are joined.</param>
/// <param name="Invited">How many are invited.</param>
internal sealed record Summary(IReadOnlyList<StoredEvent>? Heroes, int Joined, int Invited);

/// <summary>Finds the members after whom a room without a name is called.</summary>
internal sealed class Heroes(EventStore events)
{
    private const int Wanted = 5;

    /// <summary>How many member events are looked at in one question, and how many of those who left at most.</summary>
    private const int Page = 16;

    /// <summary>
    /// The member events of the first five others who are joined or invited, or else of those who left or were banned; null if the room has a
    /// name.
    /// </summary>
    public async ValueTask<IReadOnlyList<StoredEvent>?> OfAsync(RoomIdentity room, StateTree state, string self, CancellationToken stop)
    {
        if (await HasAsync(room, state, "m.room.name", "name", stop).ConfigureAwait(false)
            || await HasAsync(room, state, "m.room.canonical_alias", "alias", stop).ConfigureAwait(false))
        {
            return null;
        }

        var members = state.OfType("m.room.member");
        Array.Sort(members, static (a, b) => a.Ordinal.CompareTo(b.Ordinal));
        List<StoredEvent> present = [];
        List<StoredEvent> gone = [];
        for (int i = 0; i < members.Length && present.Count < Wanted; i += Page)
        {
            var nids = members.Skip(i).Take(Page).Where(m => m.StateKey != self).Select(m => EventNid.Of(room.Nid, m.Ordinal)).ToArray();
            foreach (var member in await events.GetManyAsync(room, nids, stop).ConfigureAwait(false))
            {
                bool here = MemberTrail.MembershipOf(member) is "join" or "invite";
                var list = here ? present : gone;
                if (list.Count < Wanted) list.Add(member);
            }
        }

        return present.Count > 0 ? present : gone;
    }

    private async ValueTask<bool> HasAsync(RoomIdentity room, StateTree state, string type, string field, CancellationToken stop)
    {
        if (state.Find(type, "") is not { } entry) return false;
        var stored = await events.GetAsync(room, EventNid.Of(room.Nid, entry.Ordinal), stop).ConfigureAwait(false);
        return stored?.Pdu.Content.Text(field) is { Length: > 0 };
    }
}
