namespace Matrix.Host.Users;

/// <summary>
/// Applies a change of an account to the user's rooms, after the change is durable. This project does not reference
/// rooms, so the host implements it.
/// </summary>
public interface IAccountObserver
{
    /// <summary>
    /// The user's display name or avatar changed: every room that they are joined to gets a new membership event.
    /// v1.19 client-server-api#events-on-change-of-profile-information
    /// </summary>
    ValueTask ProfileChangedAsync(string userId, CancellationToken stop);

    /// <summary>
    /// The account was deactivated: the user leaves every room, and declines every invite. A room that cannot be left
    /// now is left later.
    /// </summary>
    ValueTask DeactivatedAsync(string userId, CancellationToken stop);
}
