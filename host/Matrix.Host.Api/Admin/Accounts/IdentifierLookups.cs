using Matrix.Host.Api.Http;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Admin.Accounts;

/// <summary>Finds the account that has a mail address or phone number, for administrators.</summary>
internal sealed class IdentifierLookups(AccountIdentifiers identifiers) : IEndpoints
{
    private static readonly Answer _nobody = Answer.NotFound("No account has this address or number.");

    public void Map(ClientRoutes routes) =>
        routes.Admin(1).Get("threepid/{medium}/users/{address}", FindAsync);

    private async ValueTask<Answer> FindAsync(Call call, CancellationToken stop) =>
        ThirdPartyId.Read(call["medium"], call["address"]) is { } id
        && await identifiers.OwnerAsync(id, stop).ConfigureAwait(false) is { } userId
            ? Answer.Json(userId, static (json, id) => json.WriteString("user_id", id))
            : _nobody;
}
