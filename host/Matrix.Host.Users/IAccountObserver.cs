namespace Matrix.Host.Users;

/// <summary>
/// Is notified of changes of an account that its rooms must show, once the change itself is durable. Users do not see
/// rooms: whoever composes the server implements this.
/// </summary>
public interface IAccountObserver
{
    /// <summary>
    /// The user's display name or avatar changed: every room that they are joined to gets a new membership event.
    /// Client-Server API, "Events on Change of Profile Information".
    /// </summary>
    ValueTask ProfileChangedAsync(string userId, CancellationToken stop);

    /// <summary>
    /// The account was deactivated: the user leaves every room, and declines every invite. A room that cannot be left
    /// now is left later.
    /// </summary>
    ValueTask DeactivatedAsync(string userId, CancellationToken stop);
}
