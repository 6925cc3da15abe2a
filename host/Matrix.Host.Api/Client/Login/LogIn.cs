using Matrix.Host.Api.Client.AppServices;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users;
using Matrix.Host.Users.AppServices;
using Matrix.Host.Users.OAuth;
using Matrix.Host.Users.Sessions;
using Matrix.Host.Users.SingleSignOn;

namespace Matrix.Host.Api.Client.Login;

/// <summary>Login. v1.19 client-server-api#legacy-login</summary>
internal sealed class LogIn(
    PasswordLogin passwords,
    Logins logins,
    UserInteractiveAuth interactive,
    AppServiceDirectory services,
    SsoOptions sso,
    OAuthOptions oauth,
    ClientOptions options) : IEndpoints
{
    private const string PasswordType = "m.login.password";
    private const string TokenType = "m.login.token";
    private const int Attempts = 3;

    private readonly Answer _flows = LoginFlows.Of(sso, oauth.IsOn, withServices: false);
    private readonly Answer _flowsWithServices = LoginFlows.Of(sso, oauth.IsOn, withServices: true);

    public void Map(ClientRoutes routes)
    {
        var login = new RouteOptions { Access = Access.Anyone, Rate = RateClass.Login };
        // v1.19 client-server-api#get_matrixclientv3login
        routes.Of(RouteOwner.Nobody).Get(
            "login", (_, _) => ValueTask.FromResult(Flows), new RouteOptions { Access = Access.Anyone });
        // v1.19 client-server-api#post_matrixclientv3login
        routes.Of(RouteOwner.Nobody).Post("login", Read, PostAsync, login);
        // v1.19 client-server-api#post_matrixclientv1loginget_token
        routes.Of(RouteOwner.InBody).V1.Post(
            "login/get_token",
            static body => body.Whole,
            GetTokenAsync,
            new RouteOptions { Rate = RateClass.Login, OpenToSuspended = true });
    }

    private Answer Flows => oauth.IsOnly ? LoginFlows.NotHere : services.All.Count > 0 ? _flowsWithServices : _flows;

    private LoginRequest Read(BodyReader body)
    {
        var type = body.RequiredText("type");
        if (body.Problem is null && type is not (PasswordType or TokenType or ServiceAnswers.LoginType))
        {
            body.Refuse(MatrixError.Unknown, "Bad login type.");
        }

        var wish = LoginBody.ReadWish(body);
        return type switch
        {
            TokenType => new LoginRequest(wish, null, null, body.RequiredText("token")),
            ServiceAnswers.LoginType =>
                new LoginRequest(wish, UserIdentifier.Read(body, options.ServerName), null, null),
            _ => new LoginRequest(
                wish, UserIdentifier.Read(body, options.ServerName), body.RequiredFreeText("password"), null),
        };
    }

    private async ValueTask<Answer> PostAsync(Call call, LoginRequest request, CancellationToken stop)
    {
        if (oauth.IsOnly) return request.IsByService ? ServiceAnswers.NoLogin : LoginFlows.NotHere;

        // The proof must still hold when the login is written. If the password or its hash changed meanwhile, it is
        // checked again.
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var (proof, refusal) = request switch
            {
                { Token: { } token } => await ByTokenAsync(token, stop),
                { Password: { } password } =>
                    await ByPasswordAsync(call, request.User!, password, stop),
                _ => await ByServiceAsync(call, request.User!.UserId, stop),
            };
            if (refusal is not null) return refusal;

            var login = await logins.LogInAsync(proof!, request.Wish, stop);
            if (login.IsOk) return LoginAnswers.Of(login.Value, options);
            if (login.Failure.Kind != UserFailureKind.Outdated) return UserAnswers.Of(login.Failure, options);
        }

        return Answer.LimitExceeded(TimeSpan.FromSeconds(1), "Another request is changing the account.");
    }

    private async ValueTask<(LoginProof? Proof, Answer? Refusal)> ByPasswordAsync(
        Call call, GivenUser user, string password, CancellationToken stop)
    {
        var check = user.IsAddress
            ? await passwords.CheckAsync(user.Identifier, password, call.Attempt(), demanded: null, stop)
            : await passwords.CheckAsync(user.UserId, password, call.Attempt(), stop);
        return check switch
        {
            PasswordCheck.Right right => (right.Proof, null),
            PasswordCheck.TooMany(var wait) => (null, Answer.LimitExceeded(wait)),
            _ => (null, Answer.Forbidden("The user or the password is wrong.")),
        };
    }

    /// <summary>v1.19 application-service-api#server-admin-style-permissions</summary>
    private async ValueTask<(LoginProof? Proof, Answer? Refusal)> ByServiceAsync(
        Call call, string? userId, CancellationToken stop)
    {
        if (call.Service is not { } service) return (null, ServiceAnswers.NoService(call));
        if (userId is null || !service.HasUser(userId)) return (null, ServiceAnswers.Exclusive);
        var proved = await logins.ProveByServiceAsync(userId, stop);
        return proved.IsOk ? (proved.Value, null) : (null, UserAnswers.Of(proved.Failure));
    }

    private async ValueTask<(LoginProof? Proof, Answer? Refusal)> ByTokenAsync(string token, CancellationToken stop)
    {
        var proved = await logins.ProveByTokenAsync(token, stop);
        return proved.IsOk ? (proved.Value, null) : (null, UserAnswers.Of(proved.Failure));
    }

    private async ValueTask<Answer> GetTokenAsync(Call call, Core.Json.JsonObject body, CancellationToken stop)
    {
        if (oauth.IsOnly) return LoginFlows.NotHere;

        var demand = new AuthDemand(AuthFlow.Password, call.Caller.UserId);
        var auth = await interactive.DemandAsync(call, body, demand, stop);
        if (auth.Refusal is { } refusal) return refusal;

        var made = await logins.NewLoginTokenAsync(call.Caller.UserId, auth.NewCondition(), stop);
        if (made is not { } token) return interactive.AskAgain(auth);
        return UserInteractiveAuth.Grant(auth, Answer.Json(token, static (json, made) =>
        {
            json.WriteString("login_token", made.Token);
            json.WriteNumber("expires_in_ms", (long)made.ExpiresIn.TotalMilliseconds);
        }));
    }

    private sealed record LoginRequest(LoginWish Wish, GivenUser? User, string? Password, string? Token)
    {
        internal bool IsByService => Password is null && Token is null;
    }
}

/// <summary>Counts attempts in the rate limiter of requests.</summary>
internal sealed class GuessLimits(RateLimiter limiter) : IGuessLimits
{
    public TimeSpan TakeAttempt(string who) => limiter.Take(RateClass.Attempts, who);

    public TimeSpan Take(string userId) => limiter.Take(RateClass.Password, userId);

    public TimeSpan TakeKnown(string userId, string address) =>
        limiter.Take(RateClass.KnownLogin, $"{userId} {address}");
}
