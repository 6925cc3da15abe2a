using Matrix.Host.Api.Client.Registration;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage.Tables.ValidationSessions;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.ThirdPartyIds;
using Matrix.Host.Users.ThirdPartyIds.Messages;

namespace Matrix.Host.Api.Client.ContactInformation;

/// <summary>
/// Requests for tokens, by which users prove that they have a mail address or phone number. This server sends them
/// itself, so that it ignores an `id_server`.
/// v1.19 client-server-api#adding-account-administrative-contact-information,
/// v1.19 client-server-api#password-management, v1.19 client-server-api#account-registration
/// </summary>
internal sealed class RequestTokens(Validations validations, RegistrationGate gate, ClientOptions options) : IEndpoints
{
    private const int LongestSecret = 255;
    private const int LongestLink = 2048;

    private sealed record Asked(
        ThirdPartyId? Id, string Medium, string ClientSecret, long SendAttempt, string? NextLink);

    public void Map(ClientRoutes routes)
    {
        // A token only says whose own address this is.
        var open = new RouteOptions { Access = Access.Lenient, Rate = RateClass.Login, OpenToSuspended = true };
        // v1.19 client-server-api#post_matrixclientv3registeremailrequesttoken
        // v1.19 client-server-api#post_matrixclientv3registermsisdnrequesttoken
        Map("register/", ValidationPurpose.Registration, open with { Rate = RateClass.Registration });
        // v1.19 client-server-api#post_matrixclientv3account3pidemailrequesttoken
        // v1.19 client-server-api#post_matrixclientv3account3pidmsisdnrequesttoken
        Map("account/3pid/", ValidationPurpose.Addition, open);
        // v1.19 client-server-api#post_matrixclientv3accountpasswordemailrequesttoken
        // v1.19 client-server-api#post_matrixclientv3accountpasswordmsisdnrequesttoken
        Map("account/password/", ValidationPurpose.Password, open);

        void Map(string path, ValidationPurpose purpose, RouteOptions options)
        {
            routes.Of(RouteOwner.Nobody).Post(path + "email/requestToken", ReadEmail, Of(purpose), options);
            routes.Of(RouteOwner.Nobody).Post(path + "msisdn/requestToken", ReadPhone, Of(purpose), options);
        }
    }

    /// <summary>
    /// Reads the secret by which a client knows a session. v1.19 identity-service-api#establishing-associations
    /// </summary>
    internal static string ReadSecret(BodyReader body)
    {
        var secret = body.RequiredText("client_secret");
        if (body.Problem is null && (secret.Length is 0 or > LongestSecret || !secret.All(IsOpaque)))
        {
            body.Refuse(
                MatrixError.InvalidParam,
                $"`{body.PathOf("client_secret")}` must have 1 to {LongestSecret} characters of 0-9 a-z A-Z . = _ -");
        }

        return secret;
    }

    private static bool IsOpaque(char c) => char.IsAsciiLetterOrDigit(c) || c is '.' or '=' or '_' or '-';

    private static Asked ReadEmail(BodyReader body)
    {
        var secret = ReadSecret(body);
        var address = body.RequiredText("email");
        return Read(body, secret, Medium.Email, ThirdPartyId.OfEmail(address), "email");
    }

    private static Asked ReadPhone(BodyReader body)
    {
        var secret = ReadSecret(body);
        var country = body.RequiredText("country");
        var number = body.RequiredText("phone_number");
        return Read(body, secret, Medium.Phone, ThirdPartyId.OfPhone(number, country), "phone_number");
    }

    private static Asked Read(BodyReader body, string secret, string medium, ThirdPartyId? id, string name)
    {
        var attempt = body.RequiredNumber("send_attempt");
        var link = body.TextOrNull("next_link");
        _ = body.TextOrNull("id_server");
        _ = body.TextOrNull("id_access_token");
        if (body.Problem is null && id is null)
        {
            body.Refuse(MatrixError.InvalidParam, $"`{name}` is not valid.");
        }

        return new Asked(id, medium, secret, attempt, link is { Length: > LongestLink } ? null : link);
    }

    private Handler<Asked> Of(ValidationPurpose purpose) => async (call, asked, stop) =>
    {
        if (!validations.Supports(asked.Medium)) return UserAnswers.Of(Validations.NotSupported(asked.Medium));
        if (purpose == ValidationPurpose.Registration && (await gate.WaysAsync(stop)).IsClosed)
        {
            return RegistrationAnswers.Closed;
        }

        var request = new TokenRequest(purpose, asked.Id!.Value, asked.ClientSecret, asked.SendAttempt)
        {
            NextLink = asked.NextLink,
            Language = Languages.Choose(call.Http.Request.Headers.AcceptLanguage),
            Asker = call.Address,
            UserId = call.CallerIfAny?.UserId,
        };
        var session = await validations.RequestAsync(request, stop);
        if (!session.IsOk) return UserAnswers.Of(session.Failure);

        // The code of a text message is typed into the client. A mail has a link.
        var submitUrl = asked.Medium == Medium.Phone ? ConfirmationPages.SubmitUrl(options) : null;
        return Answer.Json((session.Value, submitUrl), static (json, it) =>
        {
            json.WriteString("sid", it.Value);
            if (it.submitUrl is not null) json.WriteString("submit_url", it.submitUrl);
        });
    };
}
