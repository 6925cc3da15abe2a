using System.Globalization;
using System.Runtime.InteropServices;
using Matrix.ClusterFaults.Load;
using Matrix.ClusterFaults.Tests;
using Matrix.ClusterNodes;
using Matrix.Processes;

var minutes = NumberAfter("--minutes");
var seed = NumberAfter("--seed") ?? Environment.TickCount;
var only = After("--only") ?? "";
var isBalanced = !args.Contains("--without-balancer");
var suite = new Suite();
Console.WriteLine($"seed {seed}, {(isBalanced ? "requests by HAProxy" : "clients choose a node")}");

await using var cluster = await Cluster.StartAsync(new ClusterOptions
{
    Balancing = isBalanced ? Balancing.TurnsAnew : null,
    Held = minutes is null && only.Length == 0 ? 1 : 0,
});

// Who ends the tests ends the processes, too.
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
await using var load = await RoomLoad.CreateAsync(cluster, seed);
if (minutes is { } time) await new LongRun(cluster, load, seed).RunAsync(suite, TimeSpan.FromMinutes(time));
else await new ShortTests(cluster, load, ShownBalancers()).RunAsync(suite, only);

foreach (var node in cluster.Nodes)
{
    Console.WriteLine($"{node.Name} ended {node.Exits.Count} times ({string.Join(' ', node.Exits)})");
    foreach (var line in node.LoggedErrors(5)) Console.WriteLine($"        {line}");
}

var code = suite.Finish();
if (code != 0) Console.WriteLine($"The logs are in {cluster.KeepFiles()}");
return code;

void End(PosixSignalContext signal)
{
    signal.Cancel = true;
    cluster.DisposeAsync().AsTask().Wait(TimeSpan.FromSeconds(20));
    Environment.Exit(1);
}

List<Func<IReadOnlyList<Node>, ShownBalancer>> ShownBalancers()
{
    List<Func<IReadOnlyList<Node>, ShownBalancer>> all = [];
    if (isBalanced) all.Add(ShownBalancer.HaProxy);
    if (!args.Contains("--without-nginx")) all.Add(ShownBalancer.Nginx);
    return all;
}

int? NumberAfter(string option) => After(option) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;

string? After(string option) => Array.IndexOf(args, option) is >= 0 and var at && at + 1 < args.Length
    ? args[at + 1]
    : null;
