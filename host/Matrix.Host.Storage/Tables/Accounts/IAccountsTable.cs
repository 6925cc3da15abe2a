namespace Matrix.Host.Storage.Tables.Accounts;

/// <summary>Users, devices, access and refresh tokens, registration and login tokens.</summary>
public interface IAccountsTable
{
    /// <summary>The user, or null.</summary>
    ValueTask<UserRow?> FindUserAsync(string userId, CancellationToken stop);

    /// <summary>All users by id, a page at a time: those after <paramref name="afterUser"/> (empty for the first page).</summary>
    ValueTask<IReadOnlyList<UserRow>> ListUsersAsync(string afterUser, int limit, CancellationToken stop);

    /// <summary>The users who were deactivated and erased, by id, a page at a time: those after <paramref name="afterUser"/>.</summary>
    ValueTask<IReadOnlyList<UserRow>> ListErasedAsync(string afterUser, int limit, CancellationToken stop);

    /// <summary>
    /// The deactivated users who are still to leave their rooms, by id, a page at a time: those after <paramref
    /// name="afterUser"/>.
    /// </summary>
    ValueTask<IReadOnlyList<string>> ListDeparturesAsync(string afterUser, int limit, CancellationToken stop);

    /// <summary>Whether there is any user at all.</summary>
    ValueTask<bool> AnyUserAsync(CancellationToken stop);

    /// <summary>Who holds the token with this hash, expired ones included; null if nobody does.</summary>
    ValueTask<TokenRow?> FindTokenAsync(ReadOnlyMemory<byte> hash, CancellationToken stop);

    /// <summary>The device, or null.</summary>
    ValueTask<DeviceRow?> FindDeviceAsync(string userId, string deviceId, CancellationToken stop);

    /// <summary>A user's devices.</summary>
    ValueTask<IReadOnlyList<DeviceRow>> DevicesAsync(string userId, CancellationToken stop);

    /// <summary>
    /// Whose the login token with this hash is; null if there is none that is valid at that time (milliseconds since
    /// the epoch).
    /// </summary>
    ValueTask<string?> FindLoginTokenAsync(ReadOnlyMemory<byte> hash, long now, CancellationToken stop);

    /// <summary>The registration token, or null. The first user's is not there once there are users.</summary>
    ValueTask<RegistrationTokenRow?> FindRegistrationTokenAsync(string token, CancellationToken stop);

    /// <summary>All registration tokens, without the first user's once there are users.</summary>
    ValueTask<IReadOnlyList<RegistrationTokenRow>> RegistrationTokensAsync(CancellationToken stop);
}
