using Matrix.Host.Tests.Support;

/// <summary>Ends what the run started. Outside of every namespace, so that it speaks for the whole assembly.</summary>
[SetUpFixture]
internal sealed class RunEnd
{
    [OneTimeTearDown]
    public Task StopServers() => PostgresServer.StopSharedAsync();
}
