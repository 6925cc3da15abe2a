using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Notifications;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Users.AccountData;

namespace Matrix.Host.Outbound.Push;

/// <summary>
/// Reads what pushers tell of invites to rooms that this server is not in. Such an invite is no event of a room: the
/// user's stripped state has it.
/// </summary>
internal sealed class PushedInvites(
    StrippedRoomsTable strippedRoomsTable, NotifiedEvents notified, IgnoredUsers ignored, ILocalUsers users)
{
    /// <summary>What a pusher owes for an invite. No event of a room has this number.</summary>
    internal static EventNid Pending { get; } = new(1);

    /// <summary>
    /// What a user is told of the invite; null if they need not be told any more: it was answered or taken back, the
    /// user ignores its sender, or blocks invites by now.
    /// </summary>
    internal async ValueTask<PushedContent?> OfAsync(string userId, long position, CancellationToken stop)
    {
        var rows = await strippedRoomsTable.OfUserAsync(userId, position - 1, position, stop);
        if (rows.FirstOrDefault(static each => each.Membership == Membership.Invite) is not { } row
            || RoomRules.FindUnstable(row.Version) is not { } rules
            || await users.BlocksInvitesAsync(userId, stop)
            || (await ignored.OfAsync(userId, stop)).Contains(row.Sender))
        {
            return null;
        }

        var room = new RoomIdentity(default, row.RoomId, rules);
        var invite = new StoredEvent(room, new EventRow(
            Pending, row.EventId, position, Step: 0, EventMarks.State, NotifyClass: 0, row.Sender,
            EventNid.None, EventNid.None, Transaction: null, row.Event));
        var outcome = await notified.InviteOutcomeAsync(invite, userId, stop);
        if (!outcome.Notifies) return null;
        var stripped = Parsed(row.State);
        return new PushedContent(
            invite,
            outcome.Tweaks,
            Text(stripped, EventTypes.Member, row.Sender, "displayname"),
            Text(stripped, EventTypes.Name, "", "name"),
            Text(stripped, EventTypes.CanonicalAlias, "", "alias"));
    }

    /// <summary>The events of stripped state; none if it is not an array.</summary>
    private static IReadOnlyList<JsonObject> Parsed(ReadOnlyMemory<byte> stripped) =>
        JsonText.TryParse(stripped.Span, Reading.Lenient, JsonText.ClientBodyLimits, out var json, out _)
        && json is Json.Array { Item: var events }
            ? [.. events.OfType<Json.Object>().Select(static each => each.Item)]
            : [];

    private static string? Text(IReadOnlyList<JsonObject> stripped, string type, string stateKey, string member)
    {
        var found = stripped.FirstOrDefault(
            each => each.Text("type") == type && each.Text("state_key") == stateKey);
        return found is not null
            && found.IndexOf("content") is >= 0 and var at
            && found.Value(at) is Json.Object { Item: var content }
            && content.Text(member) is { Length: > 0 } text
                ? text
                : null;
    }
}
