using Matrix.Processes;

namespace Matrix.ClusterNodes;

/// <summary>A balancer with the very lines that docs/cluster.md shows; only the addresses are others.</summary>
internal sealed class ShownBalancer : IDisposable
{
    private const string Fence = "```";

    private readonly BalancerProcess _process;
    private readonly HttpClient _http = new();

    private ShownBalancer(string name, int port, BalancerProcess process) =>
        (Name, Url, _process) = (name, new Uri($"http://127.0.0.1:{port}"), process);

    public string Name { get; }

    public Uri Url { get; }

    /// <summary>HAProxy before three nodes.</summary>
    public static ShownBalancer HaProxy(IReadOnlyList<Node> nodes)
    {
        var port = Repository.FreePort();
        var shown = Replace(Shown("HAProxy:"), "bind :8008", $"bind 127.0.0.1:{port}");
        return new("HAProxy", port, BalancerProcess.HaProxy(Before(nodes, shown)));
    }

    /// <summary>nginx before three nodes.</summary>
    public static ShownBalancer Nginx(IReadOnlyList<Node> nodes)
    {
        var port = Repository.FreePort();
        var shown = Replace(Shown("With nginx"), "listen 80;", $"listen 127.0.0.1:{port};");
        return new("nginx", port, BalancerProcess.Nginx(Before(nodes, shown)));
    }

    /// <summary>Whether a node answers through it.</summary>
    public async Task<bool> ServesAsync()
    {
        ThrowIfEnded();
        try
        {
            using var answer = await _http.GetAsync(new Uri(Url, "/health"));
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>Fails if it has ended, and says why.</summary>
    public void ThrowIfEnded() => _process.ThrowIfEnded();

    public void Dispose()
    {
        _http.Dispose();
        _process.Dispose();
    }

    /// <summary>The first block of code after a line of the document that begins with some words.</summary>
    private static string Shown(string after)
    {
        var lines = File.ReadAllLines(Path.Combine(Repository.Root, "docs", "cluster.md"));
        var block = lines
            .SkipWhile(line => !line.StartsWith(after, StringComparison.Ordinal))
            .SkipWhile(static line => !line.StartsWith(Fence, StringComparison.Ordinal))
            .Skip(1)
            .TakeWhile(static line => !line.StartsWith(Fence, StringComparison.Ordinal));
        return string.Join('\n', block) + '\n';
    }

    private static string Before(IReadOnlyList<Node> nodes, string shown)
    {
        for (var i = 0; i < nodes.Count; i++) shown = Replace(shown, $"10.0.0.{i + 1}:8008", nodes[i].Url.Authority);
        return shown;
    }

    private static string Replace(string text, string what, string by) => text.Contains(what, StringComparison.Ordinal)
        ? text.Replace(what, by, StringComparison.Ordinal)
        : throw new InvalidOperationException($"docs/cluster.md does not show '{what}' any more.");
}
