using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Rooms without space for more events of a server that lack others. Transactions with such events fail, so that the
/// server sends them again. This ends when no space was found for
/// <see cref="ReceivingOptions.FullRoomTime"/>, because the server's other rooms wait meanwhile; and begins again when
/// there is space. Thread-safe.
/// </summary>
internal sealed class FullRooms(ReceivingOptions options, TimeProvider time)
{
    /// <summary>The most servers and rooms that are remembered; beyond it, all are forgotten.</summary>
    private const int Most = 10_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Server, RoomNid Room), Full> _full = [];

    /// <summary>Whether a transaction fails, so that its server sends its events again.</summary>
    /// <param name="server">The server that sent the events.</param>
    /// <param name="room">Their room.</param>
    /// <param name="withoutSpace">The ids of those that there is no space for.</param>
    /// <param name="others">The ids of the others.</param>
    internal bool Fails(
        string server, RoomNid room, IReadOnlyCollection<string> withoutSpace, IReadOnlyCollection<string> others)
    {
        lock (_gate)
        {
            var key = (server, room);
            if (withoutSpace.Count == 0)
            {
                _full.Remove(key);
                return false;
            }

            var now = time.GetUtcNow();
            if (_full.Count >= Most) _full.Clear();

            // A repeated transaction has events that found space the first time; in another one they find it now.
            var hasMoved = !_full.TryGetValue(key, out var before)
                || before.Events.Overlaps(others)
                || (others.Count > 0 && !before.Events.Overlaps(withoutSpace));
            var since = hasMoved ? now : before!.Since;
            _full[key] = new Full(since, [.. withoutSpace]);
            return now - since < options.FullRoomTime;
        }
    }

    /// <param name="Since">When there was space last.</param>
    /// <param name="Events">The events of the last transaction that there was no space for.</param>
    private sealed record Full(DateTimeOffset Since, HashSet<string> Events);
}
