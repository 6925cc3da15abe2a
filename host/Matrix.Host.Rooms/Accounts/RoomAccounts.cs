using Matrix.Host.Rooms.Sending;

namespace Matrix.Host.Rooms.Accounts;

/// <summary>Shows changes of accounts in the rooms that their users are in, one room after the other.</summary>
public sealed class RoomAccounts : IAccountObserver
{
    private readonly Departures _departures;
    private readonly ProfilePropagation _profiles;

    internal RoomAccounts(Departures departures, ProfilePropagation profiles)
    {
        _departures = departures;
        _profiles = profiles;
    }

    /// <inheritdoc/>
    public async ValueTask ProfileChangedAsync(string userId, CancellationToken stop) =>
        await _profiles.ShowAsync(userId).WaitAsync(stop).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask DeactivatedAsync(string userId, CancellationToken stop) =>
        await _departures.BeginAsync(userId).AsTask().WaitAsync(stop).ConfigureAwait(false);
}
