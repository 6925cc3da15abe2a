using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Servers;

/// <summary>
/// Decides which events of a room another server sees whole, by the state after each: a server sees what one of its
/// users could see. It gets the others in redacted form, so that it can walk through them. Client-Server API, "Room
/// History Visibility".
/// </summary>
public sealed class ServerVisibility(EventStore events, StateStore states)
{
    private const string SettingType = "m.room.history_visibility";
    private const string MemberType = "m.room.member";

    /// <summary>The events as a server with a user in the room may have them.</summary>
    public async ValueTask<Pdu[]> ShowAsync(
        RoomIdentity room, string server, IReadOnlyList<StoredEvent> among, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(among);
        ArgumentNullException.ThrowIfNull(room);
        var byStep = new Dictionary<int, bool>();
        var shown = new List<Pdu>(among.Count);
        foreach (var stored in among)
        {
            // State is no secret to a server in the room: it gets all of it with its join.
            var isWhole = stored.Pdu.IsState || (stored.Row.Marks & EventMarks.Outlier) != 0;
            if (!isWhole && !byStep.TryGetValue(stored.Row.Step, out isWhole))
            {
                isWhole = await MaySeeAsync(room, server, stored.Row.Step, stop).ConfigureAwait(false);
                byStep[stored.Row.Step] = isWhole;
            }

            shown.Add(isWhole ? stored.Pdu : room.Rules.Redact(stored.Pdu));
        }

        return [.. shown];
    }

    /// <summary>Whether a server with a user in the room sees an event whole.</summary>
    public async ValueTask<bool> MaySeeAsync(
        RoomIdentity room, string server, StoredEvent stored, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(stored);
        ArgumentNullException.ThrowIfNull(room);
        return stored.Pdu.IsState || await MaySeeAsync(room, server, stored.Row.Step, stop).ConfigureAwait(false);
    }

    private async ValueTask<bool> MaySeeAsync(RoomIdentity room, string server, int step, CancellationToken stop)
    {
        var state = await states.AtAsync(room.Nid, step, stop).ConfigureAwait(false);
        var setting = state.Find(SettingType, "") is { } entry
            && await events.GetAsync(room, EventNid.Of(room.Nid, entry.Ordinal), stop).ConfigureAwait(false) is { } it
                ? HistoryVisibility.SettingOf(it.Pdu.Content)
                : null;
        if (setting is not ("invited" or "joined")) return true;

        var nids = state.OfType(MemberType)
            .Where(member => RoomNames.ServerOf(member.StateKey) == server)
            .Select(member => EventNid.Of(room.Nid, member.Ordinal))
            .ToArray();
        foreach (var member in await events.GetManyAsync(room, nids, stop).ConfigureAwait(false))
        {
            var membership = HistoryVisibility.MembershipOf(member.Pdu.Content);
            if (membership == "join" || (setting == "invited" && membership == "invite")) return true;
        }

        return false;
    }
}
