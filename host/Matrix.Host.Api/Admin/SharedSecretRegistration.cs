using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Client.Login;
using Matrix.Host.Api.Client.Registration;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Crypto;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Admin;

/// <summary>
/// Accounts created with the configuration's shared secret, by the nonce and HMAC-SHA1 protocol of `mx user create` and
/// other Matrix tools. Served only if a secret is set.
/// </summary>
internal sealed class SharedSecretRegistration(
    ClientOptions options,
    Usernames usernames,
    PasswordHasher hasher,
    Registrations registrations,
    AuditLog audit,
    Nonces nonces) : IEndpoints
{
    /// <summary>Who creates an account by the secret, in the audit log: nobody is logged in.</summary>
    private const string SecretHolder = "shared secret";

    public void Map(ClientRoutes routes)
    {
        if (options.RegistrationSharedSecret.Length == 0) return;
        var admin = routes.At("/_synapse/admin/v1/");
        var open = new RouteOptions { Access = Access.Anyone, Rate = RateClass.Registration };
        admin.Of(RouteOwner.Nobody).Get("register", NewNonce, open);
        admin.Of(RouteOwner.InBody).Post("register", Read, PostAsync, open);
    }

    private ValueTask<Answer> NewNonce(Call call, CancellationToken stop) =>
        ValueTask.FromResult(Answer.Json(nonces.New(), static (json, nonce) => json.WriteString("nonce", nonce)));

    private static Request Read(BodyReader body) => new(
        body.RequiredText("nonce"),
        body.RequiredText("username"),
        body.HasNull("displayname") ? null : body.FreeText("displayname"),
        body.RequiredFreeText("password"),
        body.Flag("admin"),
        body.TextOrNull("user_type"),
        body.RequiredText("mac"));

    private async ValueTask<Answer> PostAsync(Call call, Request request, CancellationToken stop)
    {
        if (!nonces.Use(request.Nonce))
        {
            return Answer.Error(400, MatrixError.Unknown, "The nonce is unknown or was already used.");
        }

        if (!CryptographicOperations.FixedTimeEquals(
                Encoding.UTF8.GetBytes(MacOf(request)), Encoding.UTF8.GetBytes(request.Mac.ToLowerInvariant())))
        {
            return Answer.Forbidden("The mac is wrong.");
        }

        var (userId, problem) = await usernames.FreeUserIdOfAsync(request.Username, stop);
        if (problem is { } why) return RegistrationAnswers.Of(why);
        if (PasswordLogin.JudgeOfAdministrator(request.Password) is { } unfit)
        {
            return RegistrationAnswers.WeakPassword(unfit);
        }

        if (await hasher.HashAsync(request.Password, HashRequester.Operator, stop)
            is not { } hash)
        {
            return Answer.LimitExceeded(TimeSpan.FromSeconds(2));
        }

        var actor = new AdminActor(SecretHolder, call.Address);
        var account = new NewAccount(userId, hash)
        {
            Authority = Authority.Minted(request.Nonce),
            IsAdmin = request.IsAdmin,
            DisplayName = request.DisplayName,
            Conditions = [audit.Of(actor, request.IsAdmin ? "user.create_admin" : "user.create", userId)],
            Login = new LoginWish(DeviceId: null, DisplayName: null, Refreshes: false),
        };
        var created = await registrations.CreateAsync(account, stop);
        if (!created.IsOk) return UserAnswers.Of(created.Failure);

        return Answer.Json((login: created.Value.Login!, options.ServerName), static (json, state) =>
        {
            json.WriteString("user_id", state.login.UserId);
            json.WriteString("home_server", state.ServerName);
            json.WriteString("device_id", state.login.DeviceId);
            state.login.WriteTokens(json);
        });
    }

    private string MacOf(Request request)
    {
        var kind = request.IsAdmin ? "admin" : "notadmin";
        var parts = new List<string> { request.Nonce, request.Username, request.Password, kind };
        if (request.UserType is { Length: > 0 } type) parts.Add(type);
#pragma warning disable CA5350 // The protocol requires HMAC-SHA1, which the attacks on SHA-1 do not break.
        var mac = HMACSHA1.HashData(
            Encoding.UTF8.GetBytes(options.RegistrationSharedSecret), Encoding.UTF8.GetBytes(string.Join('\0', parts)));
#pragma warning restore CA5350
        return Convert.ToHexStringLower(mac);
    }

    private sealed record Request(
        string Nonce, string Username, string? DisplayName, string Password, bool IsAdmin, string? UserType, string Mac)
    {
        public override string ToString() => Username;
    }
}
