using System.Text.Json;
using Matrix.Core.Json;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.V3;

/// <summary>One pass over the news for a device, from its token to the position at which the pass began.</summary>
internal sealed class SyncPass
{
    public required SyncRequest Request { get; init; }

    /// <summary>The token to start from; null for an initial sync.</summary>
    public required SyncToken? Since { get; init; }

    /// <summary>The position at which the response ends.</summary>
    public required long UpTo { get; init; }

    /// <summary>The ephemeral counter up to which the client has everything.</summary>
    public required long SinceEphemeral { get; init; }

    /// <summary>The ephemeral counter at which the response ends.</summary>
    public required long UpToEphemeral { get; init; }

    /// <summary>The last flush that changed anyone's device list.</summary>
    public required long LastDeviceLists { get; init; }

    public required SyncOptions Options { get; init; }

    /// <summary>The time for finding events that pass the filter, in all rooms together.</summary>
    public required ScanBudget Scan { get; init; }

    /// <summary>The bytes after which a timeline or the messages to the device end; the rest comes later.</summary>
    public required int PageBytes { get; init; }

    /// <summary>The user's stream; null if the notifier has no space for it.</summary>
    public required UserStream? Stream { get; init; }

    public required DeviceStream Device { get; init; }

    /// <summary>The users whom the user ignores.</summary>
    public required IReadOnlySet<string> Ignored { get; init; }

    /// <summary>Writes the response.</summary>
    public required Utf8JsonWriter Json { get; init; }

    /// <summary>The response.</summary>
    public required ResponseWriter Response { get; init; }

    /// <summary>The buffer to which <see cref="Json"/> writes. Flush that before writing here.</summary>
    public ByteBuffer Output => Response.Buffer;

    /// <summary>
    /// Member events of this response that the device is to be known to have, for rooms with lazily loaded members.
    /// </summary>
    public List<KeyValuePair<(RoomNid Room, string UserId), EventNid>> LazilySent { get; } = [];

    /// <summary>Users who may have begun to share an encrypted room with the user.</summary>
    public HashSet<string> DevicesChanged { get; } = [];

    /// <summary>Users who may have ceased to share a room with the user.</summary>
    public HashSet<string> DevicesLeft { get; } = [];

    /// <summary>Whether the response has anything to return early for.</summary>
    public bool HasNews { get; set; }

    public UserDevice Reader => Request.Reader;

    public SyncFilter Filter => Request.Filter;

    public bool IsInitial => Since is null;

    public long SincePosition => Since?.Position ?? 0;

    /// <summary>
    /// Sends what was written, if it is enough for a step. Nothing is sent before it is certain that there is a
    /// response.
    /// </summary>
    public ValueTask StepAsync(CancellationToken stop)
    {
        if (Output.Length + Json.BytesPending < ResponseWriter.Step) return ValueTask.CompletedTask;
        if (!HasNews && !IsInitial && !Request.FullState) return ValueTask.CompletedTask;
        Json.Flush();
        return Response.StepAsync(stop);
    }
}
