using Matrix.Host.Api.Pages;

namespace Matrix.Host.Api.Client.InteractiveAuth.Stages;

/// <summary>A stage that asks for nothing. v1.19 client-server-api#dummy-auth</summary>
internal sealed class DummyStage : IAuthStage
{
    public string Type => AuthStage.Dummy;

    public StagePageMaker PageOf(AuthSession session) => static (_, _) =>
        new(new StagePage("Continue", Html.Of($"<p>Nothing else is needed here.</p>")));

    public ValueTask<StageResult> AttemptAsync(StageAttempt attempt, CancellationToken stop) =>
        ValueTask.FromResult(StageResult.Completed(StageProof.Nothing));
}
