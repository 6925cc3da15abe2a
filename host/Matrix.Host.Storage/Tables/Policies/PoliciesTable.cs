using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Policies;

internal sealed class PoliciesTable(IReads reads) : IPoliciesTable
{
    private static readonly Statement Accepted = Statement.Of(
        "SELECT policy, version FROM accepted_policies WHERE user_id = $1 ORDER BY policy, version");

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

    public static void Register(WriteHandlers handlers) => handlers
        .On<PolicyAccepted>(Accept, static (a, op) => a
            .Text(op.UserId).Text(op.Accepted.Policy).Text(op.Accepted.Version).Now());
}
