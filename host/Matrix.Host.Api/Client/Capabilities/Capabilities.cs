using Matrix.Core.Facade;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Client.Capabilities;

/// <summary>Capabilities. v1.19 client-server-api#capabilities-negotiation</summary>
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

        // v1.19 client-server-api#get_matrixclientv3capabilities
        routes.Of(RouteOwner.Nobody).Get(
            "capabilities",
            (call, _) => ValueTask.FromResult(
                answers[(call.Caller.IsAdmin ? 1 : 0) | (call.Caller.IsOAuth ? 2 : 0)]),
            new RouteOptions { Access = Access.UsersAndGuests });
    }

    /// <summary>A session of OAuth changes passwords and addresses on the account management page only.</summary>
    private void Write(System.Text.Json.Utf8JsonWriter json, bool moderates, bool isOAuth)
    {
        json.WriteStartObject("capabilities");
        // v1.19 client-server-api#mchange_password-capability
        Flag("m.change_password", !isOAuth);
        // v1.19 client-server-api#mforget_forced_upon_leave-capability
        Flag("m.forget_forced_upon_leave", false);
        // v1.19 client-server-api#m3pid_changes-capability
        Flag("m.3pid_changes", !isOAuth && (validations.Supports(Medium.Email) || validations.Supports(Medium.Phone)));
        // v1.19 client-server-api#mget_login_token-capability
        Flag("m.get_login_token", !isOAuth);
        // v1.19 client-server-api#mprofile_fields-capability
        Flag("m.profile_fields", true);

        // The same as `m.profile_fields` says, for clients that do not know it.
        // v1.19 client-server-api#mset_displayname-capability, v1.19 client-server-api#mset_avatar_url-capability
        Flag("m.set_displayname", true);
        Flag("m.set_avatar_url", true);

        if (moderates)
        {
            json.WriteStartObject("m.account_moderation");
            json.WriteBoolean("lock", true);
            json.WriteBoolean("suspend", true);
            json.WriteEndObject();
        }

        // v1.19 client-server-api#mroom_versions-capability
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
