using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.V3;

/// <summary>A room that may have something for the client, and what was read of it together with others.</summary>
internal sealed class RoomInput
{
    /// <summary>The room.</summary>
    public required RoomSnapshot Snapshot { get; init; }

    /// <summary>What may have changed.</summary>
    public required RoomParts Parts { get; init; }

    /// <summary>Where the room stood at the position that the answer goes up to.</summary>
    public required RoomPosition End { get; init; }

    /// <summary>Where it stood at the client's token; null for an initial sync.</summary>
    public required RoomPosition? Before { get; init; }

    /// <summary>Receipts since the token, if they were read with those of other rooms.</summary>
    public IReadOnlyList<ReceiptMark>? Receipts { get; init; }

    /// <summary>The user's account data in the room since the token.</summary>
    public IReadOnlyList<AccountDataRow> AccountData { get; init; } = [];
}
