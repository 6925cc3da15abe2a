using System.Text.Json;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Api.Client.OAuth;

/// <summary>
/// The replacement of cross-signing keys, which the user confirms on the account management page.
/// v1.19 client-server-api#oauth-authentication
/// </summary>
internal abstract class OAuthStages(CrossSigningResets resets, OAuthPaths paths) : IAuthStage
{
    public abstract string Type { get; }

    public bool HasParams => true;

    public bool IsCompletedElsewhere => true;

    public ValueTask<StageResult> AttemptAsync(StageAttempt attempt, CancellationToken stop) => ValueTask.FromResult(
        attempt.Demand.UserId is { } userId && resets.IsAllowed(userId)
            ? StageResult.Completed(new StageProof { UserId = userId })
            : StageResult.Wrong("Confirm it on the account management page first."));

    public void WriteParams(Utf8JsonWriter json) => json.WriteString(
        "url", $"{paths.UrlOf(OAuthPaths.AccountPage)}?action={AccountActions.CrossSigningReset}");
}

/// <summary>The stage `m.oauth`.</summary>
internal sealed class OAuthStage(CrossSigningResets resets, OAuthPaths paths) : OAuthStages(resets, paths)
{
    public override string Type => AuthStage.OAuth;
}

/// <summary>The same stage by its older name.</summary>
internal sealed class CrossSigningResetStage(CrossSigningResets resets, OAuthPaths paths) : OAuthStages(resets, paths)
{
    public override string Type => AuthStage.CrossSigningReset;
}
