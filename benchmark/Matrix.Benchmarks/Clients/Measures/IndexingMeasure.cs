using System.Text;
using Matrix.Benchmarks.Clients.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Servers;
using Matrix.LoadGen.Workloads;

namespace Matrix.Benchmarks.Clients.Measures;

/// <summary>
/// What the index of messages costs a send: a server that indexes as it does by default, by turns with one that gathers
/// events for an hour before it indexes them.
/// </summary>
internal sealed class IndexingMeasure : IMeasure
{
    private const int Turns = 6;
    private const double Target = 0.9;
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    private static readonly Dictionary<string, string> _off = new()
    {
        ["MATRIX_SEARCH__INDEX_DELAY"] = "1h",
        ["MATRIX_USER_DIRECTORY__INDEX_DELAY"] = "1h",
    };

    public string Name => "indexing";

    public string Sentence => "what the index of messages costs a send";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        await RunAsync(bench, "SQLite", null, null, stop);
        await RunAsync(
            bench, "PostgreSQL", bench.Postgres.New("indexing_on"), bench.Postgres.New("indexing_off"), stop);
    }

    private static async Task RunAsync(
        MeasureContext bench, string database, string? on, string? off, CancellationToken stop)
    {
        using var indexing = await ClientServer.StartAsync(on, stop);
        using var waiting = await ClientServer.StartAsync(off, _off, stop);
        var searcher = indexing.Population.Fresh();
        var room = Uri.EscapeDataString(searcher.CreateRoom("indexed"));
        var (sequential, many) = (new List<double>(), new List<double>());
        var (cpuWith, cpuWithout) = (new CpuOfMessages(indexing), new CpuOfMessages(waiting));
        await CompareAsync(() => OneSender(indexing.Stage), () => OneSender(waiting.Stage), sequential);
        await CompareAsync(() => TenSenders(indexing.Stage), () => TenSenders(waiting.Stage), many);
        bench.Add(Outcome.AtLeast(
            $"indexing: {database}, one sender: share of the rate without it", Target, Middle(sequential), "times"));
        bench.Add(Outcome.AtLeast(
            $"indexing: {database}, 10 senders at once: share of the rate without it", Target, Middle(many), "times"));
        bench.Add(Outcome.Reported(
            $"indexing: {database}, processor time that it adds to a message",
            cpuWith.MicrosecondsEach - cpuWithout.MicrosecondsEach, "us"));
        bench.Add(Outcome.Reported(
            $"indexing: {database}, processor time of a message without it", cpuWithout.MicrosecondsEach, "us"));

        async Task CompareAsync(Func<SendRate> makeWith, Func<SendRate> makeWithout, List<double> shares)
        {
            using SendRate with = makeWith(), without = makeWithout();
            for (var turn = -1; turn < Turns; turn++)
            {
                double rateWith = 0, rateWithout = 0;
                if (turn % 2 == 0) await WithAsync();
                Without();
                if (turn % 2 != 0) await WithAsync();
                if (turn >= 0) shares.Add(rateWith / rateWithout);

                async Task WithAsync()
                {
                    cpuWith.Begin();
                    rateWith = with.Slice();
                    await CatchUpAsync(searcher, room, stop);
                    cpuWith.End(with.Messages, isCounted: turn >= 0);
                }

                void Without()
                {
                    cpuWithout.Begin();
                    rateWithout = without.Slice();
                    cpuWithout.End(without.Messages, isCounted: turn >= 0);
                }
            }
        }
    }

    private static SendRate OneSender(Stage stage)
    {
        var sender = stage.Population.Fresh();
        var room = Uri.EscapeDataString(sender.CreateRoom("one sender"));
        return new SendRate(new RepeatedByMany(stage, [sender.Sending(room)]), stage.Settings);
    }

    private static SendRate TenSenders(Stage stage) => new(OneRoomSend.Senders(stage), stage.Settings);

    /// <summary>What is not indexed yet must not cost the other server's turn.</summary>
    private static async Task CatchUpAsync(Account searcher, string room, CancellationToken stop)
    {
        var word = "w" + Guid.NewGuid().ToString("n");
        searcher.Send(room, Encoding.UTF8.GetBytes($$"""{"msgtype":"m.text","body":"{{word}}"}"""));
        var search = Encoding.UTF8.GetBytes(
            $$$$"""{"search_categories":{"room_events":{"search_term":"{{{{word}}}}","order_by":"recent"}}}""");
        var until = DateTime.UtcNow + _patience;
        do
        {
            if (DateTime.UtcNow > until) throw new TimeoutException("The messages are not indexed in time.");
            await Task.Delay(20, stop);
            searcher.Post("/_matrix/client/v3/search", search);
        }
        while (!searcher.Connection.BodyText.Contains("\"event_id\"", StringComparison.Ordinal));
    }

    private static double Middle(List<double> values)
    {
        values.Sort();
        return (values[(values.Count - 1) / 2] + values[values.Count / 2]) / 2;
    }

    /// <summary>Messages a second of one turn.</summary>
    private sealed class SendRate(RepeatedByMany senders, Settings settings) : IDisposable
    {
        /// <summary>The messages of the last turn.</summary>
        public double Messages => senders.LastPerSecond * settings.SecondsPerSlice;

        public double Slice()
        {
            senders.Slice();
            return senders.LastPerSecond;
        }

        public void Dispose() => senders.Dispose();
    }

    /// <summary>A server's processor time, and the messages of that time.</summary>
    private sealed class CpuOfMessages(ClientServer server)
    {
        private double _began;
        private double _milliseconds;
        private double _messages;

        public double MicrosecondsEach => _milliseconds * 1000 / _messages;

        public void Begin() => _began = ProcessFigures.CpuMilliseconds(server.Process.ProcessId);

        public void End(double messages, bool isCounted)
        {
            if (!isCounted) return;
            _milliseconds += ProcessFigures.CpuMilliseconds(server.Process.ProcessId) - _began;
            _messages += messages;
        }
    }
}
