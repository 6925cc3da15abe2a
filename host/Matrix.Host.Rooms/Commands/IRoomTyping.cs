using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Commands;

/// <summary>
/// Shows typing users of other servers in rooms whose shard is here. Rooms do not depend on streams, which implement
/// it.
/// </summary>
public interface IRoomTyping
{
    /// <summary>A user types, or stopped.</summary>
    void Set(RoomIdentity room, string userId, bool isTyping);
}
