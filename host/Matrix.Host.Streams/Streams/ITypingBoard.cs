using Matrix.Host.Storage;

namespace Matrix.Host.Streams.Streams;

/// <summary>Who types where. Client-Server API, "Typing Notifications".</summary>
public interface ITypingBoard
{
    /// <summary>A user types for so long, if they do not say otherwise before; null if they stopped.</summary>
    void Set(RoomNid room, string userId, TimeSpan? timeout);

    /// <summary>Who types in a room, in the order in which they began.</summary>
    IReadOnlyList<string> In(RoomNid room);
}
