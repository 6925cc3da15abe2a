using System.Collections.Concurrent;

namespace Matrix.ClusterFaults.Load;

/// <summary>An event that was answered 200.</summary>
internal sealed record SentEvent(string Room, string Mark, string EventId);

/// <summary>
/// The last acknowledged value of something that each write replaces. A try whose outcome nobody knows may have been
/// carried out later, as on any network: then its value may be the last one, too.
/// </summary>
internal sealed class LastValue
{
    private readonly HashSet<string> _possible = [];

    public string Acknowledged { get; private set; } = "";

    public void Set(string value, int unknownTries)
    {
        Acknowledged = value;
        if (unknownTries > 0) _possible.Add(value);
    }

    public bool Allows(string value) => value == Acknowledged || _possible.Contains(value);
}

/// <summary>What the server acknowledged since the load began. Each value has one writer.</summary>
internal sealed class Acknowledged
{
    /// <summary>How many events and messages to devices.</summary>
    public int Count => Messages.Count + StateEvents.Count + ToDevice.Count;

    public ConcurrentQueue<SentEvent> Messages { get; } = new();

    /// <summary>By room and state key.</summary>
    public ConcurrentDictionary<(string Room, string Key), LastValue> States { get; } = new();

    public ConcurrentQueue<SentEvent> StateEvents { get; } = new();

    /// <summary>By user.</summary>
    public ConcurrentDictionary<string, LastValue> AccountData { get; } = new();

    /// <summary>Marks of messages to devices, by user.</summary>
    public ConcurrentQueue<(string UserId, string Mark)> ToDevice { get; } = new();

    /// <summary>The last event up to which a user has read a room.</summary>
    public ConcurrentDictionary<(string UserId, string Room), string> Read { get; } = new();
}
