using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.PresenceLists;

/// <summary>
/// The presence lists of local users. A row takes the bytes of two user ids; a limit for each user bounds their number.
/// The 2014 Client-Server API, "Presence List".
/// </summary>
public interface IPresenceListsTable
{
    /// <summary>The users whom a user has listed, in order.</summary>
    ValueTask<IReadOnlyList<string>> OfUserAsync(string userId, CancellationToken stop);

    /// <summary>The users whom a user has listed and who have listed the user.</summary>
    ValueTask<IReadOnlyList<string>> MutualAsync(string userId, CancellationToken stop);

    /// <summary>Whether two users have listed each other.</summary>
    ValueTask<bool> IsMutualAsync(string userId, string other, CancellationToken stop);
}

/// <summary>Lists a user. Not applied beyond the limit; listing a user again changes nothing.</summary>
/// <param name="Most">The most users on one list.</param>
public sealed record PresenceListed(string UserId, string Listed, int Most) : ConditionalChange;

/// <summary>Removes a user from a list.</summary>
public sealed record PresenceUnlisted(string UserId, string Listed) : Change;
