using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Where there is no space for more events of a server that lack others. Transactions with such events fail, so that
/// the server sends them again. This ends when no space was found for <see cref="ReceivingOptions.FullRoomTime"/>,
/// because the server's other rooms wait meanwhile; and begins again when there was space. Thread-safe.
/// </summary>
internal sealed class FullRooms(ReceivingOptions options, TimeProvider time)
{
    /// <summary>
    /// The most servers and rooms that are remembered; beyond it, the one that failed first is forgotten.
    /// </summary>
    private const int Most = 10_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Server, RoomNid? Room), Full> _full = [];

    /// <summary>Whether a transaction fails, so that its server sends its events again.</summary>
    /// <param name="server">The server that sent the events.</param>
    /// <param name="room">The room without space; null if it is the space of all rooms.</param>
    /// <param name="isFull">Whether there was no space for some of its events.</param>
    /// <param name="hadSpace">Whether there was space: some others began to wait, or may.</param>
    internal bool Fails(string server, RoomNid? room, bool isFull, bool hadSpace)
    {
        lock (_gate)
        {
            var key = (server, room);
            if (hadSpace) _full.Remove(key);
            if (!isFull) return false;

            // Nobody tells when a room has space again. A server that did not need it for long begins anew.
            var now = time.GetUtcNow();
            var since = _full.TryGetValue(key, out var before) && now - before.Last < 2 * options.FullRoomTime
                ? before.Since
                : now;
            if (before is null && _full.Count >= Most) _full.Remove(_full.MinBy(each => each.Value.Last).Key);
            _full[key] = new Full(since, now);
            return now - since < options.FullRoomTime;
        }
    }

    /// <param name="Since">When a transaction first failed since there was space.</param>
    /// <param name="Last">When there was no space last.</param>
    private sealed record Full(DateTimeOffset Since, DateTimeOffset Last);
}
