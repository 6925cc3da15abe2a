/// <summary>Stops what the tests started. It is in no namespace, so that it runs once for the whole assembly.</summary>
[SetUpFixture]
internal sealed class RunEnd
{
    [OneTimeTearDown]
    public Task StopServers() => PostgresServer.StopSharedAsync();
}
