namespace Matrix.Benchmarks.Federation.Servers;

/// <summary>Two servers that end together.</summary>
internal sealed class TwoServers(FederatedServer a, FederatedServer b) : IDisposable
{
    public FederatedServer A { get; } = a;

    public FederatedServer B { get; } = b;

    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
    }
}
