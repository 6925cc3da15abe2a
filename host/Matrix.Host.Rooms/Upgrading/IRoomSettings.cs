namespace Matrix.Host.Rooms.Upgrading;

/// <summary>
/// The settings that a user has for a room: tags, push rules, and its place among direct chats. Rooms do not depend on
/// users: the composition root implements this.
/// </summary>
public interface IRoomSettings
{
    /// <summary>Gives a user the settings of the old room for the one that replaces it. Existing ones stay.</summary>
    ValueTask CopyAsync(string userId, string oldRoomId, string newRoomId, CancellationToken stop);
}
