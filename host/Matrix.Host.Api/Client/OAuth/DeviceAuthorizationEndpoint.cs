using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Api.Client.OAuth;

/// <summary>
/// Begins the sign-in of a device without a browser. v1.19 client-server-api#device-authorisation-flow; RFC 8628.
/// </summary>
internal sealed class DeviceAuthorizationEndpoint(
    DeviceAuthorizations authorizations, OAuthPaths paths, OAuthOptions options) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        if (!options.IsOn) return;
        routes.Of(RouteOwner.Nobody).At(OAuthPaths.Root).PostForm(
            OAuthPaths.DeviceEndpoint,
            static form => form,
            PostAsync,
            new RouteOptions { Access = Access.Anyone, Rate = RateClass.OAuthClients });
    }

    private async ValueTask<Answer> PostAsync(Call call, FormReader form, CancellationToken stop)
    {
        if (form.Repeated is not null) return OAuthAnswers.Invalid("A parameter is repeated.");
        var begun = await authorizations.BeginAsync(form.Text("client_id"), form.Text("scope"), call.Address, stop);
        if (begun.Value is not { } codes) return OAuthAnswers.Of(begun.Error!);
        var page = paths.UrlOf(OAuthPaths.LinkPage);
        return OAuthAnswers.NotKept(Answer.Json((codes, page, options), static (json, it) =>
        {
            json.WriteString("device_code", it.codes.DeviceCode);
            json.WriteString("user_code", it.codes.UserCode);
            json.WriteString("verification_uri", it.page);
            json.WriteString("verification_uri_complete", $"{it.page}?user_code={it.codes.UserCode}");
            json.WriteNumber("expires_in", (long)it.options.DeviceCodeLifetime.TotalSeconds);
            json.WriteNumber("interval", (long)Math.Ceiling(it.options.PollInterval.TotalSeconds));
        }));
    }
}
