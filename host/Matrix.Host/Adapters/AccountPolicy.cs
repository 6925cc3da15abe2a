using Matrix.Host.Rooms.Policies;
using Matrix.Host.Users;

namespace Matrix.Host.Adapters;

/// <summary>Locks accounts that a policy list names.</summary>
internal sealed class AccountPolicy(PolicyLists policies) : IAccountPolicy
{
    public bool IsEmpty => policies.IsEmpty;

    public async ValueTask<string?> RefusalAsync(string userId, CancellationToken stop) =>
        await policies.OfUserAsync(userId, stop) is not { } rule ? null
        : rule.Reason.Length == 0 ? "A policy list of this server refuses the account."
        : $"A policy list of this server refuses the account: {rule.Reason}";
}
