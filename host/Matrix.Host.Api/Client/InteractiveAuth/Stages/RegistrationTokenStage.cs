using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Network;
using Matrix.Host.Users.Accounts;

namespace Matrix.Host.Api.Client.InteractiveAuth.Stages;

/// <summary>A registration token. v1.19 client-server-api#token-authenticated-registration</summary>
internal sealed class RegistrationTokenStage(RegistrationGate gate, RateLimiter limiter) : IAuthStage
{
    public string Type => AuthStage.RegistrationToken;

    public StagePageMaker PageOf(AuthSession session) => static (_, _) => new(
        new StagePage("Register", Html.Of(
            $"""<label>Registration token <input name="token" required autocomplete="off"></label>""")));

    public async ValueTask<StageResult> AttemptAsync(StageAttempt attempt, CancellationToken stop)
    {
        var token = attempt.Given.RequiredText("token");
        if (attempt.Given.Problem is not null) return StageResult.Malformed;
        if (limiter.Take(RateClass.Registration, AddressBlock.Of(attempt.Call.Address)) is { Ticks: > 0 } pause)
        {
            return StageResult.Refused(Answer.LimitExceeded(pause));
        }

        return await gate.IsValidAsync(token, stop)
            ? StageResult.Completed(new StageProof { RegistrationToken = token })
            : StageResult.Wrong("The registration token is not valid.");
    }
}
