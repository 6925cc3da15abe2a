using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.Timelines;

namespace Matrix.Host.Sync.V3;

/// <summary>A room that may have news for the client, with the data that is read for several rooms at once.</summary>
internal sealed class RoomInput
{
    public required RoomSnapshot Snapshot { get; init; }

    /// <summary>The parts that may have changed.</summary>
    public required RoomParts Parts { get; init; }

    /// <summary>The room at the position at which the response ends.</summary>
    public required RoomPosition End { get; init; }

    /// <summary>The room at the client's token; null for an initial sync.</summary>
    public required RoomPosition? Before { get; init; }

    /// <summary>Receipts since the token, if they were read for several rooms at once.</summary>
    public IReadOnlyList<ReceiptMark>? Receipts { get; init; }

    /// <summary>The user's account data in the room since the token.</summary>
    public IReadOnlyList<AccountDataRow> AccountData { get; init; } = [];
}
