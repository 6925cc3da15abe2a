using Matrix.Core.Facade;
using Matrix.Host.Api.Http;
using Matrix.Host.Rooms;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Client.Capabilities;

/// <summary>Capabilities. Client-Server API, "Capabilities negotiation".</summary>
internal sealed class Capabilities(RoomsOptions rooms, Validations validations) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        var answers = new Answer[4];
        for (var i = 0; i < answers.Length; i++)
        {
            var (moderates, isOAuth) = ((i & 1) != 0, (i & 2) != 0);
            answers[i] = Answer.Prepared(json => Write(json, moderates, isOAuth));
        }

        routes.Get(
            "capabilities",
            (call, _) => ValueTask.FromResult(
                answers[(call.Caller.IsAdmin ? 1 : 0) | (call.Caller.IsOAuth ? 2 : 0)]),
            new RouteOptions { Access = Access.UsersAndGuests });
    }

    /// <summary>A session of OAuth changes passwords and addresses on the account management page only.</summary>
    private void Write(System.Text.Json.Utf8JsonWriter json, bool moderates, bool isOAuth)
    {
        json.WriteStartObject("capabilities");
        Flag("m.change_password", !isOAuth);
        Flag("m.forget_forced_upon_leave", false);
        Flag("m.3pid_changes", !isOAuth && (validations.Supports(Medium.Email) || validations.Supports(Medium.Phone)));
        Flag("m.get_login_token", !isOAuth);
        Flag("m.profile_fields", true);

        // The same as `m.profile_fields` says, for clients that do not know it.
        Flag("m.set_displayname", true);
        Flag("m.set_avatar_url", true);

        if (moderates)
        {
            json.WriteStartObject("m.account_moderation");
            json.WriteBoolean("lock", true);
            json.WriteBoolean("suspend", true);
            json.WriteEndObject();
        }

        json.WriteStartObject("m.room_versions");
        json.WriteString("default", rooms.DefaultRoomVersion);
        json.WriteStartObject("available");
        foreach (var version in RoomRules.Known) json.WriteString(version, "stable");
        foreach (var version in rooms.UnstableRoomVersions) json.WriteString(version, "unstable");
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();

        void Flag(string capability, bool enabled)
        {
            json.WriteStartObject(capability);
            json.WriteBoolean("enabled", enabled);
            json.WriteEndObject();
        }
    }
}
