using System.Collections.Concurrent;

namespace Matrix.Federation.Tests.Soak;

/// <summary>An event that a server acknowledged.</summary>
/// <param name="MustReachAll">
/// Whether its sender can at no time lose the right to send it: no other server may soft-fail it then.
/// </param>
internal sealed record SentEvent(string RoomId, string EventId, SoakUser Sender, bool MustReachAll)
{
    /// <summary>The id of the event that it redacts; null if it is no redaction.</summary>
    internal string? Redacts { get; init; }
}

/// <summary>A message to a device that a server acknowledged.</summary>
internal sealed record SentMessage(string Mark, SoakUser Sender, string Receiver);

/// <summary>All that was acknowledged.</summary>
internal sealed class Records
{
    private int _marks;

    internal ConcurrentQueue<SentEvent> Events { get; } = [];

    internal ConcurrentQueue<SentMessage> Messages { get; } = [];

    /// <summary>The devices whose keys were uploaded (true) or that were logged out since (false).</summary>
    internal ConcurrentDictionary<(string UserId, string DeviceId), bool> Devices { get; } = [];

    internal string NextMark() => $"mark {Interlocked.Increment(ref _marks)}";
}
