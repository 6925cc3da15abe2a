using Matrix.Core.Facade;
using Matrix.Core.Json;

namespace Matrix.Host.Rooms.Sending;

/// <summary>The contents of member events.</summary>
internal sealed class MemberContents(ILocalUsers users, RoomsOptions options)
{
    private const string DisplayName = "displayname";
    private const string AvatarUrl = "avatar_url";

    /// <summary>
    /// The content of a member event, with the profile of a local user; in an invite also with that of another server's
    /// user, if that server returns it. v1.19 client-server-api#profiles
    /// </summary>
    internal async ValueTask<JsonObject> OfAsync(
        string userId, string membership, string? reason, CancellationToken stop)
    {
        var members = new List<(string, Json)> { ("membership", Json.Of(membership)) };
        if (reason is not null) members.Add(("reason", Json.Of(reason)));
        if (membership == "invite"
            || (membership is "join" or "knock" && RoomNames.ServerOf(userId) == options.ServerName))
        {
            var profile = await users.ShownProfileAsync(userId, stop);
            if (profile.DisplayName is { } name) members.Add((DisplayName, Json.Of(name)));
            if (profile.AvatarUrl is { } avatar) members.Add((AvatarUrl, Json.Of(avatar)));
        }

        return JsonObject.OfSeq(members);
    }

    /// <summary>Whether two contents of member events show the same profile.</summary>
    internal static bool ShowSameProfile(JsonObject one, JsonObject other) =>
        one.Text(DisplayName) == other.Text(DisplayName) && one.Text(AvatarUrl) == other.Text(AvatarUrl);
}
