using Matrix.Core.Json;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage.Tables.ValidationSessions;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Client.ContactInformation;

/// <summary>
/// The mail addresses and phone numbers of an account. Suspended users can add some, which the audit log records, and
/// cannot remove any. v1.19 client-server-api#adding-account-administrative-contact-information,
/// v1.19 client-server-api#account-suspension
/// </summary>
internal sealed class AccountThirdPartyIds(
    AccountIdentifiers identifiers,
    IdentityBindings bindings,
    Validations validations,
    UserInteractiveAuth interactive,
    AuditLog audit,
    ClientOptions options) : IEndpoints
{
    private sealed record Addition(JsonObject Body, string SessionId, string ClientSecret);

    private sealed record Removal(ThirdPartyId Id, string? IdServer);

    public void Map(ClientRoutes routes)
    {
        // v1.19 client-server-api#get_matrixclientv3account3pid
        routes.Of(RouteOwner.Nobody).Get("account/3pid", ListAsync);
        // v1.19 client-server-api#post_matrixclientv3account3pidadd
        routes.Of(RouteOwner.Caller).Post(
            "account/3pid/add",
            static body => new Addition(body.Whole, body.RequiredText("sid"), RequestTokens.ReadSecret(body)),
            AddAsync,
            new RouteOptions { Rate = RateClass.Login, OpenToSuspended = true });
        // v1.19 client-server-api#post_matrixclientv3account3piddelete
        routes.Of(RouteOwner.Caller).Post("account/3pid/delete", ReadRemoval, DeleteAsync);
        // v1.19 client-server-api#post_matrixclientv3account3pidunbind
        routes.Of(RouteOwner.Nobody).Post("account/3pid/unbind", ReadRemoval, UnbindAsync);
    }

    private async ValueTask<Answer> ListAsync(Call call, CancellationToken stop)
    {
        var all = await identifiers.OfAsync(call.Caller.UserId, stop);
        return Answer.Json(all, static (json, all) => ThirdPartyIdJson.Write(json, all));
    }

    private async ValueTask<Answer> AddAsync(Call call, Addition addition, CancellationToken stop)
    {
        var userId = call.Caller.UserId;

        // The session is used up by this request itself.
        if (interactive.ResultOf(call, addition.Body) is { } result) return result;
        var demand = new AuthDemand(AuthFlow.Password, userId);
        var auth = await interactive.DemandAsync(call, addition.Body, demand, stop);
        if (auth.Refusal is { } refusal) return refusal;
        var session = await validations
            .ValidatedAsync(ValidationPurpose.Addition, addition.SessionId, addition.ClientSecret, stop);
        if (!session.IsOk) return UserAnswers.Of(session.Failure);
        var failure = await identifiers.AddAsync(userId, session.Value, auth.NewCondition(), stop);
        if (failure is not null) return UserAnswers.Of(failure, options);
        if (call.Caller.IsSuspended)
        {
            await audit.RecordAsync(new AdminActor(userId, call.Address), "user.threepid_add", userId);
        }

        return UserInteractiveAuth.Grant(auth, Answer.Empty);
    }

    private static Removal ReadRemoval(BodyReader body)
    {
        var (medium, address) = (body.RequiredText("medium"), body.RequiredText("address"));
        var server = body.TextOrNull("id_server");
        var id = ThirdPartyId.Read(medium, address);
        if (body.Problem is null && id is null)
        {
            body.Refuse(MatrixError.InvalidParam, "`medium` must be `email` or `msisdn`, and `address` one of these.");
        }

        return new Removal(id ?? default, server);
    }

    private async ValueTask<Answer> DeleteAsync(Call call, Removal removal, CancellationToken stop)
    {
        await identifiers.RemoveAsync(call.Caller.UserId, removal.Id, stop);
        var (isUnbound, _) = await bindings.UnbindAsync(
            call.Caller.UserId, removal.Id, IdentityServerNames.Read(removal.IdServer), stop);
        return UnbindAnswers.Of(isUnbound);
    }

    private async ValueTask<Answer> UnbindAsync(Call call, Removal removal, CancellationToken stop)
    {
        var (isUnbound, failure) = await bindings.UnbindAsync(
            call.Caller.UserId, removal.Id, IdentityServerNames.Read(removal.IdServer), stop);

        // An error without a code means that the identity server does not support unbinding.
        return failure is { ErrorCode: not null } ? IdentityAnswers.Of(failure) : UnbindAnswers.Of(isUnbound);
    }
}
