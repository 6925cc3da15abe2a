using System.Text.Json;
using Matrix.Core.Json;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.Responses;

/// <summary>
/// One pass over the news for a device, up to the position at which the pass began: what both forms of sync share.
/// </summary>
internal abstract class ResponsePass
{
    /// <summary>The user and device.</summary>
    public required UserDevice Reader { get; init; }

    /// <summary>The position at which the response ends.</summary>
    public required long UpTo { get; init; }

    /// <summary>The last flush that changed anyone's device list.</summary>
    public required long LastDeviceLists { get; init; }

    public required SyncOptions Options { get; init; }

    /// <summary>The time for finding events that the user sees, in all rooms together.</summary>
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

    /// <summary>The fields of events that the client asks for; null for all.</summary>
    public FieldMask? Fields { get; init; }

    /// <summary>Whether events have the format of servers.</summary>
    public bool IsFederationFormat { get; init; }

    /// <summary>Whether the response has anything to return early for.</summary>
    public bool HasNews { get; set; }

    /// <summary>Whether it is certain that there is a response: nothing is sent before.</summary>
    protected abstract bool IsCertain { get; }

    /// <summary>Sends what was written, if it is enough for a step.</summary>
    public ValueTask StepAsync(CancellationToken stop)
    {
        if (Output.Length + Json.BytesPending < ResponseWriter.Step || !IsCertain) return ValueTask.CompletedTask;
        Json.Flush();
        return Response.StepAsync(stop);
    }
}
