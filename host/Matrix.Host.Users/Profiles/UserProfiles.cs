using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Storage;

namespace Matrix.Host.Users.Profiles;

/// <summary>Reads profiles of local users. Client-Server API, "Profiles".</summary>
public sealed class UserProfiles(IStorage storage, UsersOptions options)
{
    private static readonly UserFailure _noField = new(
        UserFailureKind.NotFound, "This user's profile has no such field.");

    /// <summary>The failure for a user whom this server does not have.</summary>
    public static UserFailure NoUser { get; } = new(UserFailureKind.NotFound, "There is no such user.");

    /// <summary>All fields, as JSON by name; null if this server has no such user.</summary>
    public async ValueTask<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>?> FindAsync(
        string userId, CancellationToken stop) =>
        await IsKnownAsync(userId, stop).ConfigureAwait(false)
            ? await storage.Profiles.FindAsync(userId, stop).ConfigureAwait(false)
            : null;

    /// <summary>One field, as JSON.</summary>
    public async ValueTask<UserResult<ReadOnlyMemory<byte>>> FieldAsync(
        string userId, string name, CancellationToken stop)
    {
        if (ProfileFields.JudgeName(name) is { } wrong) return wrong;
        if (!await IsKnownAsync(userId, stop).ConfigureAwait(false)) return NoUser;
        return await storage.Profiles.FieldAsync(userId, name, stop).ConfigureAwait(false) is { } value
            ? value
            : _noField;
    }

    /// <summary>The display name and avatar that rooms show; null where they are not set.</summary>
    public async ValueTask<(string? DisplayName, string? AvatarUrl)> ShownAsync(string userId, CancellationToken stop)
    {
        var profile = await storage.Profiles.FindAsync(userId, stop).ConfigureAwait(false);
        return (Text(ProfileFields.DisplayName), Text(ProfileFields.AvatarUrl));

        string? Text(string field) =>
            profile.TryGetValue(field, out var json)
            && JsonText.TryParse(json.Span, Reading.Client, JsonText.ClientBodyLimits, out var value, out _)
            && value is Json.String text
                ? text.Item
                : null;
    }

    private async ValueTask<bool> IsKnownAsync(string userId, CancellationToken stop) =>
        UserId.server(userId) == options.ServerName
            && await storage.Accounts.FindUserAsync(userId, stop).ConfigureAwait(false) is not null;
}
