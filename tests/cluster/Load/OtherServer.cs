using Matrix.Processes;
using Matrix.Processes.Network;

namespace Matrix.ClusterFaults.Load;

/// <summary>A server by itself, which federates with the cluster, and a user of it.</summary>
internal sealed class OtherServer : IDisposable
{
    private readonly FederatingProcess _server = new(ServerAddress.Next());
    private readonly Traffic _traffic;

    private OtherServer() => _traffic = new Traffic([new Uri(_server.Process.Url)]);

    public Person Visitor { get; private set; } = null!;

    public static async Task<OtherServer> StartAsync()
    {
        var other = new OtherServer();
        try
        {
            await other._server.Process.StartAsync();
            other.Visitor = await Person.RegisterAsync(other._traffic, "visitor");
            return other;
        }
        catch
        {
            other.Dispose();
            throw;
        }
    }

    /// <summary>The first errors of its log, each fault once.</summary>
    public IReadOnlyList<string> LoggedErrors(int count) => _server.Process.LoggedErrors(count);

    /// <summary>Keeps its files, and says where they are.</summary>
    public string KeepFiles()
    {
        _server.Process.KeepsFiles = true;
        return _server.Process.Folder;
    }

    public void Dispose()
    {
        _traffic.Dispose();
        _server.Dispose();
    }
}
