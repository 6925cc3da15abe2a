using Matrix.Host.Rooms.Sending;

namespace Matrix.Host.Rooms.Accounts;

/// <summary>Shows changes of accounts in the rooms that their users are in, one room after the other.</summary>
public sealed class RoomAccounts
{
    private readonly Departures _departures;
    private readonly ProfilePropagation _profiles;

    internal RoomAccounts(Departures departures, ProfilePropagation profiles)
    {
        _departures = departures;
        _profiles = profiles;
    }

    /// <summary>
    /// A user's display name or avatar changed, durably: every room that they are joined to gets a new membership
    /// event.
    /// </summary>
    public async ValueTask ShowProfileAsync(string userId, CancellationToken stop) =>
        await _profiles.ShowAsync(userId).WaitAsync(stop);

    /// <summary>
    /// Makes a deactivated user leave every room, once the deactivation is durable. <see cref="Departures"/> retries
    /// rooms that fail.
    /// </summary>
    public async ValueTask LeaveAllAsync(string userId, CancellationToken stop) =>
        await _departures.BeginAsync(userId).AsTask().WaitAsync(stop);
}
