using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Client.Sessions;
using Matrix.Host.Api.Http;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Api.Client.Login;

/// <summary>Logging in. Client-Server API, "Login" of the legacy API.</summary>
internal sealed class LogIn(
    IStorage storage, PasswordLogin passwords, Logins logins, UserInteractiveAuth interactive, ClientOptions options) : IEndpoints
{
    private const string PasswordType = "m.login.password";
    private const string TokenType = "m.login.token";

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
        var (userId, refusal) = request.Token is { } token
            ? await ByTokenAsync(token, stop).ConfigureAwait(false)
            : await ByPasswordAsync(request.UserId, request.Password!, stop).ConfigureAwait(false);
        if (refusal is not null) return refusal;

        if (await RefuseDeviceAsync(userId!, request.Wish.DeviceId, stop).ConfigureAwait(false) is { } refused) return refused;

        var set = new WriteSet(2);
        var login = logins.Add(set, userId!, request.Wish);
        await storage.Writer.WriteAsync(set, stop).ConfigureAwait(false);
        return Answer.Json((login, options), static (json, state) =>
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
    }

    private async ValueTask<(string? UserId, Answer? Refusal)> ByPasswordAsync(string? userId, string password, CancellationToken stop) =>
        await passwords.CheckAsync(userId, password, stop).ConfigureAwait(false) switch
        {
            PasswordCheck.Right(var user) => (user.UserId, null),
            PasswordCheck.TooMany(var wait) => (null, Answer.LimitExceeded(wait)),
            _ => (null, Answer.Forbidden("The user or the password is wrong.")),
        };

    private async ValueTask<(string? UserId, Answer? Refusal)> ByTokenAsync(string token, CancellationToken stop)
    {
        var userId = await logins.RedeemLoginTokenAsync(token, stop).ConfigureAwait(false);
        var user = userId is null ? null : await storage.Accounts.FindUserAsync(userId, stop).ConfigureAwait(false);
        return user switch
        {
            null => (null, Answer.Forbidden("The login token is not valid.")),
            { DeactivatedAt: not null } => (null, Answer.Error(403, MatrixError.UserDeactivated, "This account has been deactivated.")),
            _ => (user.UserId, null),
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
        var auth = await interactive
            .DemandAsync(call, body, new AuthDemand(AuthFlow.Password, call.Caller.UserId), stop)
            .ConfigureAwait(false);
        if (auth.Refusal is { } refusal) return refusal;

        var (token, expiresIn) = await logins.NewLoginTokenAsync(call.Caller.UserId, stop).ConfigureAwait(false);
        interactive.End(auth);
        return Answer.Json((token, expiresIn), static (json, state) =>
        {
            json.WriteString("login_token", state.token);
            json.WriteNumber("expires_in_ms", (long)state.expiresIn.TotalMilliseconds);
        });
    }

    private sealed record LoginRequest(LoginWish Wish, string? UserId, string? Password, string? Token);
}
