namespace Matrix.Host.Users;

/// <summary>
/// Accounts that the operator's policy refuses. Users do not depend on rooms, where the policy comes from: the
/// composition root implements this.
/// </summary>
public interface IAccountPolicy
{
    /// <summary>Whether there is no policy at all.</summary>
    bool IsEmpty { get; }

    /// <summary>Why an account is refused, for its user; null if it is not.</summary>
    ValueTask<string?> RefusalAsync(string userId, CancellationToken stop);
}
