using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Http;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.Login;

/// <summary>Logging in. Client-Server API, "Login" of the legacy API.</summary>
internal sealed class LogIn(
    IStorage storage, PasswordLogin passwords, Logins logins, UserInteractiveAuth interactive, ClientOptions options) : IEndpoints
{
    private const string PasswordType = "m.login.password";
    private const string TokenType = "m.login.token";
    private const int Attempts = 3;

    private static readonly Answer _flows = Answer.Bytes(
        """{"flows":[{"type":"m.login.password"},{"type":"m.login.token","get_login_token":true}]}"""u8.ToArray());

    public void Map(ClientRoutes routes)
    {
        var login = new RouteOptions { Access = Access.Anyone, Rate = RateClass.Login };
        routes.Get("login", static (_, _) => ValueTask.FromResult(_flows), new RouteOptions { Access = Access.Anyone });
        routes.Post("login", Read, PostAsync, login);
        routes.V1.Post("login/get_token", static body => body.Whole, GetTokenAsync, new RouteOptions { Rate = RateClass.Login });
    }

    private LoginRequest Read(BodyReader body)
    {
        var type = body.RequiredText("type");
        if (body.Problem is null && type is not (PasswordType or TokenType)) body.Refuse(MatrixError.Unknown, "Bad login type.");
        var wish = LoginBody.ReadWish(body);
        return type == TokenType
            ? new LoginRequest(wish, null, null, body.RequiredText("token"))
            : new LoginRequest(wish, UserIdentifier.Read(body, options.ServerName), body.RequiredFreeText("password"), null);
    }

    private async ValueTask<Answer> PostAsync(Call call, LoginRequest request, CancellationToken stop)
    {
        // What was proved must hold when the login is written. If it does not, because the password or only its hash
        // changed, it is proved again.
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var (proof, refusal) = request.Token is { } token
                ? await ByTokenAsync(token, stop).ConfigureAwait(false)
                : await ByPasswordAsync(call, request.UserId, request.Password!, stop).ConfigureAwait(false);
            if (refusal is not null) return refusal;

            var (userId, conditions) = proof!;
            if (await RefuseDeviceAsync(userId, request.Wish.DeviceId, stop).ConfigureAwait(false) is { } refused) return refused;

            var batch = new WriteBatch(2);
            foreach (var condition in conditions) batch.Require(condition);
            var login = logins.Add(batch, userId, request.Wish);
            if (!(await storage.Writer.WriteAsync(batch, stop).ConfigureAwait(false)).Refused) return AnswerOf(login);
        }

        return Answer.LimitExceeded(TimeSpan.FromSeconds(1), "The account is being changed at the same time.");
    }

    private Answer AnswerOf(IssuedLogin login) => Answer.Json((login, options), static (json, state) =>
    {
        json.WriteString("user_id", state.login.UserId);
        json.WriteString("device_id", state.login.DeviceId);
        state.login.WriteTokens(json);
        if (state.options.PublicBaseUrl.Length == 0) return;
        json.WriteStartObject("well_known");
        json.WriteStartObject("m.homeserver");
        json.WriteString("base_url", state.options.PublicBaseUrl);
        json.WriteEndObject();
        json.WriteEndObject();
    });

    private async ValueTask<(Proof? Proof, Answer? Refusal)> ByPasswordAsync(
        Call call, string? userId, string password, CancellationToken stop) =>
        await passwords.CheckAsync(userId, password, call.Address, stop).ConfigureAwait(false) switch
        {
            PasswordCheck.Right(var user) => (new Proof(user.UserId, [new PasswordIs(user.UserId, user.PasswordHash!)]), null),
            PasswordCheck.TooMany(var wait) => (null, Answer.LimitExceeded(wait)),
            _ => (null, Answer.Forbidden("The user or the password is wrong.")),
        };

    private async ValueTask<(Proof? Proof, Answer? Refusal)> ByTokenAsync(string token, CancellationToken stop)
    {
        var found = await logins.FindLoginTokenAsync(token, stop).ConfigureAwait(false);
        var user = found is null ? null : await storage.Accounts.FindUserAsync(found.Value.UserId, stop).ConfigureAwait(false);
        return user switch
        {
            null => (null, Answer.Forbidden("The login token is not valid.")),
            { DeactivatedAt: not null } => (null, Answer.Error(403, MatrixError.UserDeactivated, "This account has been deactivated.")),
            _ => (new Proof(user.UserId, [found!.Value.Use, new UserIsActive(user.UserId)]), null),
        };
    }

    /// <summary>Why a user may not have that device; null if they may.</summary>
    private async ValueTask<Answer?> RefuseDeviceAsync(string userId, string? deviceId, CancellationToken stop)
    {
        if (!await logins.MayAddDeviceAsync(userId, deviceId, stop).ConfigureAwait(false))
        {
            return AccountLimits.Reached(options, "This account has too many devices: log out of some.");
        }

        if (deviceId is null) return null;
        var keys = await storage.Keys.CrossSigningKeysAsync([userId], stop).ConfigureAwait(false);
        return keys.Any(key => key.PublicKey == deviceId)
            ? Answer.Forbidden("A device cannot have the id of a cross-signing key.")
            : null;
    }

    private async ValueTask<Answer> GetTokenAsync(Call call, Core.Json.JsonObject body, CancellationToken stop)
    {
        var demand = new AuthDemand(AuthFlow.Password, call.Caller.UserId);
        var auth = await interactive.DemandAsync(call, body, demand, stop).ConfigureAwait(false);
        if (auth.Refusal is { } refusal) return refusal;

        var made = await logins.NewLoginTokenAsync(call.Caller.UserId, auth.NewCondition(), stop).ConfigureAwait(false);
        if (made is not { } token) return UserInteractiveAuth.AskAgain(auth, demand);
        return UserInteractiveAuth.Grant(auth, Answer.Json(token, static (json, made) =>
        {
            json.WriteString("login_token", made.Token);
            json.WriteNumber("expires_in_ms", (long)made.ExpiresIn.TotalMilliseconds);
        }));
    }

    /// <summary>Who logs in, and what must still hold when the login is written.</summary>
    private sealed record Proof(string UserId, ConditionalChange[] Conditions);

    private sealed record LoginRequest(LoginWish Wish, string? UserId, string? Password, string? Token);
}
