using Matrix.Host.Outbound.Federation;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Users;

namespace Matrix.Host.Adapters;

/// <summary>Applies changes of accounts to the user's rooms.</summary>
internal sealed class AccountObserver(RoomAccounts rooms) : IAccountObserver
{
    public ValueTask ProfileChangedAsync(string userId, CancellationToken stop) => rooms.ShowProfileAsync(userId, stop);

    public ValueTask DeactivatedAsync(string userId, CancellationToken stop) => rooms.LeaveAllAsync(userId, stop);
}
