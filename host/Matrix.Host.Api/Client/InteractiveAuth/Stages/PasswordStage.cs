using Matrix.Host.Api.Http;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.InteractiveAuth.Stages;

/// <summary>The user's password. Client-Server API, "Password-based".</summary>
internal sealed class PasswordStage(PasswordLogin passwords, ClientOptions options) : IAuthStage
{
    public string Type => AuthStage.Password;

    public async ValueTask<StageResult> AttemptAsync(StageAttempt attempt, CancellationToken stop)
    {
        var given = attempt.Given;
        var password = given.RequiredFreeText("password");
        var userId = UserIdentifier.Read(given, options.ServerName);
        if (given.Problem is not null) return StageResult.Malformed;
        if (userId is null)
        {
            return StageResult.Refused(Answer.Forbidden("No user here has this address or phone number."));
        }

        var demanded = attempt.Demand.UserId;
        if (demanded is not null && !IsThat(userId, demanded))
        {
            return StageResult.Wrong("The password must be the calling user's.");
        }

        var check = await passwords
            .CheckAsync(demanded ?? userId, password, attempt.Call.Address, stop).ConfigureAwait(false);
        return check switch
        {
            PasswordCheck.Right(var user) => StageResult.Completed(new StageProof
            {
                UserId = user.UserId,
                Condition = () => new PasswordIs(user.UserId, user.PasswordHash!),
            }),
            PasswordCheck.TooMany(var wait) => StageResult.Refused(Answer.LimitExceeded(wait)),
            _ => StageResult.Wrong("The password is wrong."),
        };
    }

    private static bool IsThat(string given, string userId) =>
        string.Equals(given, userId, StringComparison.OrdinalIgnoreCase);
}
