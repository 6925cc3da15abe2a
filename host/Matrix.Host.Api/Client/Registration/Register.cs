using Matrix.Core.Json;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Client.Login;
using Matrix.Host.Api.Http;
using Matrix.Host.Sodium;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.Registration;

/// <summary>Making an account. Client-Server API, "Account registration" of the legacy API.</summary>
internal sealed class Register(
    IStorage storage,
    RegistrationGate gate,
    Usernames usernames,
    PasswordLogin passwords,
    PasswordHasher hasher,
    Logins logins,
    UserInteractiveAuth interactive,
    TimeProvider clock) : IEndpoints
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
            "register/m.login.registration_token/validity", static query => query.RequiredText("token"), ValidityAsync, options);
    }

    private static RegisterRequest Read(BodyReader body) => new(
        body.Whole,
        body.Text("username"),
        body.FreeText("password"),
        LoginBody.ReadWish(body),
        body.Flag("inhibit_login"));

    private async ValueTask<Answer> PostAsync(Call call, RegisterRequest request, CancellationToken stop)
    {
        var kind = call.Query.OneOf("kind", "user", "guest");
        if (call.Query.Problem is { } unknownKind) return unknownKind;
        if (kind == "guest") return Answer.Forbidden("This server has no guest accounts.");

        // Its name is taken now, by itself.
        if (interactive.ResultOf(call, request.Body) is { } result) return result;

        var ways = await gate.WaysAsync(stop).ConfigureAwait(false);
        if (ways.IsClosed) return _closed;

        // Before authentication, so that nobody goes through that in vain.
        var (userId, problem) = request.Username is { } username
            ? await usernames.FreeUserIdOfAsync(username, stop).ConfigureAwait(false)
            : usernames.UserIdOf(SecretBytes.RandomText(GeneratedNameLetters, GeneratedNameAlphabet));
        if (problem is { } why) return RegistrationAnswers.Of(why);
        if (request.Password is not null && passwords.Judge(request.Password) is { } weak) return RegistrationAnswers.WeakPassword(weak);

        var demand = new AuthDemand(FlowsOf(ways), UserId: null, IsBoundToBody: false);
        var auth = await interactive.DemandAsync(call, request.Body, demand, stop).ConfigureAwait(false);
        if (auth.Refusal is { } ask) return ask;
        if (request.Password is not { } password) return Answer.Error(400, MatrixError.MissingParam, "`password` is missing.");

        var hash = await hasher.HashAsync(password, stop).ConfigureAwait(false);
        if (hash is null) return Answer.LimitExceeded(TimeSpan.FromSeconds(2));

        return await CreateAsync(userId, hash, request, auth, demand, stop).ConfigureAwait(false);
    }

    private async ValueTask<Answer> CreateAsync(
        string userId, string hash, RegisterRequest request, AuthOutcome auth, AuthDemand demand, CancellationToken stop)
    {
        var token = auth.Session!.RegistrationToken;
        var isAdmin = token is not null
            && await storage.Accounts.FindRegistrationTokenAsync(token, stop).ConfigureAwait(false) is { MakesAdmin: true };

        var creation = new UserCreated(userId, UserKind.User, hash, isAdmin);
        var redemption = token is null ? null : new RegistrationTokenRedeemed(token);

        // The token first: the first user's is good only while there is no user.
        var batch = new WriteBatch(4);
        if (redemption is not null) batch.Require(redemption);
        batch.Require(creation);
        var login = request.InhibitLogin ? null : logins.Add(batch, userId, request.Wish);

        var receipt = await storage.Writer.WriteAsync(batch, stop).ConfigureAwait(false);
        if (receipt.Refused)
        {
            if (redemption is not { Applied: false }) return RegistrationAnswers.InUse;
            auth.Session.ReopenRegistrationToken();
            return UserInteractiveAuth.Ask(auth.Session, demand, MatrixError.Forbidden, "The registration token has been used up.");
        }

        return UserInteractiveAuth.Grant(auth, Answer.Json((userId, login), static (json, state) =>
        {
            json.WriteString("user_id", state.userId);
            if (state.login is null) return;
            json.WriteString("device_id", state.login.DeviceId);
            state.login.WriteTokens(json);
        }));
    }

    private async ValueTask<Answer> AvailableAsync(Call call, string username, CancellationToken stop)
    {
        var (_, problem) = await usernames.FreeUserIdOfAsync(username, stop).ConfigureAwait(false);
        return problem is { } why ? RegistrationAnswers.Of(why) : Answer.Json(static json => json.WriteBoolean("available", true));
    }

    private async ValueTask<Answer> ValidityAsync(Call call, string token, CancellationToken stop)
    {
        var ways = await gate.WaysAsync(stop).ConfigureAwait(false);
        if (ways.IsClosed) return _closed;

        // Where no token is asked for, none can be used.
        var row = ways.ByToken
            ? await storage.Accounts.FindRegistrationTokenAsync(token, stop).ConfigureAwait(false)
            : null;
        var valid = row?.IsValidAt(clock.GetUtcNow().ToUnixTimeMilliseconds()) == true;
        return Answer.Json(valid, static (json, is_) => json.WriteBoolean("valid", is_));
    }

    private static List<AuthFlow> FlowsOf(RegistrationWays ways)
    {
        var flows = new List<AuthFlow>(2);
        if (ways.Freely) flows.Add(new AuthFlow(AuthStage.Dummy));
        if (ways.ByToken) flows.Add(new AuthFlow(AuthStage.RegistrationToken));
        return flows;
    }

    private sealed record RegisterRequest(JsonObject Body, string? Username, string? Password, LoginWish Wish, bool InhibitLogin);
}
