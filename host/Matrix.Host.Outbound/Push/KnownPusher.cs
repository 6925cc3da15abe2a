using Matrix.Host.Outbound.Queue;
using Matrix.Host.Storage.Tables.Pushers;

namespace Matrix.Host.Outbound.Push;

/// <summary>A pusher that takes turns.</summary>
internal abstract class KnownPusher(PusherName pusher) : QueuedSender
{
    private int _countChanged;

    /// <summary>The pusher.</summary>
    internal PusherName Pusher => pusher;

    /// <summary>Whether the count has to be sent, if it differs from the last one.</summary>
    internal bool CountChanged
    {
        get => Volatile.Read(ref _countChanged) != 0;
        set => Volatile.Write(ref _countChanged, value ? 1 : 0);
    }
}
