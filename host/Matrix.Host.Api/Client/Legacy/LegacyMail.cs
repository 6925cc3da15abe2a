using System.Buffers.Text;
using System.Security.Cryptography;
using Matrix.Core.Json;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Client.Registration;
using Matrix.Host.Api.Http;
using Matrix.Host.Storage.Tables.ValidationSessions;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.ThirdPartyIds;
using Matrix.Host.Users.ThirdPartyIds.Messages;

namespace Matrix.Host.Api.Client.Legacy;

/// <summary>One request of a stage by mail.</summary>
/// <param name="Type">The stage.</param>
internal sealed record LegacyMailStep(string Type)
{
    /// <summary>The address to which a mail is sent; null if the request is about one that was sent.</summary>
    internal ThirdPartyId? Address { get; init; }

    /// <summary>The code of a mail.</summary>
    internal string? Code { get; init; }

    /// <summary>A session of validation that the client began itself, in the members of today.</summary>
    internal JsonObject? Credentials { get; init; }

    /// <summary>The stage only: the rest is private.</summary>
    public override string ToString() => Type;
}

/// <summary>
/// The stages of registration by mail: two in which the server sends a link or a code, and one with a session of
/// validation. Each gives today's stage for addresses the session that it needs. The 2014 Client-Server API,
/// "Email-based (code)", "Email-based (url)" and "Email-based (identity server)".
/// </summary>
internal sealed class LegacyMail(Validations validations, RegistrationGate gate)
{
    internal const string Url = "m.login.email.url";
    internal const string Code = "m.login.email.code";
    internal const string Identity = AuthStage.Email;

    private const int SecretLength = 32;

    private static readonly Answer _notYet = Answer.Error(
        400, MatrixError.LoginEmailUrlNotYet, "The link in the mail has not been confirmed yet.");

    private static readonly Answer _ended = Answer.Error(
        400, MatrixError.SessionExpired, "The link in the mail is not valid any more. Begin again.");

    private static readonly Answer _notSent = Answer.BadJson(
        "`email` is missing: no mail was sent in this stage of the session.");

    /// <summary>The stages, each of which does for today's. The one that needs nothing else comes first.</summary>
    internal static IReadOnlyList<string> Stages { get; } = [Url, Code, Identity];

    /// <summary>Whether the server can send mail. Otherwise it behaves as if the stages did not exist.</summary>
    internal bool IsOn => validations.Supports(Medium.Email);

    /// <summary>Reads a request.</summary>
    /// <param name="hasSession">Whether it names a session: then a mail may have been sent.</param>
    internal static LegacyMailStep Read(BodyReader body, string type, bool hasSession)
    {
        var step = new LegacyMailStep(type);
        switch (type)
        {
            case Identity:
                return step with { Credentials = ReadCredentials(body) };
            case Code when hasSession && body.Has("code"):
                return step with { Code = body.RequiredText("code") };
            case Url when hasSession && !body.Has("email"):
                return step;
            default:
                var address = ThirdPartyId.OfEmail(body.RequiredText("email"));
                if (address is null) body.Refuse(MatrixError.InvalidParam, "`email` is not valid.");
                return step with { Address = address };
        }
    }

    /// <summary>Takes a request of a stage whose turn it is.</summary>
    /// <returns>What today's stage is given; otherwise the response, while the address is not confirmed.</returns>
    internal async ValueTask<(JsonObject? Given, Answer? Response)> TakeAsync(
        Call call, AuthSession session, LegacyMailStep step, CancellationToken stop)
    {
        if (step.Credentials is not null) return (step.Credentials, null);
        if (step.Address is { } address)
        {
            return (null, await SendAsync(call, session, step.Type, address, stop));
        }

        if (session.Kept is not { } kept || kept.IsByCode != (step.Type == Code)) return (null, _notSent);
        var refusal = await RefusalAsync(kept, step.Code, stop);
        return refusal is null ? (CredentialsOf(kept.SessionId, kept.ClientSecret), null) : (null, refusal);
    }

    private static JsonObject ReadCredentials(BodyReader body)
    {
        if (body.InnerItems("threepidCreds") is not [var given])
        {
            body.Refuse(MatrixError.BadJson, "`threepidCreds` must be an array of one object.");
            return JsonObject.Empty;
        }

        // As in today's stage, only sessions of this server count.
        _ = given.Text("idServer");
        return CredentialsOf(given.RequiredText("sid"), given.RequiredText("clientSecret"));
    }

    private static JsonObject CredentialsOf(string sessionId, string secret) => LegacyJson.Of(
        ("threepid_creds", Json.Of(LegacyJson.Of(
            ("sid", Json.Of(sessionId)), ("client_secret", Json.Of(secret))))));

    private async ValueTask<Answer> SendAsync(
        Call call, AuthSession session, string type, ThirdPartyId address, CancellationToken stop)
    {
        var isByCode = type == Code;

        // A client that repeats its request gets no second mail.
        if (session.Kept is not { } kept || kept.Address != address.Address || kept.IsByCode != isByCode)
        {
            if ((await gate.WaysAsync(stop)).IsClosed) return RegistrationAnswers.Closed;
            var secret = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretLength));
            var request = new TokenRequest(ValidationPurpose.Registration, address, secret, SendAttempt: 1)
            {
                Language = Languages.Choose(call.Http.Request.Headers.AcceptLanguage),
                Asker = call.Address,
                ByCode = isByCode,
            };
            var begun = await validations.RequestAsync(request, stop);
            if (!begun.IsOk) return UserAnswers.Of(begun.Failure);
            session.Kept = new KeptValidation(begun.Value, secret, address.Address, isByCode);
        }

        return Answer.Json((type, session.Id), static (json, it) =>
        {
            json.WriteString("type", it.type);
            json.WriteString("session", it.Id);
        });
    }

    /// <summary>Why the address is not confirmed; null if it is, also by this code.</summary>
    private async ValueTask<Answer?> RefusalAsync(KeptValidation kept, string? code, CancellationToken stop)
    {
        var validated = await validations.ValidatedAsync(
            ValidationPurpose.Registration, kept.SessionId, kept.ClientSecret, stop);
        if (validated.IsOk) return null;
        if (code is null)
        {
            return await validations.FindAsync(kept.SessionId, stop) is null ? _ended : _notYet;
        }

        var confirmed = await validations.ConfirmAsync(kept.SessionId, kept.ClientSecret, code.Trim(), stop);
        return confirmed.IsOk ? null : UserAnswers.Of(confirmed.Failure);
    }
}
