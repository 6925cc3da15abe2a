using System.Text.Json;
using Matrix.Core.Json;
using Matrix.Host.Api.Client.MatrixRtc;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;

namespace Matrix.Host.Api.Client.WellKnown;

/// <summary>
/// Where clients and other servers reach this one, and who helps. v1.19 client-server-api#well-known-uris;
/// v1.19 server-server-api#resolving-server-names
/// </summary>
internal sealed class WellKnown(ClientOptions options) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        var anyone = new RouteOptions { Access = Access.Anyone };
        // v1.19 client-server-api#getwell-knownmatrixclient
        routes.Of(RouteOwner.Nobody).At("/.well-known/matrix/").Get("client", GetClient, anyone);
        // v1.19 server-server-api#getwell-knownmatrixserver
        routes.Of(RouteOwner.Nobody).At("/.well-known/matrix/").Get("server", GetServer, anyone);
        // v1.19 client-server-api#getwell-knownmatrixsupport
        routes.Of(RouteOwner.Nobody).At("/.well-known/matrix/").Get("support", GetSupport, anyone);
        // v1.19 client-server-api#getwell-knownmatrixpolicy_server
        routes.Of(RouteOwner.Nobody).At("/.well-known/matrix/").Get("policy_server", GetPolicyServer, anyone);
    }

    private ValueTask<Answer> GetSupport(Call call, CancellationToken stop)
    {
        var support = options.Support;
        return ValueTask.FromResult(support.Page.Length == 0 && support.Admin.Count + support.Security.Count == 0
            ? Answer.NotFound("This server names nobody who helps.")
            : Answer.Json(support, static (json, support) =>
            {
                if (support.Admin.Count + support.Security.Count > 0)
                {
                    json.WriteStartArray("contacts");
                    foreach (var contact in support.Admin) Write(json, contact, "m.role.admin");
                    foreach (var contact in support.Security) Write(json, contact, "m.role.security");
                    json.WriteEndArray();
                }

                if (support.Page.Length > 0) json.WriteString("support_page", support.Page);
            }));
    }

    private static void Write(Utf8JsonWriter json, string contact, string role)
    {
        json.WriteStartObject();
        json.WriteString(contact.StartsWith('@') ? "matrix_id" : "email_address", contact);
        json.WriteString("role", role);
        json.WriteEndObject();
    }

    private ValueTask<Answer> GetServer(Call call, CancellationToken stop) => ValueTask.FromResult(
        options.WellKnownServer.Length == 0
            ? Answer.NotFound("This server does not delegate its name.")
            : Answer.Json(options.WellKnownServer, static (json, name) => json.WriteString("m.server", name)));

    private ValueTask<Answer> GetPolicyServer(Call call, CancellationToken stop) => ValueTask.FromResult(
        options.PolicyServerKey.Length == 0
            ? Answer.NotFound("There is no policy server of this name.")
            : Answer.Json(options.PolicyServerKey, static (json, key) =>
            {
                json.WriteStartObject("public_keys");
                json.WriteString("ed25519", key);
                json.WriteEndObject();
            }));

    private ValueTask<Answer> GetClient(Call call, CancellationToken stop) => ValueTask.FromResult(
        options.PublicBaseUrl.Length == 0
            ? Answer.NotFound("This server has no configured client URL.")
            : Answer.Json(options, static (json, options) =>
            {
                json.WriteStartObject("m.homeserver");
                json.WriteString("base_url", options.PublicBaseUrl);
                json.WriteEndObject();
                if (options.RtcTransports.Count > 0) RtcTransports.Write(json, ClientOptions.RtcFoci, options);
                foreach (var (name, value) in options.WellKnownClient.Members)
                {
                    json.WritePropertyName(name);
                    json.WriteRawValue(CanonicalJson.Bytes(value), skipInputValidation: true);
                }
            }));
}
