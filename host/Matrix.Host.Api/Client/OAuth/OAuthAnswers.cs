using Matrix.Host.Api.Http;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Api.Client.OAuth;

/// <summary>
/// Responses of the endpoints for clients. RFC 6749, sections "Issuing an Access Token" and "Error Response".
/// </summary>
internal static class OAuthAnswers
{
    private static readonly KeyValuePair<string, string>[] _notKept =
        [new("Cache-Control", "no-store"), new("Pragma", "no-cache")];

    /// <summary>The error as JSON.</summary>
    internal static Answer Of(OAuthError error) => NotKept(Answer.Json(
        error,
        static (json, error) =>
        {
            json.WriteString("error", error.Code);
            json.WriteString("error_description", error.Description);
        },
        error.Code switch
        {
            OAuthError.InvalidClient => 401,
            OAuthError.TemporarilyUnavailable => 503,
            _ => 400,
        }));

    /// <summary>The tokens as JSON.</summary>
    internal static Answer Of(OAuthResult<GrantedTokens> result) => result.Value is { } tokens
        ? NotKept(Answer.Json(tokens, static (json, tokens) =>
        {
            json.WriteString("access_token", tokens.AccessToken);
            json.WriteString("token_type", "Bearer");
            json.WriteNumber("expires_in", (long)tokens.ExpiresIn.TotalSeconds);
            json.WriteString("refresh_token", tokens.RefreshToken);
            json.WriteString("scope", tokens.Scope);
        }))
        : Of(result.Error!);

    /// <summary>`invalid_request`.</summary>
    internal static Answer Invalid(string why) => Of(new OAuthError(OAuthError.InvalidRequest, why));

    /// <summary>The same response, which no cache keeps.</summary>
    internal static Answer NotKept(Answer answer) => answer.With(_notKept);
}
