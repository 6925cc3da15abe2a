using Matrix.Core.Json;
using Matrix.Host.Api.Client.AppServices;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Client.Login;
using Matrix.Host.Api.Http;
using Matrix.Host.Sodium;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.Registration;

/// <summary>Registration. Client-Server API, "Account registration" of the legacy API.</summary>
internal sealed class Register(
    RegistrationGate gate,
    Usernames usernames,
    PasswordLogin passwords,
    PasswordHasher hasher,
    Registrations registrations,
    UserInteractiveAuth interactive) : IEndpoints
{
    private const int GeneratedNameLetters = 12;
    private const string GeneratedNameAlphabet = "abcdefghijklmnopqrstuvwxyz";

    private static readonly Answer _closed = Answer.Forbidden("Registration is closed on this server.");

    public void Map(ClientRoutes routes)
    {
        var options = new RouteOptions { Access = Access.Anyone, Rate = RateClass.Registration };
        routes.Post("register", Read, PostAsync, options);
        routes.Get("register/available", static query => query.RequiredText("username"), AvailableAsync, options);
        routes.V1.Get(
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
        body.Text("type") == ServiceAnswers.LoginType);

    private async ValueTask<Answer> PostAsync(Call call, RegisterRequest request, CancellationToken stop)
    {
        var kind = call.Query.OneOf("kind", "user", "guest");
        if (call.Query.Problem is { } unknownKind) return unknownKind;
        if (kind == "guest") return Answer.Forbidden("This server has no guest accounts.");

        if (request.IsByService) return await ByServiceAsync(call, request, stop).ConfigureAwait(false);

        // The name is taken now, by this request itself.
        if (interactive.ResultOf(call, request.Body) is { } result) return result;

        var ways = await gate.WaysAsync(stop).ConfigureAwait(false);
        if (ways.IsClosed) return _closed;

        // Checked before authentication, so that no client authenticates in vain.
        var (userId, problem) = request.Username is { } username
            ? await usernames.FreeUserIdOfAsync(username, stop).ConfigureAwait(false)
            : usernames.UserIdOf(SecretBytes.RandomText(GeneratedNameLetters, GeneratedNameAlphabet));
        if (problem is { } why) return RegistrationAnswers.Of(why);
        if (request.Password is not null && passwords.Judge(request.Password) is { } weak)
        {
            return RegistrationAnswers.WeakPassword(weak);
        }

        var demand = new AuthDemand(FlowsOf(ways), UserId: null, IsBoundToBody: false);
        var auth = await interactive.DemandAsync(call, request.Body, demand, stop).ConfigureAwait(false);
        if (auth.Refusal is { } ask) return ask;
        if (request.Password is not { } password)
        {
            return Answer.Error(400, MatrixError.MissingParam, "`password` is missing.");
        }

        var hash = await hasher.HashAsync(password, stop).ConfigureAwait(false);
        if (hash is null) return Answer.LimitExceeded(TimeSpan.FromSeconds(2));

        return await CreateAsync(userId, hash, request, auth, demand, stop).ConfigureAwait(false);
    }

    private async ValueTask<Answer> CreateAsync(
        string userId,
        string hash,
        RegisterRequest request,
        AuthOutcome auth,
        AuthDemand demand,
        CancellationToken stop)
    {
        var account = new NewAccount(userId, hash)
        {
            RegistrationToken = auth.Session!.RegistrationToken,
            Login = request.InhibitLogin ? null : request.Wish,
        };
        var created = await registrations.CreateAsync(account, stop).ConfigureAwait(false);
        if (created.Failure?.Kind == UserFailureKind.RegistrationTokenUsedUp)
        {
            auth.Session.Reopen(AuthStage.RegistrationToken);
            return interactive.Ask(auth.Session, demand, MatrixError.Forbidden, created.Failure.Message);
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
    /// An application service creates a user without a password, even where registration is closed. Application Service
    /// API, "Server admin style permissions".
    /// </summary>
    private async ValueTask<Answer> ByServiceAsync(Call call, RegisterRequest request, CancellationToken stop)
    {
        if (call.Service is not { } service) return ServiceAnswers.NoService(call);
        if (request.Username is not { } username)
        {
            return Answer.Error(400, MatrixError.MissingParam, "`username` is missing.");
        }

        var (userId, problem) = await usernames.FreeUserIdOfAsync(username, stop, service).ConfigureAwait(false);
        if (problem is { } why) return RegistrationAnswers.Of(why);
        var account = new NewAccount(userId, PasswordHash: null)
        {
            Kind = UserKind.AppService,
            Login = request.InhibitLogin ? null : request.Wish,
        };
        var created = await registrations.CreateAsync(account, stop).ConfigureAwait(false);
        return created.IsOk ? AnswerOf(created.Value) : UserAnswers.Of(created.Failure);
    }

    private async ValueTask<Answer> AvailableAsync(Call call, string username, CancellationToken stop)
    {
        var (_, problem) = await usernames.FreeUserIdOfAsync(username, stop).ConfigureAwait(false);
        return problem is { } why
            ? RegistrationAnswers.Of(why)
            : Answer.Json(static json => json.WriteBoolean("available", true));
    }

    private async ValueTask<Answer> ValidityAsync(Call call, string token, CancellationToken stop)
    {
        var ways = await gate.WaysAsync(stop).ConfigureAwait(false);
        if (ways.IsClosed) return _closed;

        var valid = await gate.AcceptsAsync(ways, token, stop).ConfigureAwait(false);
        return Answer.Json(valid, static (json, is_) => json.WriteBoolean("valid", is_));
    }

    private static List<AuthFlow> FlowsOf(RegistrationWays ways)
    {
        var flows = new List<AuthFlow>(2);
        if (ways.Freely) flows.Add(new AuthFlow(AuthStage.Dummy));
        if (ways.ByToken) flows.Add(new AuthFlow(AuthStage.RegistrationToken));
        return flows;
    }

    private sealed record RegisterRequest(
        JsonObject Body,
        string? Username,
        string? Password,
        LoginWish Wish,
        bool InhibitLogin,
        bool IsByService);
}
