using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Presence;

/// <summary>
/// The messages that local users attached to their presence. Client-Server API, "Presence". The rest of presence is
/// kept in memory. A row takes the bytes of the user id and of the message, at most one for each user.
/// </summary>
public interface IPresenceTable
{
    /// <summary>The messages of these users; users without one are left out.</summary>
    ValueTask<IReadOnlyDictionary<string, string>> StatusesAsync(
        IReadOnlyCollection<string> userIds, CancellationToken stop);
}

/// <summary>A user's message changed; null if there is none any more.</summary>
public sealed record PresenceStatusChanged(string UserId, string? Message) : Change;
