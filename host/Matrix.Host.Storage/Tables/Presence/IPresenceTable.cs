using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Presence;

/// <summary>
/// The messages that local users attached to their presence, and who was present at the last orderly stop.
/// Client-Server API, "Presence". The rest of presence is kept in memory. A row takes the bytes of the user id and of
/// the message, at most two for each user.
/// </summary>
public interface IPresenceTable
{
    /// <summary>The messages of these users; users without one are left out.</summary>
    ValueTask<IReadOnlyDictionary<string, string>> StatusesAsync(
        IReadOnlyCollection<string> userIds, CancellationToken stop);

    /// <summary>The local users who were not offline when the server stopped.</summary>
    ValueTask<IReadOnlyList<PresentUser>> AtStopAsync(CancellationToken stop);
}

/// <summary>A local user who is not offline.</summary>
/// <param name="State">The value of the state.</param>
/// <param name="LastActive">The last activity, in milliseconds since the epoch; 0 if none is known.</param>
public readonly record struct PresentUser(string UserId, int State, long LastActive);

/// <summary>
/// The server stops with these users not offline, in place of those of the last stop. A row takes the bytes of the
/// user id; `presence.users` bounds them.
/// </summary>
public sealed record PresenceStopped(IReadOnlyList<PresentUser> Users) : Change
{
    internal override int Weight => 100 + (100 * Users.Count);
}

/// <summary>A user's message changed; null if there is none any more.</summary>
public sealed record PresenceStatusChanged(string UserId, string? Message) : Change;
