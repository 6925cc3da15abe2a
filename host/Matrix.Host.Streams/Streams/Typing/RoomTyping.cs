using Matrix.Host.Rooms.Commands;
using Matrix.Host.Storage;

namespace Matrix.Host.Streams.Streams.Typing;

/// <summary>Shows typing users of other servers whose transaction came to another node.</summary>
internal sealed class RoomTyping(ITypingBoard board, SyncOptions options) : IRoomTyping
{
    public void Set(RoomIdentity room, string userId, bool isTyping) =>
        board.Set(room, userId, isTyping ? options.RemoteTyping : null);
}
