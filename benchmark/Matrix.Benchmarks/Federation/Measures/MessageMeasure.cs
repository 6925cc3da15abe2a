using Matrix.Benchmarks.Federation.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Servers;
using Matrix.Processes.Synapse;

namespace Matrix.Benchmarks.Federation.Measures;

/// <summary>
/// The time of a message from a send on one server to the sync of another, by turns with a message between two users
/// of one server, and with messages between two Synapses and between a Synapse and ours.
/// </summary>
internal sealed class MessageMeasure : IMeasure
{
    private const int Turns = 6;
    private const int MessagesPerTurn = 50;
    private const int WarmUp = 200;
    private const int WarmUpOfSynapse = 50;

    public string Name => "message";

    public string Sentence => "a message from a send on one server to the sync of another, against Synapse";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        using var lab = SynapseLab.Find(bench.Say);
        using var ours = new TwoServers(
            await FederatedServer.StartAsync(null, lab?.Address(), lab?.Settings, stop),
            await FederatedServer.StartAsync(null, lab?.Address(), lab?.Settings, stop));
        var pairs = new List<Pair>();
        try
        {
            pairs.Add(await PairAsync("ours to ours", ours.A, ours.B, WarmUp, stop));
            pairs.Add(Local(ours.A));
            if (lab is not null)
            {
                var one = await SynapseServer.StartAsync(lab, "measure-a", stop);
                var two = await SynapseServer.StartAsync(lab, "measure-b", stop);
                pairs.Add(await PairAsync("Synapse to Synapse", one, two, WarmUpOfSynapse, stop));
                pairs.Add(await PairAsync("ours to Synapse", ours.A, one, WarmUpOfSynapse, stop));
                pairs.Add(await PairAsync("Synapse to ours", one, ours.A, WarmUpOfSynapse, stop));
            }

            foreach (var pair in pairs) pair.Times.Send(pair.WarmUp, isWarmUp: true);
            for (var turn = 0; turn < Turns; turn++)
            {
                foreach (var pair in turn % 2 == 0 ? pairs : Enumerable.Reverse(pairs))
                {
                    pair.Times.Send(MessagesPerTurn);
                }
            }

            Report(bench, pairs);
        }
        finally
        {
            pairs.ForEach(pair => pair.Times.Dispose());
        }
    }

    private static void Report(MeasureContext bench, List<Pair> pairs)
    {
        foreach (var pair in pairs)
        {
            bench.Add(Outcome.Reported($"message, {pair.Name}: p50", pair.P50, "ms"));
        }

        bench.Add(Outcome.AtMost(
            "message, ours to ours: p50 as a multiple of a local send and sync", 3, pairs[0].P50 / pairs[1].P50,
            "times"));
        if (pairs.Count > 2)
        {
            bench.Add(Outcome.AtMost(
                "message, ours to ours: p50 as a multiple of Synapse to Synapse", 0.1, pairs[0].P50 / pairs[2].P50,
                "times"));
        }
    }

    private static Pair Local(FederatedServer server)
    {
        var users = server.Population.First(3);
        var room = users[1].CreateRoom("local");
        users[2].Join(room);
        return new Pair("local send and sync", new MessageTimes(users[1], users[2], room), WarmUp);
    }

    private static async Task<Pair> PairAsync(
        string name, IFederatedServer from, IFederatedServer to, int warmUp, CancellationToken stop)
    {
        Account sender = from.Population.Fresh(), receiver = to.Population.Fresh();
        var room = await SharedRoom.CreateAsync(from, sender, receiver, name, stop);
        return new Pair(name, new MessageTimes(sender, receiver, room), warmUp);
    }

    private sealed record Pair(string Name, MessageTimes Times, int WarmUp)
    {
        public double P50 => Times.Arrivals.Percentile(50);
    }
}
