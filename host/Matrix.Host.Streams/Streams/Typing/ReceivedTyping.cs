using Matrix.Core.Ident;
using Matrix.Host.Rooms.Commands;
using Matrix.Host.Rooms.Servers;

namespace Matrix.Host.Streams.Streams.Typing;

/// <summary>Shows typing users of other servers. v1.19 server-server-api#typing-notifications</summary>
public sealed class ReceivedTyping(
    ServerAccess access, ITypingBoard board, RoomCommands commands, SyncOptions options)
{
    /// <summary>
    /// Shows a user typing, or stops that. Only a joined user of the server, in a room that allows the server.
    /// </summary>
    /// <returns>False if the server may not send this.</returns>
    public async ValueTask<bool> ReceiveAsync(
        string origin, string roomId, string userId, bool isTyping, CancellationToken stop)
    {
        if (!UserId.IsValid(userId)
            || UserId.Server(userId) != origin
            || await access.ForEdusAsync(origin, roomId, stop) is not { } snapshot
            || !await access.IsUserJoinedAsync(userId, snapshot, stop))
        {
            return false;
        }

        if (!board.Set(snapshot.Room, userId, isTyping ? options.RemoteTyping : null))
        {
            await commands.SetTypingAsync(roomId, userId, isTyping, stop);
        }

        return true;
    }
}
