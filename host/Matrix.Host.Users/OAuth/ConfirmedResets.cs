using Matrix.Host.Storage.Commits;
using Matrix.Host.Users.Commands;

namespace Matrix.Host.Users.OAuth;

/// <summary>
/// Confirmations that cross-signing keys may be replaced, by users whom another node may have: their browser signed in
/// at this one.
/// </summary>
public sealed class ConfirmedResets(CrossSigningResets resets, UserCommands commands)
{
    /// <summary>The user confirms.</summary>
    /// <exception cref="StorageException">Nobody could be reached that has the user.</exception>
    public async ValueTask AllowAsync(string userId, CancellationToken stop) => await commands.RunAsync(
        userId,
        () =>
        {
            resets.Allow(userId);
            return ValueTask.FromResult(new UserAnswer(Failure: null));
        },
        () => new AllowKeyReset(userId),
        stop);
}
