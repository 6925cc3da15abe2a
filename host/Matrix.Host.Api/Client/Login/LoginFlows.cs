using System.Text.Json;
using Matrix.Host.Api.Client.AppServices;
using Matrix.Host.Api.Http;
using Matrix.Host.Users.SingleSignOn;

namespace Matrix.Host.Api.Client.Login;

/// <summary>
/// The ways to log in. v1.19 client-server-api#legacy-login,
/// v1.19 client-server-api#oauth-20-aware-clients
/// </summary>
internal static class LoginFlows
{
    /// <summary>404 `M_UNRECOGNIZED`: the server has only the OAuth 2.0 API.</summary>
    internal static Answer NotHere { get; } = Answer.Error(
        404, MatrixError.Unrecognized, "This server does not have the legacy API to log in: it has OAuth 2.0.");

    /// <summary>The response with the ways.</summary>
    /// <param name="sso">The identity providers.</param>
    /// <param name="hasPages">Whether the pages of OAuth are there, which know all ways to sign in.</param>
    /// <param name="withServices">Whether there are application services.</param>
    internal static Answer Of(SsoOptions sso, bool hasPages, bool withServices) => Answer.Prepared(json =>
    {
        json.WriteStartArray("flows");
        Flow("m.login.password");
        if (hasPages || sso.Providers.Count > 0) Flow("m.login.sso", () => WriteSso(json, sso, hasPages));
        Flow("m.login.token", () => json.WriteBoolean("get_login_token", true));
        if (withServices) Flow(ServiceAnswers.LoginType);
        json.WriteEndArray();

        void Flow(string type, Action? more = null)
        {
            json.WriteStartObject();
            json.WriteString("type", type);
            more?.Invoke();
            json.WriteEndObject();
        }
    });

    private static void WriteSso(Utf8JsonWriter json, SsoOptions sso, bool hasPages)
    {
        if (hasPages) json.WriteBoolean("oauth_aware_preferred", true);
        if (sso.Providers.Count == 0) return;
        json.WriteStartArray("identity_providers");
        foreach (var provider in sso.Providers)
        {
            json.WriteStartObject();
            json.WriteString("id", provider.Id);
            json.WriteString("name", provider.Name);
            if (provider.Icon.Length > 0) json.WriteString("icon", provider.Icon);
            if (provider.Brand.Length > 0) json.WriteString("brand", provider.Brand);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
