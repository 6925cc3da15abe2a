using Matrix.Core.Sync;
using Matrix.Host.Storage;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.Timelines;
using Matrix.Host.Sync.Responses;

namespace Matrix.Host.Sync.V3;

/// <summary>One pass over the news for a device, from its token to the position at which the pass began.</summary>
internal sealed class SyncPass : ResponsePass
{
    private TimelineQuery? _timelines;

    public required SyncRequest Request { get; init; }

    /// <summary>The token to start from; null for an initial sync.</summary>
    public required SyncToken? Since { get; init; }

    /// <summary>The ephemeral counter at which the response ends.</summary>
    public required long UpToEphemeral { get; init; }

    /// <summary>
    /// Member events of this response that the device is to be known to have, for rooms with lazily loaded members.
    /// </summary>
    public List<KeyValuePair<(RoomNid Room, string UserId), EventNid>> LazilySent { get; } = [];

    /// <summary>Users who may have begun to share an encrypted room with the user.</summary>
    public HashSet<string> DevicesChanged { get; } = [];

    /// <summary>Users who may have ceased to share a room with the user.</summary>
    public HashSet<string> DevicesLeft { get; } = [];

    public SyncFilter Filter => Request.Filter;

    /// <summary>What the filter takes of timelines.</summary>
    public TimelineQuery Timelines => _timelines ??= new(Filter.Timeline, Ignored, Scan, PageBytes);

    public bool IsInitial => Since is null;

    public long SincePosition => Since?.Position ?? 0;

    /// <summary>The position after which receipts are news.</summary>
    public long SinceReceipts => Since?.ReceiptsUpTo ?? 0;

    /// <summary>
    /// Rooms of which the client has events beyond its token's position: one of several processes of an imported server
    /// wrote them, and was ahead of the others.
    /// </summary>
    public IReadOnlyDictionary<RoomNid, long>? Reached { get; set; }

    /// <summary>The position after which events of a room are news.</summary>
    public long SinceIn(RoomNid room) =>
        Reached is { } rooms && rooms.TryGetValue(room, out var position) ? position : SincePosition;

    protected override bool IsCertain => HasNews || IsInitial || Request.FullState;
}
