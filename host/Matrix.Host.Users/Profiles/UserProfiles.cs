using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage;

namespace Matrix.Host.Users.Profiles;

/// <summary>Profiles of local users. Client-Server API, "Profiles".</summary>
public sealed class UserProfiles(IStorage storage)
{
    /// <summary>The display name and avatar that rooms show; null where they are not set.</summary>
    public async ValueTask<(string? DisplayName, string? AvatarUrl)> ShownAsync(string userId, CancellationToken stop)
    {
        var profile = await storage.Profiles.FindAsync(userId, stop).ConfigureAwait(false);
        return (Text("displayname"), Text("avatar_url"));

        string? Text(string field) =>
            profile.TryGetValue(field, out var json)
            && JsonText.TryParse(json.Span, Reading.Client, JsonText.ClientBodyLimits, out var value, out _)
            && value is Json.String text
                ? text.Item
                : null;
    }
}
