using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Commands;

/// <summary>
/// What code of one node asks of a room that another node may have. The set is closed: each kind has a format in
/// <see cref="RoomCommandFormats"/>, and `RoomCommandRunner` carries it out. A command may be carried out
/// twice: each kind says why that is harmless.
/// </summary>
/// <param name="RoomId">The room.</param>
internal abstract record RoomCommand(string RoomId);

/// <summary>
/// Sends an event of a local user that the server makes. A repetition of the same id gets the event that was made.
/// </summary>
/// <param name="Id">Drawn by the caller.</param>
/// <param name="Timestamp">Milliseconds since the epoch; null for now.</param>
internal sealed record SendEvent(string RoomId, string Id, Draft Event, long? Timestamp) : RoomCommand(RoomId);

/// <summary>Asks whether a state event would be refused now. It changes nothing.</summary>
internal sealed record CheckState(string RoomId, Draft Event) : RoomCommand(RoomId);

/// <summary>
/// Changes a membership of a room that is here. A repetition of the same id changes nothing, and succeeds.
/// </summary>
/// <param name="Id">Drawn by the caller.</param>
/// <param name="Content">The content of the member event.</param>
/// <param name="Rule">What the membership before decides.</param>
internal sealed record SetMembership(
    string RoomId, string Id, string Sender, string UserId, JsonObject Content, MembershipRule Rule)
    : RoomCommand(RoomId);

/// <summary>What the membership before a change decides. Numbers keep their meaning.</summary>
internal enum MembershipRule
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>A user who has left stays as they are.</summary>
    KeepLeave = 1,

    /// <summary>A user who is invited stays as they are.</summary>
    KeepInvite = 2,

    /// <summary>A user who knocks stays as they are.</summary>
    KeepKnock = 3,

    /// <summary>A user who is neither in the room nor about to be is refused.</summary>
    RefuseAbsent = 4,

    /// <summary>A user who is not banned is refused.</summary>
    RefuseUnbanned = 5,
}

/// <summary>Joins a local user, who stays as they are if they are joined: repetitions change nothing.</summary>
/// <param name="Who">The user or application service that causes requests to other servers.</param>
/// <param name="Via">Servers that may be in the room.</param>
/// <param name="Reason">The event's `reason`; null for none.</param>
/// <param name="InvitationToken">The token of a third-party invite; null for none.</param>
/// <param name="IsLocal">Whether no other server is asked.</param>
internal sealed record JoinRoom(
    string RoomId,
    string UserId,
    string Who,
    IReadOnlyList<string> Via,
    string? Reason,
    string? InvitationToken,
    bool IsLocal) : RoomCommand(RoomId);

/// <summary>Shows the profile that a joined user has now. If the room shows it, nothing changes.</summary>
internal sealed record ShowProfile(string RoomId, string UserId) : RoomCommand(RoomId);

/// <summary>
/// Makes an invite of a third-party invite whose identifier was bound. A user who was invited by the same token stays
/// as they are.
/// </summary>
/// <param name="Sender">The sender of the `m.room.third_party_invite` event.</param>
/// <param name="Proof">What the identity server signed.</param>
internal sealed record InviteBound(string RoomId, string UserId, string Sender, JsonObject Proof) : RoomCommand(RoomId);

/// <summary>
/// Copies bans of a replaced room into the one that replaces it. Users who are banned stay as they are.
/// </summary>
/// <param name="OldRoomId">The replaced room.</param>
/// <param name="Sender">The user who replaces it.</param>
internal sealed record CopyBans(string RoomId, string OldRoomId, string Sender) : RoomCommand(RoomId);

/// <summary>Ends a room that is being deleted. A room that has ended stays so.</summary>
/// <param name="Forces">Whether it ends also if local users are joined.</param>
internal sealed record HideRoom(string RoomId, bool Forces) : RoomCommand(RoomId);

/// <summary>Receives events that another server sent, in order. Known events change nothing.</summary>
/// <param name="Origin">The server.</param>
/// <param name="Pdus">The events as they came.</param>
internal sealed record ReceiveEvents(string RoomId, string Origin, IReadOnlyList<JsonObject> Pdus)
    : RoomCommand(RoomId);

/// <summary>A user of another server types, or stopped. Only the last word of it counts.</summary>
internal sealed record SetTyping(string RoomId, string UserId, bool IsTyping) : RoomCommand(RoomId);

/// <summary>Fetches missing history. What came before is known.</summary>
/// <param name="Followers">Events that name missing ones, the earliest first.</param>
/// <param name="Below">The event below which the fetched ones are numbered.</param>
internal sealed record FetchHistory(string RoomId, IReadOnlyList<EventNid> Followers, EventNid Below)
    : RoomCommand(RoomId);
