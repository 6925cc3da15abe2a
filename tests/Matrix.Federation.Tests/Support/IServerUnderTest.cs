namespace Matrix.Federation.Tests.Support;

/// <summary>A server that a test sends requests to.</summary>
public interface IServerUnderTest : IAsyncDisposable
{
    /// <summary>Its name, `127.0.N.1:PORT`.</summary>
    string Name { get; }

    /// <summary>Its federation listener.</summary>
    Uri FederationAddress { get; }

    /// <summary>Its client listener.</summary>
    Uri ClientAddress { get; }

    /// <summary>Sends a request with a client that trusts the test's certificate authority.</summary>
    Task<Reply> SendAsync(HttpRequestMessage request);
}
