using System.Text.Json;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.Login;

/// <summary>What answers that log somebody in have in common.</summary>
internal static class LoginAnswers
{
    /// <summary>Writes the tokens, as every answer that gives them does.</summary>
    internal static void WriteTokens(this IssuedLogin login, Utf8JsonWriter json)
    {
        json.WriteString("access_token", login.AccessToken);
        if (login.RefreshToken is not null) json.WriteString("refresh_token", login.RefreshToken);
        if (login.ExpiresIn is { } time) json.WriteNumber("expires_in_ms", (long)time.TotalMilliseconds);
    }
}
