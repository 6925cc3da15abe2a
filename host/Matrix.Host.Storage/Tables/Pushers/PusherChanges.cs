using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Pushers;

/// <summary>The kind of a pusher.</summary>
public enum PusherKind
{
    /// <summary>It sends to a push gateway.</summary>
    Http = 1,

    /// <summary>It sends mail.</summary>
    Email = 2,
}

/// <summary>Values of `app_id` that have a meaning for servers.</summary>
public static class PusherApps
{
    /// <summary>That of every pusher that sends mail.</summary>
    public const string Email = "m.email";
}

/// <summary>A pusher's id, user and kind.</summary>
public readonly record struct PusherName(long PusherId, string UserId, PusherKind Kind);

/// <summary>A pusher.</summary>
/// <param name="PusherId">The position at which it was created.</param>
/// <param name="DeviceId">The device that set it; it ends with the device.</param>
/// <param name="SetAt">When it was last set, in milliseconds since the epoch.</param>
/// <param name="Data">The `data`, a JSON object.</param>
public sealed record PusherRow(
    long PusherId,
    PusherKind Kind,
    string UserId,
    string DeviceId,
    string AppId,
    string PushKey,
    string AppDisplayName,
    string DeviceDisplayName,
    string Lang,
    string? ProfileTag,
    ReadOnlyMemory<byte> Data,
    long SetAt)
{
    /// <summary>Whether mail may be sent: the owner of the address has confirmed it.</summary>
    public bool IsConfirmed { get; init; }

    /// <summary>When the last mail was sent, in milliseconds since the epoch; 0 if none was.</summary>
    public long MailedAt { get; init; }

    /// <summary>The secret of the links in mail; "" for other kinds.</summary>
    public string Secret { get; init; } = "";

    /// <summary>The user only: the pushkey is a secret.</summary>
    public override string ToString() => $"{PusherId} of {UserId}";
}

/// <summary>An event that a pusher has not sent.</summary>
/// <param name="Position">The event's position.</param>
/// <param name="Event">None for the counts alone.</param>
/// <param name="EnqueuedAt">Milliseconds since the epoch.</param>
public readonly record struct PendingPush(long Position, EventNid Event, long EnqueuedAt);

/// <summary>
/// Creates a user's pusher of this `app_id` and `pushkey`, or changes it. If it is not <paramref name="IsAppended"/>,
/// pushers of other users with the same `app_id` and `pushkey` are deleted. Not applied if the device has ended.
/// </summary>
/// <param name="Pusher">The pusher; its id and time are set when it is stored.</param>
/// <remarks>Other nodes get the id, kind, user, device and `app_id` only.</remarks>
public sealed record PusherSet(PusherRow Pusher, bool IsAppended) : ConditionalChange
{
    /// <summary>The id, once stored.</summary>
    public long PusherId { get; internal set; }

    internal override int Weight => 600 + Pusher.Data.Length;
}

/// <summary>Deletes a user's pusher, and what it has not sent. Not applied if there is none.</summary>
public sealed record PusherDeleted(string UserId, string AppId, string PushKey) : ConditionalChange;

/// <summary>Deletes all pushers of a user, those without a device included, and what they have not sent.</summary>
public sealed record PushersOfUserDeleted(string UserId) : Change;

/// <summary>
/// Deletes a pusher whose `pushkey` the push gateway, or the address's owner, rejected. Not applied if there is none,
/// or if it was set again.
/// </summary>
/// <param name="SetAt">When the pusher that was rejected was set.</param>
public sealed record PusherRejected(long PusherId, long SetAt) : ConditionalChange;

/// <summary>The owner of a pusher's address has confirmed it. Not applied if there is no such pusher.</summary>
public sealed record PusherConfirmed(long PusherId) : ConditionalChange;

/// <summary>A pusher has sent a mail.</summary>
public sealed record PusherMailed(long PusherId) : Change;

/// <summary>
/// A pusher has to send an event, or the counts alone (none). Not applied if there is no such pusher.
/// </summary>
public sealed record PushEnqueued(long PusherId, long At, EventNid Event) : ConditionalChange
{
    internal override int Weight => 60;
}

/// <summary>A pusher has sent everything up to an event, or it need not be sent any more.</summary>
public sealed record PushSent(long PusherId, long At, EventNid Event) : Change
{
    internal override int Weight => 60;
}

/// <summary>Keeps only the latest events that a pusher owes.</summary>
public sealed record PushesTrimmed(long PusherId, int Keep) : Change;
