using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.RoomRows;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.StrippedRooms;

/// <summary>
/// Rooms of other servers that a user knows only by an invite or knock, and those that were deleted.
/// </summary>
internal sealed class StrippedRoomStream(Notifier notifier) : IChangeConsumer
{
    public void OnChange(Change change, long position)
    {
        if (change is RoomDeleted { Applied: true } deleted)
        {
            foreach (var each in deleted.LocalUsers) Touch(each, position);
            return;
        }

        var userId = change switch
        {
            StrippedRoomEntered entered => entered.UserId,
            StrippedRoomDescribed described => described.UserId,
            StrippedRoomLeft left => left.UserId,
            _ => null,
        };
        if (userId is not null) Touch(userId, position);
    }

    private void Touch(string userId, long position)
    {
        if (notifier.Touched(userId) is not { } stream) return;
        stream.TouchStrippedRooms(position, notifier.Ephemeral, notifier.ToWake);
    }

    public void Missed(long through) => notifier.ForgetAll(through);
}
