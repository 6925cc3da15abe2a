using System.Text.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.Login;

/// <summary>Reads the members that login and registration share.</summary>
internal static class LoginBody
{
    internal const int LongestDeviceId = 255;
    private const int LongestName = 255;

    internal static LoginWish ReadWish(BodyReader body)
    {
        var deviceId = body.TextOrNull("device_id");
        if (deviceId is { Length: 0 or > LongestDeviceId })
        {
            body.Refuse(MatrixError.InvalidParam, $"`device_id` must have 1 to {LongestDeviceId} characters.");
        }

        return new LoginWish(
            deviceId, ReadDisplayName(body, "initial_device_display_name"), body.Flag("refresh_token"));
    }

    internal static string? ReadDisplayName(BodyReader body, string member)
    {
        var name = body.TextOrNull(member);
        if (name is { Length: > LongestName })
        {
            body.Refuse(MatrixError.InvalidParam, $"`{member}` must have at most {LongestName} characters.");
        }

        return name;
    }
}

/// <summary>The part that responses with new tokens share.</summary>
internal static class LoginAnswers
{
    /// <summary>The response of a login.</summary>
    internal static Answer Of(IssuedLogin login, ClientOptions options) =>
        Answer.Json((login, options), static (json, state) =>
        {
            json.WriteString("user_id", state.login.UserId);
            json.WriteString("device_id", state.login.DeviceId);
            state.login.WriteTokens(json);
            if (state.options.PublicBaseUrl.Length == 0) return;
            json.WriteStartObject("well_known");
            json.WriteStartObject("m.homeserver");
            json.WriteString("base_url", state.options.PublicBaseUrl);
            json.WriteEndObject();
            json.WriteEndObject();
        });

    /// <summary>Writes the tokens.</summary>
    internal static void WriteTokens(this IssuedLogin login, Utf8JsonWriter json)
    {
        json.WriteString("access_token", login.AccessToken);
        if (login.RefreshToken is not null) json.WriteString("refresh_token", login.RefreshToken);
        if (login.ExpiresIn is { } time) json.WriteNumber("expires_in_ms", (long)time.TotalMilliseconds);
    }
}
