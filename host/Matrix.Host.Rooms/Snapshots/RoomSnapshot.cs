using Matrix.Core.State;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Snapshots;

/// <summary>
/// A room as readers see it: durable, and never newer than the published position. Immutable; a commit that changes the room puts another in
/// its place.
/// </summary>
public sealed record RoomSnapshot
{
    /// <summary>Which room.</summary>
    public required RoomIdentity Room { get; init; }

    /// <summary>The step of the current state.</summary>
    public required int Step { get; init; }

    /// <summary>The current state.</summary>
    public required StateTree State { get; init; }

    /// <summary>Users joined, remote ones included.</summary>
    public required int JoinedCount { get; init; }

    /// <summary>Users invited, remote ones included.</summary>
    public required int InvitedCount { get; init; }

    /// <summary>The last event of the timeline.</summary>
    public required EventNid LastEvent { get; init; }

    /// <summary>Local users.</summary>
    public required LocalMembers Local { get; init; }

    /// <summary>Whether any event of the room relates, or related, to another.</summary>
    public required bool HasRelations { get; init; }

    /// <summary>The position of the batch that changed the room last.</summary>
    public long Position { get; init; }

    /// <summary>A room without any event.</summary>
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
