using Matrix.Host.Api.Client.ContactInformation;
using Matrix.Host.Storage.Tables.ValidationSessions;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Client.InteractiveAuth.Stages;

/// <summary>
/// A mail address that was confirmed. Client-Server API, "Email-based (identity / homeserver)".
/// </summary>
internal sealed class EmailStage(Validations validations, AccountIdentifiers identifiers)
    : AddressStage(AuthStage.Email, Medium.Email, validations, identifiers);

/// <summary>
/// A phone number that was confirmed. Client-Server API, "Phone number/MSISDN-based (identity / homeserver)".
/// </summary>
internal sealed class PhoneStage(Validations validations, AccountIdentifiers identifiers)
    : AddressStage(AuthStage.Phone, Medium.Phone, validations, identifiers);

/// <summary>
/// An address that was confirmed in a session of validation: of nobody, for a registration; otherwise of the user.
/// </summary>
internal abstract class AddressStage(
    string type, string medium, Validations validations, AccountIdentifiers identifiers) : IAuthStage
{
    private static readonly StageResult _notConfirmed = StageResult.Wrong("The address has not been confirmed.");

    public string Type => type;

    public async ValueTask<StageResult> AttemptAsync(StageAttempt attempt, CancellationToken stop)
    {
        // Clients before version 1.1 have the older name.
        var given = attempt.Given.Has("threepid_creds") || !attempt.Given.Has("threepidCreds")
            ? attempt.Given.RequiredInner("threepid_creds")
            : attempt.Given.RequiredInner("threepidCreds");
        var (sessionId, secret) = (given.RequiredText("sid"), RequestTokens.ReadSecret(given));
        if (attempt.Given.Problem is not null) return StageResult.Malformed;
        var demand = attempt.Demand;
        var purpose = demand.IsRegistration ? ValidationPurpose.Registration : ValidationPurpose.Password;
        var session = await validations.ValidatedAsync(purpose, sessionId, secret, stop).ConfigureAwait(false);
        if (!session.IsOk
            || session.Value.Medium != medium
            || ThirdPartyId.Read(medium, session.Value.Address) is not { } id)
        {
            return _notConfirmed;
        }

        var owner = await identifiers.OwnerAsync(id, stop).ConfigureAwait(false);
        if (demand.IsRegistration)
        {
            return owner is null
                ? StageResult.Completed(new StageProof { Validation = session.Value })
                : StageResult.Wrong("Another account has the address.");
        }

        return owner is null || (demand.UserId is { } demanded && demanded != owner)
            ? _notConfirmed
            : StageResult.Completed(new StageProof
            {
                UserId = owner,
                Condition = () => new OwnerValidated(sessionId, owner),
            });
    }
}
