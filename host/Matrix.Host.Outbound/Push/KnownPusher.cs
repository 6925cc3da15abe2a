using Matrix.Host.Outbound.Queue;
using Matrix.Host.Storage.Tables.Pushers;

namespace Matrix.Host.Outbound.Push;

/// <summary>A pusher that takes turns.</summary>
internal abstract class KnownPusher(PusherName pusher) : QueuedSender
{
    private int _countChanged;

    /// <summary>The pusher.</summary>
    internal PusherName Pusher => pusher;

    /// <summary>The gateway at which it has a place; <see cref="GatewayShares"/> guards it and the next one.</summary>
    internal string? Gateway { get; set; }

    /// <summary>Whether it stands in line for a place.</summary>
    internal bool IsInLine { get; set; }

    /// <summary>Events that came since what it owes was trimmed; <see cref="PushSenders"/> guards it.</summary>
    internal int PendingSinceTrim { get; set; }

    /// <summary>Whether its receiver has got a count from this process.</summary>
    internal virtual bool HasSentCount => false;

    /// <summary>Whether the count has to be sent, if it differs from the last one.</summary>
    internal bool CountChanged
    {
        get => Volatile.Read(ref _countChanged) != 0;
        set => Volatile.Write(ref _countChanged, value ? 1 : 0);
    }
}
