using System.Text.Json;
using Matrix.Core.Json;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Sync.V3;

namespace Matrix.Host.Sync.Sliding;

/// <summary>A room of a response, with the lists that have it.</summary>
/// <param name="Config">What the lists and the subscription ask for, together.</param>
/// <param name="Lists">The names of the lists.</param>
/// <param name="Parts">What changed since the last response; null if that is not known.</param>
internal sealed record RoomMatch(
    RoomEntry Room, RoomConfig Config, IReadOnlyList<string> Lists, bool IsSubscribed, RoomParts? Parts);

/// <summary>One pass over the news for a connection.</summary>
internal sealed class SlidingPass
{
    private readonly Dictionary<int, SyncPass> _byLimit = [];

    public required SlidingRequest Request { get; init; }

    /// <summary>What the client has.</summary>
    public required ConnectionState Base { get; init; }

    /// <summary>What the response adds to that.</summary>
    public required PendingAnswer Next { get; init; }

    /// <summary>The token at which the response ends.</summary>
    public required SyncToken Now { get; init; }

    public required SyncOptions Options { get; init; }

    /// <summary>The time for finding events that the user sees, in all rooms together.</summary>
    public required ScanBudget Scan { get; init; }

    /// <summary>The user's stream; null if the notifier has no space for it.</summary>
    public required UserStream? Stream { get; init; }

    public required DeviceStream Device { get; init; }

    /// <summary>The process of ephemeral counters.</summary>
    public required long Epoch { get; init; }

    /// <summary>The last flush that changed anyone's device list.</summary>
    public required long LastDeviceLists { get; init; }

    public required IReadOnlySet<string> Ignored { get; init; }

    public required Utf8JsonWriter Json { get; init; }

    public required ResponseWriter Response { get; init; }

    public ByteBuffer Output => Response.Buffer;

    /// <summary>The bytes of the response so far.</summary>
    public long Length => Response.Length + Json.BytesPending;

    /// <summary>The bytes after which a timeline ends; the rest comes later.</summary>
    public required int PageBytes { get; init; }

    /// <summary>Whether it is certain, without news, that there is a response.</summary>
    public bool MaySend { get; set; }

    /// <summary>All rooms that changed, whether or not a list has them; null if that is not known.</summary>
    public IReadOnlyList<UpdatedRoom>? Changed { get; set; }

    /// <summary>The rooms of the lists and subscriptions that may have news.</summary>
    public IReadOnlyList<RoomMatch> Matches { get; set; } = [];

    /// <summary>The rooms that were written.</summary>
    public int Written { get; set; }

    /// <summary>Whether the response has anything to return early for.</summary>
    public bool HasNews { get; set; }

    public UserDevice Reader => Request.Reader;

    public bool IsUnstable => Request.IsUnstable;

    /// <summary>Whether the client has nothing yet.</summary>
    public bool IsInitial => Base.Pos is null;

    public long Since => Base.Pos?.Token.Position ?? 0;

    public long UpTo => Now.Position;

    /// <summary>What the client has of a room after this response; null if it has nothing.</summary>
    public SentRoom? SentOf(string roomId) =>
        Next.Rooms.GetValueOrDefault(roomId) ?? Base.Rooms.GetValueOrDefault(roomId);

    /// <summary>The same pass for what both forms of sync share, with a limit on timelines.</summary>
    public SyncPass WithLimit(int limit)
    {
        if (_byLimit.TryGetValue(limit, out var known)) return known;
        return _byLimit[limit] = new SyncPass
        {
            Request = new SyncRequest
            {
                Reader = Reader,
                Since = Base.Pos?.Token,
                Filter = SyncFilter.OfTimelineLimit(limit),
                State = StateForm.After,
            },
            Since = Base.Pos?.Token,
            UpTo = UpTo,

            // It has no presence.
            SinceEphemeral = 0,
            UpToEphemeral = 0,
            LastDeviceLists = LastDeviceLists,
            Options = Options,
            Scan = Scan,
            Stream = Stream,
            Device = Device,
            Ignored = Ignored,
            Json = Json,
            Response = Response,
            PageBytes = PageBytes,
        };
    }

    /// <summary>Sends what was written, if it is enough for a step and certain that there is a response.</summary>
    public ValueTask StepAsync(CancellationToken stop)
    {
        if (Output.Length + Json.BytesPending < ResponseWriter.Step) return ValueTask.CompletedTask;
        if (!HasNews && !MaySend && !Next.IsCut) return ValueTask.CompletedTask;
        Json.Flush();
        return Response.StepAsync(stop);
    }
}
