using Matrix.Core.Event;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Notifications;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Users.AccountData;

namespace Matrix.Host.Outbound.Push;

/// <summary>Reads what pushers tell of events.</summary>
internal sealed class PushContents(
    RoomSnapshots rooms, EventStore events, StateReader state, NotifiedEvents notified, IgnoredUsers ignored,
    ILocalUsers users, PushedInvites invites)
{
    /// <summary>
    /// What a user is told of an event; null if they need not be told any more: they have read it, it was redacted, or
    /// they have left the room, changed their rules, or ignore its sender, or the invite is no longer there.
    /// </summary>
    internal ValueTask<PushedContent?> OfAsync(string userId, PendingPush pending, CancellationToken stop) =>
        pending.Event == PushedInvites.Pending
            ? invites.OfAsync(userId, pending.Position, stop)
            : OfEventAsync(userId, pending.Event, stop);

    private async ValueTask<PushedContent?> OfEventAsync(string userId, EventNid nid, CancellationToken stop)
    {
        if (await rooms.FindAsync(nid.Room, stop) is not { } room) return null;
        if (await events.GetAsync(room.Room, nid, stop) is not { IsShown: true } stored
            || stored.IsRedacted)
        {
            return null;
        }

        var isOwnMember = stored.Pdu.Type == EventTypes.Member && stored.Pdu.StateKey == userId;
        if (!isOwnMember && !room.Local.IsJoined(userId)) return null;
        if (isOwnMember && stored.Pdu.Content.Text("membership") == "invite")
        {
            // It may have been accepted, refused or taken back, or the user blocks invites by now.
            if (room.State.Find(EventTypes.Member, userId) is not { } member
                || member.Ordinal != nid.Ordinal
                || await users.BlocksInvitesAsync(userId, stop))
            {
                return null;
            }
        }

        var without = await ignored.OfAsync(userId, stop);
        if (without.Contains(stored.Row.Sender)) return null;
        var read = await notified.ReadAsync(nid.Room, userId, nid, stop);
        if (NotifiedEvents.IsRead(stored, read)) return null;
        var outcome = await notified.OutcomeAsync(room, stored, userId, stop);
        if (!outcome.Notifies) return null;
        return new PushedContent(
            stored,
            outcome.Tweaks,
            await TextAsync(room, EventTypes.Member, stored.Pdu.Sender, "displayname", stop),
            await TextAsync(room, EventTypes.Name, "", "name", stop),
            await TextAsync(room, EventTypes.CanonicalAlias, "", "alias", stop));
    }

    private async ValueTask<string?> TextAsync(
        RoomSnapshot room, string type, string key, string member, CancellationToken stop) =>
        (await state.ContentAsync(room, type, key, stop))?.Text(member) is { Length: > 0 } text
            ? text
            : null;
}
