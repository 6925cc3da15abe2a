namespace Matrix.Host.Api.Client.InteractiveAuth.Stages;

/// <summary>A stage that asks for nothing. Client-Server API, "Dummy Auth".</summary>
internal sealed class DummyStage : IAuthStage
{
    public string Type => AuthStage.Dummy;

    public ValueTask<StageResult> AttemptAsync(StageAttempt attempt, CancellationToken stop) =>
        ValueTask.FromResult(StageResult.Completed(StageProof.Nothing));
}
