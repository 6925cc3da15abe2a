using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.ServerNotices;

namespace Matrix.Host.Rooms.Accounts;

/// <summary>
/// What suspended users may still do in rooms: redact their own events, leave, reject invites, and join the room of the
/// server's notices, which says why. Their events have a reason, and nothing else that others would read. To devices
/// they send what verifies them. v1.19 client-server-api#account-suspension
/// </summary>
public sealed class SuspendedUsers(RoomSnapshots rooms, EventStore events, ServerNoticesTable serverNoticesTable)
{
    private static readonly RoomFailure _refusal = new(
        RoomFailureKind.Suspended, "You cannot do this while your account is suspended.");

    /// <summary>Why a suspended user may not send an event; null if they may.</summary>
    /// <param name="userId">The user.</param>
    /// <param name="roomId">The room.</param>
    /// <param name="eventType">The event's type.</param>
    /// <param name="content">The event's content.</param>
    /// <param name="redacts">The event that it redacts; null for none.</param>
    public async ValueTask<RoomFailure?> RefusesEventAsync(
        string userId, string roomId, string eventType, JsonObject content, string? redacts, CancellationToken stop)
    {
        if (eventType != EventTypes.Redaction || redacts is null || !HasOnly(content, "redacts")) return _refusal;
        if (await rooms.FindAsync(roomId, stop) is not { } snapshot) return _refusal;
        var target = await events.ByIdAsync(snapshot.Room, redacts, stop);
        return target?.Pdu.Sender == userId ? null : _refusal;
    }

    /// <summary>Why a suspended user may not send a state event; null if they may.</summary>
    public static RoomFailure? RefusesState(string userId, string eventType, string stateKey, JsonObject content) =>
        eventType == EventTypes.Member && stateKey == userId && content.Text("membership") == "leave"
        && HasOnly(content, "membership")
            ? null
            : _refusal;

    /// <summary>Why a suspended user may not send messages of a type to devices; null if they may.</summary>
    public static RoomFailure? RefusesToDevice(string type) =>
        type.StartsWith("m.key.verification.", StringComparison.Ordinal) ? null : _refusal;

    /// <summary>Why a suspended user may not join a room, by its id or alias; null if they may.</summary>
    public async ValueTask<RoomFailure?> RefusesJoinAsync(string userId, string room, CancellationToken stop) =>
        await serverNoticesTable.FindAsync(userId, stop) is { } notices
        && await rooms.FindAsync(notices, stop) is { } snapshot
        && snapshot.Room.RoomId == room
            ? null
            : _refusal;

    /// <summary>Whether a content has no members but one, and a reason.</summary>
    private static bool HasOnly(JsonObject content, string member) =>
        content.Members.All(each => each.Item1 == member || each.Item1 == "reason");
}
