using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Writing;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams;

/// <summary>Events and state of rooms: whoever is joined hears that their room went on.</summary>
internal sealed class TimelineStream(SyncBoard board) : IChangeConsumer
{
    /// <inheritdoc/>
    public void Take(WriteOperation change, long position)
    {
        if (change is not RoomAdvanced advanced || board.Room(advanced.Room.Nid) is not { } room) return;
        room.Touch(RoomMoment.Of(advanced.Room.Nid, advanced.Header, position), board.Ephemeral, board.ToWake);
    }

    /// <inheritdoc/>
    public void Missed(long through) => board.ForgetAll(through);
}
