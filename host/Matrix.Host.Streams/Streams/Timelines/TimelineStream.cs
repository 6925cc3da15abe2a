using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.Timelines;

/// <summary>Events and state of rooms, for all joined members.</summary>
internal sealed class TimelineStream(Notifier notifier) : IChangeConsumer
{
    public void OnChange(Change change, long position)
    {
        if (change is not RoomAdvanced advanced || notifier.Room(advanced.Room.Nid) is not { } room) return;
        room.Touch(PastPosition.Of(advanced.Room.Nid, advanced.Header, position), notifier.Ephemeral, notifier.ToWake);
    }

    public void Missed(long through) => notifier.ForgetAll(through);
}
