using Matrix.Host.Api.Client.OAuth;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.SingleSignOn;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Api.Client.SingleSignOn;

/// <summary>Where a provider says that it logged someone out. OpenID Connect Back-Channel Logout 1.0.</summary>
internal sealed partial class BackChannelLogout(SsoLogouts logouts, SsoOptions options, ILogger<BackChannelLogout> log)
    : IEndpoints
{
    private static readonly Answer _invalid = OAuthAnswers.Invalid("The logout token is not valid.");

    public void Map(ClientRoutes routes)
    {
        if (options.Providers.Count == 0) return;
        routes.Of(RouteOwner.InBody).At(OAuthPaths.Root).PostForm(
            $"{OAuthPaths.SsoLogout}/{{idpId}}",
            static form => form,
            PostAsync,
            new RouteOptions { Access = Access.Anyone, Rate = RateClass.OAuthTokens });
    }

    private async ValueTask<Answer> PostAsync(Call call, FormReader form, CancellationToken stop)
    {
        if (options.Find(call["idpId"]) is not { } provider || form.Text("logout_token") is not { } token)
        {
            return _invalid;
        }

        try
        {
            await logouts.EndAsync(provider, token, stop);
            return OAuthAnswers.NotKept(Answer.Empty);
        }
        catch (ProviderException fault)
        {
            Refused(provider.Id, fault.Message);
            return _invalid;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A logout by the provider {Provider} was refused: {Reason}")]
    private partial void Refused(string provider, string reason);
}
