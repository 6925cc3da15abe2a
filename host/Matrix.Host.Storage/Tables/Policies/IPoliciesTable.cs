using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Policies;

/// <summary>
/// The versions of policies that users accepted when they registered: some 150 bytes each, and as many for a user as
/// the configuration has policies. Client-Server API, "Terms of service at registration".
/// </summary>
public interface IPoliciesTable
{
    /// <summary>What a user accepted.</summary>
    ValueTask<IReadOnlyList<AcceptedPolicy>> AcceptedAsync(string userId, CancellationToken stop);
}

/// <summary>A version of a policy.</summary>
/// <param name="Policy">The id of the policy.</param>
public sealed record AcceptedPolicy(string Policy, string Version);

/// <summary>A user accepted a version of a policy.</summary>
public sealed record PolicyAccepted(string UserId, AcceptedPolicy Accepted) : Change;
