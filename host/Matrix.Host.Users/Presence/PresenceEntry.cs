using Matrix.Core.Cluster;
using Matrix.Core.Presence;

namespace Matrix.Host.Users.Presence;

/// <summary>A user in <see cref="PresenceBoard"/>, guarded by its lock. Times are milliseconds.</summary>
internal sealed class PresenceEntry(string userId, bool isLocal, int shard)
{
    public string UserId => userId;

    public bool IsLocal => isLocal;

    /// <summary>The shard of the user, or of the user's server; 0 where shards do not move.</summary>
    public int Shard => shard;

    /// <summary>
    /// Whether this node has the shard, and decides what is shown. Otherwise the entry is kept as it was shown last, or
    /// as the node that has the shard tells it.
    /// </summary>
    public bool IsOwn { get; private set; } = true;

    /// <summary>The node that told of a user who is not own; null if none has.</summary>
    public NodeIncarnation? From { get; private set; }

    /// <summary>When a user who is not own is taken for offline, unless a node tells of them again.</summary>
    public long KeptUntil { get; set; } = long.MaxValue;

    /// <summary>A local user's devices.</summary>
    public UserPresence Devices { get; set; } = UserPresence.Absent;

    /// <summary>Whether the devices are those of before a restart.</summary>
    public bool IsRestored { get; set; }

    /// <summary>
    /// Where the imported server had what is shown among its changes of presence, until that is taken; 0 otherwise.
    /// </summary>
    public long ImportedAt { get; set; }

    /// <summary>The user's message.</summary>
    public string? Status { get; set; }

    /// <summary>Whether the message was read from the database, if it is a local user's.</summary>
    public bool StatusIsKnown { get; set; }

    /// <summary>What the server of a remote user said last; or what was shown last of a user who is not own.</summary>
    public PresenceState RemoteState { get; set; }

    public bool RemoteIsActive { get; set; }

    /// <summary>The last activity of such a user; 0 if none is known.</summary>
    public long RemoteLastActive { get; set; }

    /// <summary>When a remote user is taken for offline.</summary>
    public long RemoteUntil { get; set; }

    /// <summary>What was shown last.</summary>
    public PublishedPresence Published { get; set; }

    public long ShownAt { get; set; } = long.MinValue / 2;

    /// <summary>Whether it is among the changes that wait.</summary>
    public bool IsWaiting { get; set; }

    /// <summary>Whether it is shown again though nothing changed: it was not shown to all.</summary>
    public bool MustShow { get; set; }

    /// <summary>Its place in the wheel.</summary>
    public LinkedListNode<PresenceEntry>? InWheel { get; set; }

    public int Slot { get; set; } = -1;

    public long Due { get; set; } = long.MaxValue;

    /// <summary>Its place in the order of changes.</summary>
    public LinkedListNode<PresenceEntry>? InOrder { get; set; }

    public long LastActive => HasDevices ? Devices.LastActive : RemoteLastActive;

    /// <summary>Whether its devices say what is shown.</summary>
    private bool HasDevices => isLocal && IsOwn;

    /// <summary>The shard was given away: what was shown stays.</summary>
    public void Release()
    {
        RemoteLastActive = LastActive;
        (RemoteState, RemoteIsActive, Status) = (Published.State, Published.IsCurrentlyActive, Published.Status);
        StatusIsKnown = true;
        MustShow = false;
        Devices = UserPresence.Absent;
        IsRestored = false;
        IsOwn = false;
        From = null;
        KeptUntil = long.MaxValue;
    }

    /// <summary>The node that has the shard tells what it shows.</summary>
    public void Tell(NodeIncarnation from, PublishedPresence shown, long lastActive)
    {
        if (IsOwn) Release();
        RemoteLastActive = Math.Max(RemoteLastActive, lastActive);
        (RemoteState, RemoteIsActive, Status) = (shown.State, shown.IsCurrentlyActive, shown.Status);
        From = from;
        KeptUntil = long.MaxValue;
    }

    /// <summary>The shard came here: unless there is news of the user soon, they are shown as offline.</summary>
    public void TakeOver(long now, long remoteFor)
    {
        if (now >= KeptUntil) (RemoteState, RemoteIsActive) = (PresenceState.Offline, false);
        IsOwn = true;
        From = null;
        KeptUntil = long.MaxValue;
        RemoteUntil = now + remoteFor;
        if (!isLocal) return;
        StatusIsKnown = false;
        if (RemoteState == PresenceState.Offline) return;
        Devices = UserPresence.Restored(RemoteState, RemoteLastActive, now);
        IsRestored = true;
    }

    /// <summary>A device is back after a restart: its own state counts, and no longer that of before.</summary>
    public void HasReturned()
    {
        if (IsRestored) Devices = UserPresence.Absent;
        IsRestored = false;
    }

    /// <summary>What others see now.</summary>
    public PublishedPresence At(long now, PresenceLimits limits)
    {
        if (HasDevices)
        {
            var shown = Devices.At(now, limits);
            return new PublishedPresence(shown.State, shown.IsCurrentlyActive, Status);
        }

        return now < (IsOwn ? RemoteUntil : KeptUntil)
            ? new PublishedPresence(RemoteState, RemoteIsActive, Status)
            : new PublishedPresence(PresenceState.Offline, false, Status);
    }

    /// <summary>When that may change by itself.</summary>
    public long NextChange(long now, PresenceLimits limits) =>
        !IsOwn ? (RemoteState != PresenceState.Offline && now < KeptUntil ? KeptUntil : long.MaxValue)
            : isLocal ? Devices.NextChange(now, limits)
            : RemoteState != PresenceState.Offline && now < RemoteUntil ? RemoteUntil
            : long.MaxValue;
}

/// <summary>What is shown of a user.</summary>
internal readonly record struct PublishedPresence(PresenceState State, bool IsCurrentlyActive, string? Status);
