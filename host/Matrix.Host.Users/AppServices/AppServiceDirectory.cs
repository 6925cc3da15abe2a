namespace Matrix.Host.Users.AppServices;

/// <summary>
/// The application services of this server, which change when their registrations are read again.
/// v1.19 application-service-api#registration
/// </summary>
public sealed class AppServiceDirectory
{
    private volatile IReadOnlyList<AppService> _all;

    /// <summary>Creates a directory.</summary>
    public AppServiceDirectory(IReadOnlyList<AppService> services) => _all = services;

    /// <summary>All services.</summary>
    public IReadOnlyList<AppService> All => _all;

    /// <summary>Called after the services were replaced.</summary>
    public event Action? Replaced;

    /// <summary>Replaces the services.</summary>
    public void Replace(IReadOnlyList<AppService> services)
    {
        _all = services;
        Replaced?.Invoke();
    }

    /// <summary>The service with this id; null if there is none.</summary>
    public AppService? Find(string id) => _all.FirstOrDefault(service => service.Id == id);

    /// <summary>The service with this `as_token`; null if there is none. Compares with all tokens.</summary>
    public AppService? ByToken(string token)
    {
        var all = _all;
        if (all.Count == 0) return null;
        var hash = AppService.HashOf(token);
        AppService? found = null;
        foreach (var service in all)
        {
            if (service.HasToken(hash)) found = service;
        }

        return found;
    }

    /// <summary>
    /// Whether a service, or a user without one, may create this user: it is in the service's own namespaces, and in no
    /// exclusive one of another. v1.19 application-service-api#server-admin-style-permissions
    /// </summary>
    /// <param name="by">The service; null for anyone else.</param>
    /// <param name="userId">A local user.</param>
    public bool MayCreateUser(AppService? by, string userId) =>
        by?.HasUser(userId) != false && !IsReserved(by, other => other.ReservesUser(userId));

    /// <summary>The same for creating and deleting an alias.</summary>
    public bool MayManageAlias(AppService? by, string alias) =>
        by?.HasAlias(alias) != false && !IsReserved(by, other => other.ReservesAlias(alias));

    private bool IsReserved(AppService? by, Func<AppService, bool> reserves)
    {
        foreach (var other in _all)
        {
            if (other.Id != by?.Id && reserves(other)) return true;
        }

        return false;
    }
}
