using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.InteractiveAuth.Stages;

/// <summary>The user's password. v1.19 client-server-api#password-based</summary>
internal sealed class PasswordStage(
    PasswordLogin passwords, IAccountsTable accountsTable, ClientOptions options) : IAuthStage
{
    public string Type => AuthStage.Password;

    public Func<string, CancellationToken, ValueTask<bool>> Proves => async (userId, stop) =>
        await accountsTable.FindUserAsync(userId, stop) is { PasswordHash: not null };

    /// <summary>
    /// A page for the request of a user only. A stranger can send a request of nobody; who gave a password on its
    /// page would do for the stranger what the request asks for.
    /// </summary>
    public StagePageMaker? PageOf(AuthSession session) => session.Demand.UserId is not { } userId ? null
        : (_, _) => new(new StagePage("Confirm that it is you", Html.Of($"""
            {OperationText.Of(session)}
            <label>User name <input name="user" required autocomplete="username" autocapitalize="none"
            spellcheck="false" value="{userId}"></label>
            <label>Password <input name="password" type="password" required autocomplete="current-password"></label>
            """)));

    public async ValueTask<StageResult> AttemptAsync(StageAttempt attempt, CancellationToken stop)
    {
        var given = attempt.Given;
        var password = given.RequiredFreeText("password");
        var user = UserIdentifier.Read(given, options.ServerName);
        if (given.Problem is not null) return StageResult.Malformed;
        var demanded = attempt.Demand.UserId;
        if (user.UserId is { } userId && demanded is not null && !IsThat(userId, demanded))
        {
            return StageResult.Wrong("The password must be the calling user's.");
        }

        var from = attempt.Call.Attempt();
        var check = user.UserId is { } id
            ? await passwords.CheckAsync(demanded ?? id, password, from, stop)
            : await passwords.CheckAsync(user.Identifier, password, from, demanded, stop);
        return check switch
        {
            PasswordCheck.Right(var owner) when demanded is null || demanded == owner.UserId =>
                StageResult.Completed(new StageProof
                {
                    UserId = owner.UserId,
                    Condition = () => new PasswordIs(owner.UserId, owner.PasswordHash!),
                }),
            PasswordCheck.TooMany(var wait) => StageResult.Refused(Answer.LimitExceeded(wait)),

            // An address that nobody has gets a 403, so that a wrong password for another address does too.
            _ when user.IsAddress => StageResult.Refused(Answer.Forbidden("The address or the password is wrong.")),
            _ => StageResult.Wrong("The password is wrong."),
        };
    }

    private static bool IsThat(string given, string userId) =>
        string.Equals(given, userId, StringComparison.OrdinalIgnoreCase);
}
