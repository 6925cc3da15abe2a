using Matrix.Core.State;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Snapshots;

/// <summary>
/// A room as readers see it: durable, and never newer than the published position. Immutable; each commit that changes
/// the room replaces it.
/// </summary>
public sealed record RoomSnapshot
{
    /// <summary>The room.</summary>
    public required RoomIdentity Room { get; init; }

    /// <summary>The step of the current state.</summary>
    public required int Step { get; init; }

    /// <summary>The current state.</summary>
    public required StateTree State { get; init; }

    /// <summary>The number of joined users, remote ones included.</summary>
    public required int JoinedCount { get; init; }

    /// <summary>The number of invited users, remote ones included.</summary>
    public required int InvitedCount { get; init; }

    /// <summary>The last event of the timeline.</summary>
    public required EventNid LastEvent { get; init; }

    /// <summary>The local members.</summary>
    public required LocalMembers Local { get; init; }

    /// <summary>
    /// Whether a local user is joined, so that this server is resident in the room and other servers send it the
    /// events.
    /// </summary>
    public bool IsResident => Local.Joined.Count > 0;

    /// <summary>Whether any event of the room has, or had, a relation.</summary>
    public required bool HasRelations { get; init; }

    /// <summary>The position of the last batch that changed the room.</summary>
    public long Position { get; init; }

    /// <summary>A room without events.</summary>
    internal static RoomSnapshot Of(RoomIdentity room) => new()
    {
        Room = room,
        Step = 0,
        State = StateTree.Empty,
        JoinedCount = 0,
        InvitedCount = 0,
        LastEvent = EventNid.None,
        Local = LocalMembers.None,
        HasRelations = false,
    };
}
