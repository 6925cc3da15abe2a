using Matrix.Core.Push;

namespace Matrix.Host.Rooms;

/// <summary>
/// Local users as rooms need them. Rooms do not depend on users: the composition root implements this.
/// </summary>
public interface ILocalUsers
{
    /// <summary>
    /// Why this server does not have the user; null if it does, also if the user is deactivated. An application service
    /// whose namespace includes the user is asked to create them, and may not answer.
    /// </summary>
    ValueTask<RoomFailure?> UnknownAsync(string userId, CancellationToken stop);

    /// <summary>
    /// The display name and avatar that the user's member events show. Those of another server's user are asked for
    /// there.
    /// </summary>
    ValueTask<ShownProfile> ShownProfileAsync(string userId, CancellationToken stop);

    /// <summary>Whether the user blocks all invites.</summary>
    ValueTask<bool> BlocksInvitesAsync(string userId, CancellationToken stop);

    /// <summary>The state of the user's account; nothing of it for a user who does not exist.</summary>
    ValueTask<LocalAccount> AccountAsync(string userId, CancellationToken stop);

    /// <summary>The users whom the user ignores.</summary>
    ValueTask<IReadOnlySet<string>> IgnoredByAsync(string userId, CancellationToken stop);

    /// <summary>
    /// The user's push rules; null if the user has not changed the defaults. The lane reads them for each event and
    /// local member, so they should come from memory.
    /// </summary>
    ValueTask<Ruleset?> PushRulesAsync(string userId, CancellationToken stop);
}

/// <summary>The state of an account.</summary>
/// <param name="IsGuest">Whether it is a guest's.</param>
/// <param name="IsLocked">Whether it is locked.</param>
/// <param name="IsSuspended">Whether it is suspended.</param>
public readonly record struct LocalAccount(bool IsGuest, bool IsLocked, bool IsSuspended);

/// <summary>The part of a profile that member events show; null where it is not set.</summary>
/// <param name="DisplayName">`displayname`.</param>
/// <param name="AvatarUrl">`avatar_url`.</param>
public readonly record struct ShownProfile(string? DisplayName, string? AvatarUrl);
