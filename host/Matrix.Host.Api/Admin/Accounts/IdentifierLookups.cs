using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage.Tables.SingleSignOn;
using Matrix.Host.Users.SingleSignOn;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Admin.Accounts;

/// <summary>
/// Finds the account that has a mail address or phone number, or an identity at a provider, for administrators.
/// </summary>
internal sealed class IdentifierLookups(
    AccountIdentifiers identifiers, SsoOptions providers, ISingleSignOnTable singleSignOnTable)
    : IEndpoints
{
    private static readonly Answer _nobody = Answer.NotFound("No account has this address or number.");
    private static readonly Answer _noIdentity = Answer.NotFound("No account has this identity.");

    public void Map(ClientRoutes routes)
    {
        var admin = routes.Of(RouteOwner.Nobody).Admin(1);
        admin.Get("threepid/{medium}/users/{address}", FindAsync);
        admin.Get("auth_providers/{provider}/users/{subject}", FindIdentityAsync);
    }

    private async ValueTask<Answer> FindAsync(Call call, CancellationToken stop) =>
        ThirdPartyId.Read(call["medium"], call["address"]) is { } id
        && await identifiers.OwnerAsync(id, stop) is { } userId
            ? AnswerOf(userId)
            : _nobody;

    /// <summary>The provider is one of the configuration, by its id.</summary>
    private async ValueTask<Answer> FindIdentityAsync(Call call, CancellationToken stop) =>
        providers.Find(call["provider"]) is { } provider
        && await singleSignOnTable.FindUserAsync(provider.Issuer, call["subject"], stop)
            is { } userId
            ? AnswerOf(userId)
            : _noIdentity;

    private static Answer AnswerOf(string userId) =>
        Answer.Json(userId, static (json, id) => json.WriteString("user_id", id));
}
