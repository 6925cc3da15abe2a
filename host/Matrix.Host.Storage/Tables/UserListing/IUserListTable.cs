namespace Matrix.Host.Storage.Tables.UserListing;

/// <summary>Lists of users for administrators. A list reads all users that its query admits.</summary>
public interface IUserListTable
{
    /// <summary>A page of the users.</summary>
    ValueTask<IReadOnlyList<ListedUser>> ListAsync(UserQuery query, long skip, int limit, CancellationToken stop);

    /// <summary>The number of users that the query admits.</summary>
    ValueTask<long> CountAsync(UserQuery query, CancellationToken stop);
}

/// <summary>The order of a list of users; the user id decides between equals.</summary>
public enum UserOrder
{
    /// <summary>By user id.</summary>
    Name,

    /// <summary>Guests last.</summary>
    IsGuest,

    /// <summary>Administrators last.</summary>
    Admin,

    /// <summary>Deactivated users last.</summary>
    Deactivated,

    /// <summary>By display name.</summary>
    DisplayName,

    /// <summary>By the avatar's URI.</summary>
    AvatarUrl,

    /// <summary>By the time of registration.</summary>
    CreatedAt,

    /// <summary>By the time a device was seen last.</summary>
    LastSeenAt,
}

/// <summary>Which users are listed. A null admits all.</summary>
public sealed record UserQuery
{
    /// <summary>Part of the local part of the user id, or of the display name, in any case.</summary>
    public string? Name { get; init; }

    /// <summary>Part of the user id, in any case.</summary>
    public string? UserId { get; init; }

    /// <summary>Whether guests, or all others, are listed.</summary>
    public bool? IsGuest { get; init; }

    /// <summary>Whether administrators, or all others, are listed.</summary>
    public bool? IsAdmin { get; init; }

    /// <summary>Whether deactivated users, or all others, are listed.</summary>
    public bool? IsDeactivated { get; init; }

    /// <summary>The order.</summary>
    public UserOrder Order { get; init; }

    /// <summary>Whether the order is reversed.</summary>
    public bool IsReversed { get; init; }
}

/// <summary>A user in a list.</summary>
/// <param name="DisplayName">The display name as JSON; null for none.</param>
/// <param name="AvatarUrl">The avatar's URI as JSON; null for none.</param>
/// <param name="LastSeenAt">Milliseconds since the epoch; null if no device was seen.</param>
public sealed record ListedUser(
    string UserId,
    bool IsGuest,
    bool IsAdmin,
    bool IsDeactivated,
    bool IsErased,
    long CreatedAt,
    ReadOnlyMemory<byte>? DisplayName,
    ReadOnlyMemory<byte>? AvatarUrl,
    long? LastSeenAt);
