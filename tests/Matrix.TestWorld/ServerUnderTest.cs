using System.Text.Json.Nodes;

namespace Matrix.TestWorld;

/// <summary>A server that tests send requests to: in the test's process, in one of its own, or a stub.</summary>
public abstract class ServerUnderTest : IAsyncDisposable
{
    /// <summary>The server's name.</summary>
    public abstract string Name { get; }

    /// <summary>Its client listener.</summary>
    public abstract Uri ClientAddress { get; }

    /// <summary>Its federation listener.</summary>
    public abstract Uri FederationAddress { get; }

    /// <summary>A client without a token.</summary>
    public TestClient Anyone => new(this, token: null);

    /// <summary>Trusts the tests' certificate authority.</summary>
    internal HttpClient Http { get; private set; } = TestCa.Shared.Client();

    /// <summary>Sends a request that a test made whole.</summary>
    public Task<Reply> SendAsync(HttpRequestMessage request) => Reply.SendAsync(Http, request);

    /// <summary>Registers a user, whose password is `NAME-password`, and logs in.</summary>
    public async Task<TestUser> RegistersAsync(string name, string? deviceName = null)
    {
        var password = name + "-password";
        var body = new JsonObject
        {
            ["username"] = name,
            ["password"] = password,
            ["auth"] = new JsonObject { ["type"] = "m.login.dummy" },
        };
        if (deviceName is not null) body["initial_device_display_name"] = deviceName;
        return TestUser.Of(this, await Anyone.PostAsync("register", body), password);
    }

    /// <summary>Registers a guest.</summary>
    public async Task<TestUser> RegistersGuestAsync() =>
        TestUser.Of(this, await Anyone.PostAsync("register?kind=guest"), password: "");

    public virtual ValueTask DisposeAsync()
    {
        Http.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    /// <summary>Closes the connections to the server, which is about to stop.</summary>
    protected void Disconnect()
    {
        Http.Dispose();
        Http = TestCa.Shared.Client();
    }
}
