using System.Security.Cryptography;
using Matrix.Core.Json;
using Matrix.Host.Api.Client.AppServices;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Client.Login;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Crypto;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Guests;
using Matrix.Host.Users.OAuth;
using Matrix.Host.Users.Sessions;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Client.Registration;

/// <summary>Registration. v1.19 client-server-api#legacy-account-registration</summary>
internal sealed class Register(
    RegistrationGate gate,
    Usernames usernames,
    PasswordLogin passwords,
    PasswordHasher hasher,
    Registrations registrations,
    GuestAccounts guests,
    AccountIdentifiers identifiers,
    AddressFlows addresses,
    RegistrationStages stages,
    UserInteractiveAuth interactive,
    OAuthOptions oauth) : IEndpoints
{
    private const int GeneratedNameLetters = 12;
    private const string GeneratedNameAlphabet = "abcdefghijklmnopqrstuvwxyz";

    public void Map(ClientRoutes routes)
    {
        var options = new RouteOptions { Access = Access.Anyone, Rate = RateClass.Registration };
        // v1.19 client-server-api#post_matrixclientv3register
        routes.Of(RouteOwner.InBody).Post("register", static body => body.Whole, ChooseAsync, options);
        // v1.19 client-server-api#get_matrixclientv3registeravailable
        routes.Of(RouteOwner.Nobody).Get(
            "register/available", static query => query.RequiredText("username"), AvailableAsync, options);
        // v1.19 client-server-api#get_matrixclientv1registermloginregistration_tokenvalidity
        routes.Of(RouteOwner.Nobody).V1.Get(
            "register/m.login.registration_token/validity",
            static query => query.RequiredText("token"),
            ValidityAsync,
            options);
    }

    private static RegisterRequest Read(BodyReader body) => new(
        body.Whole,
        body.Text("username"),
        body.FreeText("password"),
        LoginBody.ReadWish(body),
        body.Flag("inhibit_login"),
        body.Text("type") == ServiceAnswers.LoginType,
        body.Text("guest_access_token"));

    /// <summary>Reads the body as that of a guest, of whom only the device's name counts, or of a user.</summary>
    private async ValueTask<Answer> ChooseAsync(Call call, JsonObject whole, CancellationToken stop)
    {
        var kind = call.Query.OneOf("kind", "user", "guest");
        if (call.Query.Problem is { } unknownKind) return unknownKind;
        var body = new BodyReader(whole);
        if (kind == "guest")
        {
            if (oauth.IsOnly) return LoginFlows.NotHere;
            var name = LoginBody.ReadDisplayName(body, "initial_device_display_name");
            if (body.Problem is { } unfit) return unfit;
            var guest = await guests.CreateAsync(name, stop);
            return guest.IsOk ? AnswerOf(guest.Value) : UserAnswers.Of(guest.Failure);
        }

        var request = Read(body);
        return body.Problem ?? await PostAsync(call, request, stop);
    }

    private async ValueTask<Answer> PostAsync(Call call, RegisterRequest request, CancellationToken stop)
    {
        if (request.IsByService) return await ByServiceAsync(call, request, stop);
        if (oauth.IsOnly) return LoginFlows.NotHere;

        // The name is taken now, by this request itself.
        if (interactive.ResultOf(call, request.Body) is { } result) return result;

        var ways = await gate.WaysAsync(stop);
        if (ways.IsClosed) return RegistrationAnswers.Closed;

        // Checked before authentication, so that no client authenticates in vain.
        var (userId, refused) = await UserIdAsync(request, stop);
        if (refused is not null) return refused;
        if (request.Password is not null && passwords.Judge(request.Password) is { } weak)
        {
            return RegistrationAnswers.WeakPassword(weak);
        }

        var flows = addresses.Of(stages.FlowsOf(ways.Freely, ways.ByToken));
        var demand = new AuthDemand(flows, UserId: null, IsBoundToBody: false);
        var auth = await interactive.DemandAsync(call, request.Body, demand, stop);
        if (auth.Refusal is { } ask) return ask;
        if (request.Password is not { } password)
        {
            return Answer.Error(400, MatrixError.MissingParam, "`password` is missing.");
        }

        var hash = await hasher.HashAsync(password, call.Attempt().Requester, stop);
        if (hash is null) return Answer.LimitExceeded(TimeSpan.FromSeconds(2));

        return await CreateAsync(userId, hash, request, auth, demand, stop);
    }

    /// <summary>The user id of the new account (a guest's, a free one, or a generated one), or the error.</summary>
    private async ValueTask<(string UserId, Answer? Refused)> UserIdAsync(
        RegisterRequest request, CancellationToken stop)
    {
        if (request.GuestToken is { } token)
        {
            if (request.Username is not { } ofGuest)
            {
                return ("", Answer.Error(400, MatrixError.MissingParam, "`username` is missing."));
            }

            var guest = await guests.FindAsync(token, ofGuest, stop);
            return guest.IsOk ? (guest.Value, null) : ("", UserAnswers.Of(guest.Failure));
        }

        var (userId, problem) = request.Username is { } username
            ? await usernames.FreeUserIdOfAsync(username, stop)
            : usernames.UserIdOf(RandomNumberGenerator.GetString(GeneratedNameAlphabet, GeneratedNameLetters));
        return problem is { } why ? ("", RegistrationAnswers.Of(why)) : (userId, null);
    }

    private async ValueTask<Answer> CreateAsync(
        string userId,
        string hash,
        RegisterRequest request,
        AuthOutcome auth,
        AuthDemand demand,
        CancellationToken stop)
    {
        var token = auth.Session!.RegistrationToken;
        var login = request.InhibitLogin ? null : request.Wish;
        var accepted = auth.Session.Accepted;
        var proved = auth.Session.Validations;
        var authority = Authority.Minted(auth.Session.Id);
        var additions = identifiers.AdditionsOf(userId, proved.Select(static each => each.Validation));
        var created = request.GuestToken is { } guestToken
            ? await guests.UpgradeAsync(
                new GuestUpgrade(userId, guestToken, hash)
                {
                    Authority = authority,
                    RegistrationToken = token,
                    Login = login,
                    Accepted = accepted,
                    Conditions = additions,
                },
                stop)
            : await registrations.CreateAsync(
                new NewAccount(userId, hash)
                {
                    Authority = authority,
                    RegistrationToken = token,
                    Login = login,
                    Accepted = accepted,
                    Conditions = additions,
                },
                stop);
        if (created.Failure?.Kind == UserFailureKind.RegistrationTokenUsedUp)
        {
            auth.Session.Reopen(AuthStage.RegistrationToken);
            return interactive.Ask(auth.Session, demand, MatrixError.Forbidden, created.Failure.Message);
        }

        if (!created.IsOk && Array.Exists(additions, static change => !change.Applied))
        {
            // An address that is taken by now, or whose session has ended, is asked for again.
            foreach (var (stage, validation) in proved)
            {
                if (await identifiers.CanAddAsync(validation, stop)) continue;
                auth.Session.Reopen(stage);
                return interactive.Ask(
                    auth.Session, demand, MatrixError.Forbidden, "The address cannot be used any more.");
            }
        }

        return created.IsOk
            ? UserInteractiveAuth.Grant(auth, AnswerOf(created.Value))
            : UserAnswers.Of(created.Failure);
    }

    private static Answer AnswerOf(Registered registered) => Answer.Json(registered, static (json, account) =>
    {
        json.WriteString("user_id", account.UserId);
        if (account.Login is not { } login) return;
        json.WriteString("device_id", login.DeviceId);
        login.WriteTokens(json);
    });

    /// <summary>
    /// An application service creates a user without a password, even where registration is closed.
    /// v1.19 application-service-api#server-admin-style-permissions
    /// </summary>
    private async ValueTask<Answer> ByServiceAsync(Call call, RegisterRequest request, CancellationToken stop)
    {
        if (call.Service is not { } service) return ServiceAnswers.NoService(call);
        if (oauth.IsOnly && !request.InhibitLogin) return ServiceAnswers.NoLogin;
        if (request.Username is not { } username)
        {
            return Answer.Error(400, MatrixError.MissingParam, "`username` is missing.");
        }

        var (userId, problem) = await usernames.FreeUserIdOfAsync(username, stop, service);
        if (problem is { } why) return RegistrationAnswers.Of(why);
        var account = new NewAccount(userId, PasswordHash: null)
        {
            Kind = UserKind.AppService,
            Login = request.InhibitLogin ? null : request.Wish,
        };
        var created = await registrations.CreateAsync(account, stop);
        return created.IsOk ? AnswerOf(created.Value) : UserAnswers.Of(created.Failure);
    }

    private async ValueTask<Answer> AvailableAsync(Call call, string username, CancellationToken stop)
    {
        if (oauth.IsOnly) return LoginFlows.NotHere;

        var (_, problem) = await usernames.FreeUserIdOfAsync(username, stop);
        return problem is { } why
            ? RegistrationAnswers.Of(why)
            : Answer.Json(static json => json.WriteBoolean("available", true));
    }

    private async ValueTask<Answer> ValidityAsync(Call call, string token, CancellationToken stop)
    {
        var ways = await gate.WaysAsync(stop);
        if (ways.IsClosed) return RegistrationAnswers.Closed;

        var valid = await gate.AcceptsAsync(ways, token, stop);
        return Answer.Json(valid, static (json, is_) => json.WriteBoolean("valid", is_));
    }

    private sealed record RegisterRequest(
        JsonObject Body,
        string? Username,
        string? Password,
        LoginWish Wish,
        bool InhibitLogin,
        bool IsByService,
        string? GuestToken);
}
