using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.DelayedEvents;

/// <summary>
/// Events that clients scheduled and that are not sent or cancelled yet. A row takes some 300 bytes beside the event's
/// content. MSC4140.
/// </summary>
public interface IDelayedEventsTable
{
    /// <summary>All of them without their contents, by id, a page at a time: those after this id.</summary>
    ValueTask<IReadOnlyList<DelayedEventRow>> AllAsync(string after, int limit, CancellationToken stop);

    /// <summary>Those of a user, with their contents.</summary>
    ValueTask<IReadOnlyList<DelayedEventRow>> OfUserAsync(string userId, CancellationToken stop);

    /// <summary>One of them, with its content; null if there is none.</summary>
    ValueTask<DelayedEventRow?> FindAsync(string delayId, CancellationToken stop);
}

/// <summary>A scheduled event.</summary>
/// <param name="DelayId">Its secret name: whoever knows it may send or cancel the event.</param>
/// <param name="Sender">The user and the device that scheduled it.</param>
/// <param name="StateKey">Null for a message event.</param>
/// <param name="Content">The content, a JSON object; empty where it is not read.</param>
/// <param name="OriginServerTs">Milliseconds since the epoch that an application service gives the event; null for the
/// time of sending.</param>
/// <param name="Delay">Milliseconds.</param>
/// <param name="Since">When the delay last began, in milliseconds since the epoch.</param>
/// <param name="Request">The hash of the key of the request that scheduled it; null without a transaction id.</param>
public sealed record DelayedEventRow(
    string DelayId,
    UserDevice Sender,
    string RoomId,
    string Type,
    string? StateKey,
    ReadOnlyMemory<byte> Content,
    long? OriginServerTs,
    long Delay,
    long Since,
    UInt128? Request)
{
    /// <summary>The user only: the id is a secret.</summary>
    public override string ToString() => $"of {Sender.UserId} in {RoomId}";
}

/// <summary>Schedules an event.</summary>
public sealed record DelayedEventAdded(DelayedEventRow Row) : Change
{
    internal override int Weight => 300 + Row.Content.Length;
}

/// <summary>The delay of a scheduled event begins anew.</summary>
public sealed record DelayedEventRestarted(string DelayId, long Since) : Change;

/// <summary>A scheduled event was sent or cancelled, or cannot be sent.</summary>
public sealed record DelayedEventEnded(string DelayId) : Change;
