using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.Profiles;

namespace Matrix.Host.Rooms.Sending;

/// <summary>What member events say.</summary>
internal sealed class MemberContents(IProfilesTable profiles, string serverName)
{
    private static readonly string[] _shown = ["displayname", "avatar_url"];

    /// <summary>The content of a member event, with the profile of a local user. Client-Server API, "Profiles".</summary>
    internal async ValueTask<JsonObject> OfAsync(string userId, string membership, string? reason, CancellationToken stop)
    {
        var members = new List<(string, Json)> { ("membership", Json.NewString(membership)) };
        if (reason is not null) members.Add(("reason", Json.NewString(reason)));
        if (membership is "join" or "invite" or "knock" && RoomNames.ServerOf(userId) == serverName)
        {
            var profile = await profiles.FindAsync(userId, stop).ConfigureAwait(false);
            foreach (var field in _shown)
            {
                if (profile.TryGetValue(field, out var value) && Text(value) is { } text) members.Add((field, Json.NewString(text)));
            }
        }

        return JsonObject.OfSeq(members);
    }

    /// <summary>Whether two contents of member events show the same profile.</summary>
    internal static bool ShowSameProfile(JsonObject one, JsonObject other) =>
        Array.TrueForAll(_shown, field => one.Text(field) == other.Text(field));

    private static string? Text(ReadOnlyMemory<byte> json) =>
        JsonText.TryParse(json.Span, Matrix.Core.Json.Reading.Client, JsonText.ClientBodyLimits, out var value, out _)
        && value is Json.String text
            ? text.Item
            : null;
}
