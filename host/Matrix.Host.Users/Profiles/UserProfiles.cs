using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Users.AppServices;

namespace Matrix.Host.Users.Profiles;

/// <summary>
/// Reads profiles: of local users, and for local users also those of other servers' users.
/// v1.19 client-server-api#profiles
/// </summary>
public sealed class UserProfiles(
    IMembershipsTable membershipsTable,
    IAccountsTable accountsTable,
    IProfilesTable profilesTable,
    UsersOptions options,
    IUserQueries? queries = null,
    RemoteProfiles? remote = null,
    IOpenRooms? openRooms = null)
{
    private static readonly UserFailure _noField = new(
        UserFailureKind.NotFound, "This user's profile has no such field.");

    private static readonly Dictionary<string, ReadOnlyMemory<byte>> _empty = [];

    /// <summary>The failure for a user whom this server does not have.</summary>
    public static UserFailure NoUser { get; } = new(UserFailureKind.NotFound, "There is no such user.");

    /// <summary>The failure of a look-up that is denied, the same for users who do not exist.</summary>
    public static UserFailure NotShown { get; } = new(
        UserFailureKind.Forbidden, "You are not allowed to look up this user's profile.");

    private static readonly UserFailure _noAnswer = new(
        UserFailureKind.TimedOut, "The application service of the user did not answer.");

    /// <summary>All fields, as JSON by name.</summary>
    public async ValueTask<UserResult<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>>> FindAsync(
        ProfileViewer viewer, string userId, CancellationToken stop)
    {
        if (!await IsShownAsync(viewer, userId, stop)) return NotShown;
        if (IsRemote(viewer, userId))
        {
            return await remote!.FindAsync(viewer.Who!, userId, stop);
        }

        if (await UnknownAsync(userId, stop) is { } unknown) return unknown;
        var fields = await profilesTable.FindAsync(userId, stop);
        return new UserResult<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>>(fields);
    }

    /// <summary>One field, as JSON.</summary>
    public async ValueTask<UserResult<ReadOnlyMemory<byte>>> FieldAsync(
        ProfileViewer viewer, string userId, string name, CancellationToken stop)
    {
        if (ProfileFields.JudgeName(name) is { } wrong) return wrong;
        if (!await IsShownAsync(viewer, userId, stop)) return NotShown;
        if (IsRemote(viewer, userId))
        {
            var found = await remote!.FindAsync(viewer.Who!, userId, stop);
            if (!found.IsOk) return found.Failure;
            return found.Value.TryGetValue(name, out var field) ? field : _noField;
        }

        if (await UnknownAsync(userId, stop) is { } unknown) return unknown;
        return await profilesTable.FieldAsync(userId, name, stop) is { } value
            ? value
            : _noField;
    }

    /// <summary>
    /// The display name and avatar that rooms show; null where they are not set. Another server's user has none if that
    /// server does not return them.
    /// </summary>
    public async ValueTask<(string? DisplayName, string? AvatarUrl)> ShownAsync(string userId, CancellationToken stop)
    {
        var profile = UserId.Server(userId) == options.ServerName || remote is null
            ? await profilesTable.FindAsync(userId, stop)
            : (await remote.FindAsync(UserId.Server(userId), userId, stop)).Value ?? _empty;
        return (Text(ProfileFields.DisplayName), Text(ProfileFields.AvatarUrl));

        string? Text(string field) =>
            profile.TryGetValue(field, out var json)
            && JsonText.TryParse(json.Span, Reading.Client, JsonText.ClientBodyLimits, out var value, out _)
            && value is Json.String text
                ? text.Item
                : null;
    }

    /// <summary>
    /// Why there is no such local user; null if there is one. Application services whose namespaces include a user who
    /// does not exist are asked to create them.
    /// </summary>
    public async ValueTask<UserFailure?> UnknownAsync(string userId, CancellationToken stop)
    {
        if (UserId.Server(userId) != options.ServerName) return NoUser;
        if (await ExistsAsync(userId, stop)) return null;
        return queries is null
            ? NoUser
            : await queries.AskAsync(userId, stop) switch
            {
                QueryResult.NoAnswer => _noAnswer,
                QueryResult.Exists => await ExistsAsync(userId, stop) ? null : NoUser,
                _ => NoUser,
            };
    }

    /// <summary>
    /// Whether another server is asked. Strangers, and other servers, cause no requests to third ones.
    /// </summary>
    private bool IsRemote(ProfileViewer viewer, string userId) =>
        remote is not null
        && viewer.UserId is not null
        && UserId.IsValid(userId)
        && UserId.Server(userId) != options.ServerName;

    private async ValueTask<bool> IsShownAsync(ProfileViewer viewer, string userId, CancellationToken stop)
    {
        if (options.ProfilesShownTo == ProfileAudience.Everyone || viewer.UserId == userId) return true;
        if (viewer is { UserId: null, Server: null }) return false;
        if (options.ProfilesShownTo == ProfileAudience.Users) return true;
        if (viewer.UserId is { } user)
        {
            return await membershipsTable.ShareRoomAsync(user, userId, stop)
                || (openRooms is not null && await openRooms.HasMemberAsync(userId, stop));
        }

        var servers = await membershipsTable.ServersSharingWithAsync(userId, stop);
        return servers.ContainsKey(viewer.Server!);
    }

    private async ValueTask<bool> ExistsAsync(string userId, CancellationToken stop) =>
        await accountsTable.FindUserAsync(userId, stop) is not null;
}
