using Matrix.Core.Sync;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.Timelines;
using Matrix.Host.Sync.Responses;

namespace Matrix.Host.Sync.Sliding;

/// <summary>A room of a response, with the lists that have it.</summary>
/// <param name="Config">What the lists and the subscription ask for, together.</param>
/// <param name="Lists">The names of the lists.</param>
/// <param name="Parts">What changed since the last response; null if that is not known.</param>
internal sealed record RoomMatch(
    RoomEntry Room, RoomConfig Config, IReadOnlyList<string> Lists, bool IsSubscribed, RoomParts? Parts);

/// <summary>One pass over the news for a connection.</summary>
internal sealed class SlidingPass : ResponsePass
{
    private readonly Dictionary<int, TimelineQuery> _byLimit = [];

    public required SlidingRequest Request { get; init; }

    /// <summary>What the client has.</summary>
    public required ConnectionState Base { get; init; }

    /// <summary>What the response adds to that.</summary>
    public required PendingAnswer Next { get; init; }

    /// <summary>The process of ephemeral counters.</summary>
    public required long Epoch { get; init; }

    /// <summary>The bytes of the response so far.</summary>
    public long Length => Response.Length + Json.BytesPending;

    /// <summary>Whether it is certain, without news, that there is a response.</summary>
    public bool MaySend { get; set; }

    /// <summary>All rooms that changed, whether or not a list has them; null if that is not known.</summary>
    public IReadOnlyList<UpdatedRoom>? Changed { get; set; }

    /// <summary>The rooms of the lists and subscriptions that may have news.</summary>
    public IReadOnlyList<RoomMatch> Matches { get; set; } = [];

    /// <summary>The rooms that were written.</summary>
    public int Written { get; set; }

    public bool IsUnstable => Request.IsUnstable;

    /// <summary>Whether the client has nothing yet.</summary>
    public bool IsInitial => Base.Pos is null;

    public long Since => Base.Pos?.Token.Position ?? 0;

    protected override bool IsCertain => HasNews || MaySend || Next.IsCut;

    /// <summary>What the client has of a room after this response; null if it has nothing.</summary>
    public SentRoom? SentOf(string roomId) =>
        Next.Rooms.GetValueOrDefault(roomId) ?? Base.Rooms.GetValueOrDefault(roomId);

    /// <summary>What the response takes of timelines that have a limit.</summary>
    public TimelineQuery WithLimit(int limit)
    {
        if (_byLimit.TryGetValue(limit, out var known)) return known;
        return _byLimit[limit] = new TimelineQuery(
            SyncFilter.OfTimelineLimit(limit).Timeline, Ignored, Scan, PageBytes);
    }
}
