using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.AuthChains;

/// <summary>
/// The auth events of state events, in rooms with other servers: the index with which state resolution finds the auth
/// difference without loading whole chains.
/// </summary>
public interface IAuthChainsTable
{
    /// <summary>
    /// The accepted state events that name this one in `auth_events`, the newest first. Outliers that came live are
    /// named by their old number.
    /// </summary>
    ValueTask<IReadOnlyList<EventNid>> CitingAsync(EventNid authEvent, int limit, CancellationToken stop);

    /// <summary>
    /// These state events and their auth chains, as far as they are in the index, in one round trip. Outliers that came
    /// live may be named by their old number.
    /// </summary>
    ValueTask<IReadOnlyList<EventNid>> ChainAsync(IReadOnlyCollection<EventNid> events, CancellationToken stop);

    /// <summary>The heights of these state events; those without one are left out.</summary>
    ValueTask<IReadOnlyDictionary<EventNid, int>> HeightsAsync(
        IReadOnlyCollection<EventNid> events, CancellationToken stop);
}

/// <summary>A state event of a room with other servers was decided, and not rejected.</summary>
/// <param name="Event">The state event.</param>
/// <param name="AuthEvents">The events that it names in `auth_events`.</param>
/// <param name="Height">One more than the greatest height among them; 0 without any.</param>
public sealed record AuthEventsIndexed(EventNid Event, IReadOnlyList<EventNid> AuthEvents, int Height) : Change
{
    /// <summary>The height of an event with auth events whose heights are unknown; it is not stored.</summary>
    public const int UnknownHeight = -1;

    internal override int Weight => 40 * (AuthEvents.Count + 1);
}
