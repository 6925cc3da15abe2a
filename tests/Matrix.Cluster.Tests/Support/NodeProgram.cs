using System.Diagnostics;
using System.Globalization;
using System.Net;
using Matrix.Core.Cluster;
using Matrix.Host.Cluster;
using Matrix.Host.Cluster.Calls;
using Matrix.Host.Cluster.Membership;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Matrix.Cluster.Tests;

/// <summary>
/// A node that joins and is ready, until it is killed. It prints each view, and the reason if it cannot join or is
/// declared dead. It obeys lines: `busy SECONDS ITEMS` keeps so many items of work of 5 ms for each core in the queue
/// of the thread pool, `leave` leaves in order.
/// </summary>
internal static class NodeProgram
{
    /// <summary>The environment's variable with the database's address.</summary>
    public const string Database = "MATRIX_TEST_CLUSTER_DATABASE";

    public const string Joined = "joined";
    public const string Dead = "dead";
    public const string NotJoined = "not joined";
    public const string View = "view";

    private static readonly TimeSpan _item = TimeSpan.FromMilliseconds(5);

    public static async Task<int> RunAsync(string[] arguments)
    {
        var options = new ClusterNodeOptions
        {
            Listen = IPEndPoint.Parse(arguments[2]),
            Certificate = arguments[3],
            Key = arguments[4],
            Authority = arguments[5],
        };
        var self = new NodeIncarnation(arguments[0], long.Parse(arguments[1], CultureInfo.InvariantCulture));
        await using var database = NpgsqlDataSource.Create(Environment.GetEnvironmentVariable(Database)!);
        await using (var command = database.CreateCommand("SELECT 1")) await command.ExecuteScalarAsync();
        var (start, memory) = (Stopwatch.GetTimestamp(), Environment.WorkingSet);
        await using var node = new ClusterNode(options, self, database, [new Echo()], [], NullLoggerFactory.Instance);
        node.Members.Changed += () => Print(
            View, string.Join(' ', node.Members.View.Ready.Select(static one => one.Node)));
        try
        {
            await node.StartAsync(CancellationToken.None);
        }
        catch (IOException refused)
        {
            // The runtime of a silo that did not start goes on in vain, until the process ends.
            Print(NotJoined, refused.Message.ReplaceLineEndings(" "));
            Environment.Exit(4);
        }

        await node.Members.SayAsync(Readiness.Ready, CancellationToken.None);
        Print(
            Joined,
            $"in {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s, {(Environment.WorkingSet - memory) >> 20} MiB");
        _ = PrintDeathAsync(node.Death);
        while (await Task.Run(Console.In.ReadLineAsync) is { } line)
        {
            if (line == "leave") break;
            Occupy(line.Split(' '));
        }

        await node.StopAsync(CancellationToken.None);
        return 0;
    }

    private static async Task PrintDeathAsync(Task<string> death)
    {
        Print(Dead, (await death).ReplaceLineEndings(" "));
        Environment.Exit(3);
    }

    private static void Occupy(string[] words)
    {
        var seconds = int.Parse(words[1], CultureInfo.InvariantCulture);
        var items = int.Parse(words[2], CultureInfo.InvariantCulture) * Environment.ProcessorCount;
        var until = Stopwatch.GetTimestamp() + (seconds * Stopwatch.Frequency);
        for (var i = 0; i < items; i++) ThreadPool.UnsafeQueueUserWorkItem(Work, until, preferLocal: false);
    }

    private static void Work(long until)
    {
        for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < _item;) Thread.SpinWait(100);
        if (Stopwatch.GetTimestamp() < until) ThreadPool.UnsafeQueueUserWorkItem(Work, until, preferLocal: false);
    }

    private static void Print(string word, string rest) => Console.Out.WriteLine($"{word} {rest}");

    private sealed class Echo : ICallHandler
    {
        public int Kind => TestNode.Echo;

        public ValueTask<ReadOnlyMemory<byte>?> AnswerAsync(ReadOnlyMemory<byte> body, CancellationToken stop) =>
            ValueTask.FromResult<ReadOnlyMemory<byte>?>(body);
    }
}
