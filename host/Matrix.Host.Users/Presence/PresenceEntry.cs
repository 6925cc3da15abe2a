using Matrix.Core.Presence;

namespace Matrix.Host.Users.Presence;

/// <summary>A user in <see cref="PresenceBoard"/>, guarded by its lock. Times are milliseconds.</summary>
internal sealed class PresenceEntry(string userId, bool isLocal)
{
    public string UserId => userId;

    public bool IsLocal => isLocal;

    /// <summary>A local user's devices.</summary>
    public UserPresence Devices { get; set; } = UserPresence.Absent;

    /// <summary>Whether the devices are those of before a restart.</summary>
    public bool IsRestored { get; set; }

    /// <summary>The user's message.</summary>
    public string? Status { get; set; }

    /// <summary>Whether the message was read from the database, if it is a local user's.</summary>
    public bool StatusIsKnown { get; set; }

    /// <summary>What the server of a remote user said last.</summary>
    public PresenceState RemoteState { get; set; }

    public bool RemoteIsActive { get; set; }

    /// <summary>The last activity of a remote user; 0 if none is known.</summary>
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

    public long LastActive => isLocal ? Devices.LastActive : RemoteLastActive;

    /// <summary>A device is back after a restart: its own state counts, and no longer that of before.</summary>
    public void HasReturned()
    {
        if (IsRestored) Devices = UserPresence.Absent;
        IsRestored = false;
    }

    /// <summary>What others see now.</summary>
    public PublishedPresence At(long now, PresenceLimits limits)
    {
        if (isLocal)
        {
            var shown = Devices.At(now, limits);
            return new PublishedPresence(shown.State, shown.IsCurrentlyActive, Status);
        }

        return now < RemoteUntil
            ? new PublishedPresence(RemoteState, RemoteIsActive, Status)
            : new PublishedPresence(PresenceState.Offline, false, Status);
    }

    /// <summary>When that may change by itself.</summary>
    public long NextChange(long now, PresenceLimits limits) =>
        isLocal ? Devices.NextChange(now, limits)
            : RemoteState != PresenceState.Offline && now < RemoteUntil ? RemoteUntil
            : long.MaxValue;
}

/// <summary>What is shown of a user.</summary>
internal readonly record struct PublishedPresence(PresenceState State, bool IsCurrentlyActive, string? Status);
