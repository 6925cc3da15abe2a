using System.Diagnostics;
using System.Text;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>
/// A join, a state change and a message in a big room and in a small one, by turns. <c>--rooms SMALL,BIG</c> names the
/// rooms: the load generator cannot make one with 99,900 remote members. The first user needs the power to set state in
/// both.
/// </summary>
internal sealed class BigRoom : IWorkload
{
    public string Name => "big-room";

    public string Sentence =>
        "a join, a state change and a message in a big room and a small one (needs --rooms SMALL,BIG)";

    public IRun? Prepare(Stage stage) => stage.Server.Kind == ServerKind.Homeserver
        && stage.Settings.BigRoom is { } rooms
        ? new BigRoomRun(stage, rooms.Small, rooms.Big)
        : null;
}

/// <summary>Alternates between both rooms in every slice, request by request.</summary>
internal sealed class BigRoomRun(Stage stage, string small, string big) : IRun
{
    private const int Joiners = 10;

    private readonly IReadOnlyList<Account> _joiners = [
        .. Enumerable.Range(0, Joiners).Select(_ => stage.Population.Fresh())];
    private readonly Account _sender = stage.Population.First(1)[0];
    private readonly Side[] _sides = [new(small), new(big)];
    private int _changes;

    public void WarmUp()
    {
        foreach (var side in _sides)
        {
            _sender.Join(side.RoomId);
        }

        Slice();
        foreach (var side in _sides)
        {
            side.Clear();
        }
    }

    public void Slice()
    {
        foreach (var joiner in _joiners)
        {
            foreach (var side in _sides)
            {
                Timed(side.Joins, () => joiner.Join(side.RoomId));
                joiner.Leave(side.RoomId);
            }
        }

        for (var i = 0; i < stage.Settings.RequestsPerSlice / 4; i++)
        {
            foreach (var side in _sides)
            {
                var topic = Encoding.UTF8.GetBytes($$"""{"topic":"topic {{++_changes}}"}""");
                Timed(side.Changes, () => _sender.SetState(side.Escaped, "m.room.topic", "", topic));
                Timed(side.Messages, () => _sender.Send(side.Escaped));
            }
        }
    }

    public Figures Finish()
    {
        var figures = new Figures();
        Compare(figures, "join", s => s.Joins);
        Compare(figures, "state", s => s.Changes);
        Compare(figures, "message", s => s.Messages);
        return figures;
    }

    public void Dispose()
    {
    }

    private static void Timed(Durations durations, Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        durations.Add(Stopwatch.GetTimestamp() - start);
    }

    private void Compare(Figures figures, string name, Func<Side, Durations> of)
    {
        var ofSmall = of(_sides[0]).Percentile(50);
        var ofBig = of(_sides[1]).Percentile(50);
        figures.Add($"{name}_small_p50_ms", ofSmall).Add($"{name}_big_p50_ms", ofBig)
            .Add($"{name}_ratio", ofBig / ofSmall);
    }

    private sealed class Side(string roomId)
    {
        public string RoomId => roomId;

        public string Escaped { get; } = Uri.EscapeDataString(roomId);

        public Durations Joins { get; private set; } = new();

        public Durations Changes { get; private set; } = new();

        public Durations Messages { get; private set; } = new();

        public void Clear() => (Joins, Changes, Messages) = (new(), new(), new());
    }
}
