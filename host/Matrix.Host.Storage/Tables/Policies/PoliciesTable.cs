using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Policies;

/// <summary>
/// The versions of policies that users accepted when they registered: some 150 bytes each, and as many for a user as
/// the configuration has policies. v1.19 client-server-api#terms-of-service-at-registration
/// </summary>
public sealed class PoliciesTable(IReads reads)
{
    private static readonly Statement Accepted = Statement.Of(
        "SELECT policy, version FROM accepted_policies WHERE user_id = $1 ORDER BY policy, version");

    /// <summary>What a user accepted.</summary>
    public ValueTask<IReadOnlyList<AcceptedPolicy>> AcceptedAsync(string userId, CancellationToken stop) =>
        reads.ListAsync(
            Accepted,
            userId,
            static (a, id) => a.Text(id),
            static row => new AcceptedPolicy(row.Text(0), row.Text(1)),
            stop);
}

internal static class PoliciesHandlers
{
    private static readonly Statement Accept = Statement.Of("""
        INSERT INTO accepted_policies (user_id, policy, version, accepted_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (user_id, policy, version) DO NOTHING
        """);

    internal static void Register(WriteHandlers handlers) => handlers
        .On<PolicyAccepted>(Accept, static (a, op) => a
            .Text(op.UserId).Text(op.Accepted.Policy).Text(op.Accepted.Version).Now());
}

/// <summary>A version of a policy.</summary>
/// <param name="Policy">The id of the policy.</param>
public sealed record AcceptedPolicy(string Policy, string Version);

/// <summary>A user accepted a version of a policy.</summary>
public sealed record PolicyAccepted(string UserId, AcceptedPolicy Accepted) : Change;
