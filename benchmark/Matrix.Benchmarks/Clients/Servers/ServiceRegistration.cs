using Matrix.Processes;

namespace Matrix.Benchmarks.Clients.Servers;

/// <summary>The registration of an application service, in a folder of its own, for a server that starts.</summary>
internal sealed class ServiceRegistration : IDisposable
{
    public const string Token = "a-token-of-the-service";

    private readonly string _folder = Repository.ScratchFolder("service");

    /// <param name="url">Where the service listens; null if it takes no events.</param>
    /// <param name="users">The namespace of users whose events it gets.</param>
    public ServiceRegistration(string? url, string users)
    {
        File.WriteAllText(Path.Combine(_folder, "load.yaml"), $"""
            id: "load"
            url: {(url is null ? "null" : $"\"{url}\"")}
            as_token: "{Token}"
            hs_token: "a-token-of-the-homeserver"
            sender_localpart: "_load"
            rate_limited: false
            namespaces:
              users:
                - exclusive: false
                  regex: "{users}"
              aliases: []
              rooms: []
            """);
    }

    /// <summary>Settings of a server with the service.</summary>
    public Dictionary<string, string> Settings => new()
    {
        ["MATRIX_APP_SERVICES__FILES"] = _folder,
        ["MATRIX_APP_SERVICES__FIRST_PAUSE"] = "1s",
        ["MATRIX_APP_SERVICES__LONGEST_PAUSE"] = "1s",
    };

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
