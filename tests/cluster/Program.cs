using System.Globalization;
using System.Runtime.InteropServices;
using Matrix.ClusterFaults.Load;
using Matrix.ClusterFaults.Tests;
using Matrix.ClusterNodes;
using Matrix.Processes;
using Matrix.Processes.Network;
using Matrix.Processes.Synapse;

var minutes = NumberAfter("--minutes");
var seed = NumberAfter("--seed") ?? Environment.TickCount;
var only = After("--only") ?? "";
var isBalanced = !args.Contains("--without-balancer");

// The short tests would take more than three minutes with it.
var federates = minutes is null ? args.Contains("--with-other-server") : !args.Contains("--without-other-server");
var withSynapse = args.Contains("--with-synapse");
var suite = new Suite();
Console.WriteLine($"seed {seed}, {(isBalanced ? "requests by HAProxy" : "clients choose a node")}");

// Who ends the tests ends the processes, too.
Cluster? running = null;
List<OtherServer> visiting = [];
SynapseLab? lab = null;
DatabasePair? pair = null;
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);

if (withSynapse && (lab = SynapseLab.Find(Console.WriteLine)) is null) return 2;
await OnClusterAsync(
    new ClusterOptions
    {
        Balancing = isBalanced ? Balancing.TurnsAnew : null,
        Held = minutes is null && only.Length == 0 ? 1 : 0,
        Federation = lab ?? (federates ? TestCa.Shared : (IServerAuthority?)null),
    },
    (cluster, load) => minutes is { } time
        ? new LongRun(cluster, load, seed).RunAsync(suite, TimeSpan.FromMinutes(time))
        : new ShortTests(cluster, load, ShownBalancers()).RunAsync(suite, only));

// HAProxy is before its database.
if (minutes is null && isBalanced && Promotion.Sentence.Contains(only, StringComparison.Ordinal))
{
    using var database = pair = new DatabasePair();
    await OnClusterAsync(
        new ClusterOptions { Balancing = Balancing.TurnsAnew, Database = database.Url },
        (_, load) => suite.TestAsync(Promotion.Sentence, () => Promotion.RunAsync(database, load)));
}

return suite.Finish();

async Task OnClusterAsync(ClusterOptions options, Func<Cluster, RoomLoad, Task> testAsync)
{
    await using var cluster = await Cluster.StartAsync(options);
    running = cluster;
    try
    {
        if (options.Federation is { } authority && federates) visiting.Add(await OtherServer.StartAsync(authority));
        if (options.Federation is SynapseLab synapses) visiting.Add(await OtherServer.StartSynapseAsync(synapses));
        await WithLoadAsync(cluster, testAsync);
    }
    finally
    {
        EndVisits();
    }
}

async Task WithLoadAsync(Cluster cluster, Func<Cluster, RoomLoad, Task> testAsync)
{
    var failed = suite.Failed;
    await using var load = await RoomLoad.CreateAsync(cluster, visiting, seed);
    await testAsync(cluster, load);
    foreach (var node in cluster.Nodes)
    {
        Console.WriteLine($"{node.Name} ended {node.Exits.Count} times ({string.Join(' ', node.Exits)})");
        foreach (var line in node.LoggedErrors(5)) Console.WriteLine($"        {line}");
    }

    foreach (var other in visiting)
        foreach (var line in other.LoggedErrors(5)) Console.WriteLine($"{other.What}: {line}");
    if (suite.Failed == failed) return;
    var others = string.Join(' ', visiting.Select(static other => other.KeepFiles()));
    Console.WriteLine($"The logs are in {cluster.KeepFiles()} {others}");
}

void EndVisits()
{
    visiting.ForEach(static other => other.Dispose());
    visiting.Clear();
    lab?.Dispose();
    lab = null;
}

void End(PosixSignalContext signal)
{
    signal.Cancel = true;
    running?.DisposeAsync().AsTask().Wait(TimeSpan.FromSeconds(20));
    EndVisits();
    pair?.Dispose();
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
