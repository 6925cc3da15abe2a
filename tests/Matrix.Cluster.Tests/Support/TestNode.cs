using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Matrix.Core.Cluster;
using Matrix.Host.Cluster;
using Matrix.Host.Cluster.Calls;
using Matrix.Host.Cluster.Membership;
using Matrix.Processes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Cluster.Tests;

/// <summary>A node in the test's process.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    /// <summary>The kind of a call that is answered with the node's name and what was sent.</summary>
    public const int Echo = 1;

    /// <summary>The kind of a call that is answered when it is ended.</summary>
    public const int Waiting = 2;

    /// <summary>The kind of a call that fails.</summary>
    public const int Failing = 3;

    /// <summary>The kind of a call whose answer has as many bytes as the number that was sent says.</summary>
    public const int Filling = 4;

    public static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(30);

    private static long _incarnations = 1_000_000_000_000;

    private TestNode(
        ClusterNode node, ClusterNodeOptions options, ConcurrentQueue<byte[]> told, ConcurrentQueue<long> ended)
    {
        Node = node;
        Options = options;
        Told = told;
        Ended = ended;
    }

    public ClusterNode Node { get; }

    public ClusterNodeOptions Options { get; }

    /// <summary>When calls of the kind <see cref="Waiting"/> were ended here.</summary>
    public ConcurrentQueue<long> Ended { get; }

    /// <summary>What others told this node.</summary>
    public ConcurrentQueue<byte[]> Told { get; }

    public NodeIncarnation Self => Node.Self;

    public INodeCalls Calls => Node.Calls;

    public ClusterView View => Node.Members.View;

    /// <summary>The names of the nodes that should have shards, as this one sees them.</summary>
    public IEnumerable<string> Ready => View.Ready.Select(static node => node.Node);

    public static ClusterNodeOptions OptionsOf(NodeAuthority authority, string name, int? port = null)
    {
        var (certificate, key) = authority.Issue(name);
        return new ClusterNodeOptions
        {
            Listen = new IPEndPoint(IPAddress.Loopback, port ?? Repository.FreePort()),
            Certificate = certificate,
            Key = key,
            Authority = authority.RootFile,
        };
    }

    public static NodeIncarnation Draw(string name) => new(name, Interlocked.Increment(ref _incarnations));

    public static TestNode Create(ClusterDatabase database, ClusterNodeOptions options, NodeIncarnation self)
    {
        var told = new ConcurrentQueue<byte[]>();
        var ended = new ConcurrentQueue<long>();
        ICallHandler[] calls =
        [
            new Handler(Echo, (body, _) => ValueTask.FromResult<ReadOnlyMemory<byte>?>(
                (byte[])[.. System.Text.Encoding.UTF8.GetBytes(self.Node), .. body.Span])),
            new Handler(Waiting, async (_, stop) =>
            {
                try
                {
                    await Task.Delay(Timeout.Infinite, stop);
                }
                finally
                {
                    ended.Enqueue(Stopwatch.GetTimestamp());
                }

                return null;
            }),
            new Handler(Failing, static (_, _) => throw new InvalidDataException("as the test wants")),
            new Handler(Filling, static (body, _) => ValueTask.FromResult<ReadOnlyMemory<byte>?>(
                new byte[BitConverter.ToInt32(body.Span)])),
        ];
        ITellHandler[] tells = [new Listener(Echo, told)];
        var node = new ClusterNode(options, self, database.Source, calls, tells, NullLoggerFactory.Instance);
        return new TestNode(node, options, told, ended);
    }

    /// <summary>Starts a node, and says that it is ready.</summary>
    public static async Task<TestNode> StartAsync(
        ClusterDatabase database, ClusterNodeOptions options, string name, bool isReady = true)
    {
        var node = Create(database, options, Draw(name));
        using var longest = new CancellationTokenSource(LongestStart);
        await node.Node.StartAsync(longest.Token);
        if (isReady) await node.Node.Members.SayAsync(Readiness.Ready, CancellationToken.None);
        return node;
    }

    public async ValueTask DisposeAsync()
    {
        await Node.StopAsync(CancellationToken.None);
        await Node.DisposeAsync();
    }

    private sealed class Handler(
        int kind, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask<ReadOnlyMemory<byte>?>> answer) : ICallHandler
    {
        public int Kind => kind;

        public ValueTask<ReadOnlyMemory<byte>?> AnswerAsync(ReadOnlyMemory<byte> body, CancellationToken stop) =>
            answer(body, stop);
    }

    private sealed class Listener(int kind, ConcurrentQueue<byte[]> told) : ITellHandler
    {
        public int Kind => kind;

        public void OnTold(ReadOnlyMemory<byte> body) => told.Enqueue(body.ToArray());
    }
}
