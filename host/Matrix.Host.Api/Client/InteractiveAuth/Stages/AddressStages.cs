using Matrix.Host.Api.Client.AddressPages;
using Matrix.Host.Api.Client.ContactInformation;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Tables.ValidationSessions;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Client.InteractiveAuth.Stages;

/// <summary>
/// A mail address that was confirmed. v1.19 client-server-api#email-based-identity--homeserver
/// </summary>
internal sealed class EmailStage(Validations validations, AccountIdentifiers identifiers, AddressDialog dialog)
    : AddressStage(AuthStage.Email, Medium.Email, validations, identifiers, dialog);

/// <summary>
/// A phone number that was confirmed. v1.19 client-server-api#phone-numbermsisdn-based-identity--homeserver
/// </summary>
internal sealed class PhoneStage(Validations validations, AccountIdentifiers identifiers, AddressDialog dialog)
    : AddressStage(AuthStage.Phone, Medium.Phone, validations, identifiers, dialog);

/// <summary>
/// An address that was confirmed in a session of validation: of nobody, for a registration; otherwise of the user.
/// </summary>
internal abstract class AddressStage(
    string type, string medium, Validations validations, AccountIdentifiers identifiers, AddressDialog dialog)
    : IAuthStage
{
    private static readonly StageResult _notConfirmed = StageResult.Wrong("The address has not been confirmed.");

    public string Type => type;

    public StagePageMaker? PageOf(AuthSession session) =>
        dialog.Supports(medium) ? (_, _) => new(PageOf(session, AddressDialog.Ask(medium))) : null;

    public ValueTask<StageResult> AttemptAsync(StageAttempt attempt, CancellationToken stop) =>
        attempt.Browser is null ? OfClientAsync(attempt, stop) : OfBrowserAsync(attempt, stop);

    private static StagePage PageOf(AuthSession session, AddressStep step) =>
        new(step.Title, Html.Of($"{OperationText.Of(session)}{step.Fields}")) { Buttons = step.Buttons };

    private static ValidationPurpose PurposeOf(StageAttempt attempt) =>
        attempt.Demand.IsRegistration ? ValidationPurpose.Registration : ValidationPurpose.Password;

    private async ValueTask<StageResult> OfBrowserAsync(StageAttempt attempt, CancellationToken stop)
    {
        var visit = new AddressVisit(
            attempt.Call, attempt.Browser!, attempt.Given.TextOrNull, PurposeOf(attempt), medium);
        var step = await dialog.TakeAsync(visit, stop);
        if (step.Proved is not { } proved)
        {
            return StageResult.Continues(PageOf(attempt.Session, step), step.Alert, step.Status);
        }

        var result = await OfSessionAsync(attempt, proved, stop);
        return result.Proof is null
            ? StageResult.Continues(PageOf(attempt.Session, AddressDialog.Ask(medium)), result.Message, 403)
            : result;
    }

    private async ValueTask<StageResult> OfClientAsync(StageAttempt attempt, CancellationToken stop)
    {
        // Clients before version 1.1 have the older name.
        var given = attempt.Given.Has("threepid_creds") || !attempt.Given.Has("threepidCreds")
            ? attempt.Given.RequiredInner("threepid_creds")
            : attempt.Given.RequiredInner("threepidCreds");
        var (sessionId, secret) = (given.RequiredText("sid"), RequestTokens.ReadSecret(given));
        if (attempt.Given.Problem is not null) return StageResult.Malformed;
        var session = await validations.ValidatedAsync(PurposeOf(attempt), sessionId, secret, stop);
        return session.IsOk && session.Value.Medium == medium
            ? await OfSessionAsync(attempt, session.Value, stop)
            : _notConfirmed;
    }

    private async ValueTask<StageResult> OfSessionAsync(
        StageAttempt attempt, ValidationSessionRow session, CancellationToken stop)
    {
        if (ThirdPartyId.Read(medium, session.Address) is not { } id) return _notConfirmed;
        var owner = await identifiers.OwnerAsync(id, stop);
        if (attempt.Demand.IsRegistration)
        {
            return owner is null
                ? StageResult.Completed(new StageProof { Validation = session })
                : StageResult.Wrong("Another account has the address.");
        }

        return owner is null || (attempt.Demand.UserId is { } demanded && demanded != owner)
            ? _notConfirmed
            : StageResult.Completed(new StageProof
            {
                UserId = owner,
                Condition = () => new OwnerValidated(session.SessionId, owner),
            });
    }
}
