namespace Matrix.Host.Users.Profiles;

/// <summary>Who may look up profiles.</summary>
public enum ProfileAudience
{
    /// <summary>Everyone, without an account too.</summary>
    Everyone,

    /// <summary>Users of this server, and other servers.</summary>
    Users,

    /// <summary>
    /// Users and servers that share a room with the user, and all users of this server if the user is in a room that
    /// everyone may join or read.
    /// </summary>
    SharedRooms,
}

/// <summary>Who looks a profile up: a user of this server, another server, or neither.</summary>
/// <param name="UserId">The user; null if it is not one of this server.</param>
/// <param name="Server">The server; null if it is not one.</param>
public readonly record struct ProfileViewer(string? UserId, string? Server)
{
    /// <summary>What causes requests to other servers: the user, or an application service that acts as them.</summary>
    public string? Who { get; init; } = UserId;

    /// <summary>A user of this server; null for a request without a token.</summary>
    public static ProfileViewer OfUser(string? userId) => new(userId, null);

    /// <summary>Another server.</summary>
    public static ProfileViewer OfServer(string server) => new(null, server);
}
