using System.Diagnostics;
using System.Globalization;
using System.Net;
using Matrix.Core.Cluster;
using Matrix.Host.Cluster;
using Matrix.Host.Cluster.Calls;
using Matrix.Host.Cluster.Membership;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Matrix.Cluster.Tests;

/// <summary>
/// A node that joins and is ready, until it is killed. It prints each view, and the reason if it is declared dead. It
/// obeys lines: `busy SECONDS` computes on all threads, `block SECONDS` lets them stand, `leave` leaves in order.
/// </summary>
internal static class NodeProgram
{
    public const string Joined = "joined";
    public const string Dead = "dead";
    public const string View = "view";

    public static async Task<int> RunAsync(string[] arguments)
    {
        var options = new ClusterNodeOptions
        {
            Listen = IPEndPoint.Parse(arguments[3]),
            Certificate = arguments[4],
            Key = arguments[5],
            Authority = arguments[6],
        };
        var self = new NodeIncarnation(arguments[1], long.Parse(arguments[2], CultureInfo.InvariantCulture));
        using var loggers = LoggerFactory.Create(static logging => logging.AddConsole(
            static console => console.LogToStandardErrorThreshold = LogLevel.Trace));
        await using var database = NpgsqlDataSource.Create(arguments[0]);
        await using var node = new ClusterNode(options, self, database, [new Echo()], [], loggers);
        node.Members.Changed += static view => Print(View, string.Join(' ', view.Ready.Select(one => one.Node)));
        await node.StartAsync(CancellationToken.None);
        await node.Members.SayAsync(Readiness.Ready, CancellationToken.None);
        Print(Joined, "");
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
        var time = TimeSpan.FromSeconds(double.Parse(words[1], CultureInfo.InvariantCulture));
        var until = Stopwatch.GetTimestamp() + (long)(time.TotalSeconds * Stopwatch.Frequency);
        for (var i = 0; i < 16 * Environment.ProcessorCount; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                _ =>
                {
                    if (words[0] == "block") Thread.Sleep(time);
                    while (Stopwatch.GetTimestamp() < until)
                    {
                        Thread.SpinWait(100);
                    }
                },
                null);
        }
    }

    private static void Print(string word, string rest) => Console.Out.WriteLine($"{word} {rest}");

    private sealed class Echo : ICallHandler
    {
        public int Kind => TestNode.Echo;

        public ValueTask<ReadOnlyMemory<byte>?> AnswerAsync(ReadOnlyMemory<byte> body, CancellationToken stop) =>
            ValueTask.FromResult<ReadOnlyMemory<byte>?>(body);
    }
}
