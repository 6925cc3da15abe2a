using Matrix.LoadGen.Http;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>One user sends one message after another in a room of its own.</summary>
internal sealed class SequentialSend : IWorkload
{
    public string Name => "send-sequential";

    public string Sentence =>
        "one user sends messages of 200 bytes one after another (floor: one commit after another)";

    public IRun Prepare(Stage stage)
    {
        if (stage.Server.Kind == ServerKind.Floor)
        {
            return new Repeated(stage, Floor.Commit(stage.Server).Make);
        }

        var sender = stage.Population.First(1)[0];
        var room = Uri.EscapeDataString(sender.CreateRoom("sequential"));
        return new Repeated(stage, () => sender.Send(room));
    }
}

/// <summary>Several users send in one room at once.</summary>
internal sealed class OneRoomSend : IWorkload
{
    public string Name => "send-one-room";

    public string Sentence => "10 users send in one room at once (floor: 10 clients commit at once)";

    public IRun Prepare(Stage stage) => Senders(stage);

    /// <summary>Prepares the workload with access to each slice's figure.</summary>
    public static RepeatedByMany Senders(Stage stage)
    {
        var count = stage.Settings.Senders;
        if (stage.Server.Kind == ServerKind.Floor)
        {
            return new RepeatedByMany(stage, [.. Enumerable.Range(0, count).Select(_ => Floor.Commit(stage.Server))]);
        }

        var senders = stage.Population.First(count);
        var roomId = senders[0].CreateRoom("one room");
        foreach (var sender in senders.Skip(1))
        {
            sender.Join(roomId);
        }

        var room = Uri.EscapeDataString(roomId);
        return new RepeatedByMany(stage, [.. senders.Select(sender => sender.Sending(room))]);
    }
}

/// <summary>Many users send at once, each in a room of its own.</summary>
internal sealed class ManyRoomsSend : IWorkload
{
    public string Name => "send-many-rooms";

    public string Sentence =>
        "50 users send at once, each in its own room, by turns with send-one-room (floor: 50 clients commit at once)";

    public IRun Prepare(Stage stage) => new ByTurns(Many(stage), OneRoomSend.Senders(stage));

    private static RepeatedByMany Many(Stage stage)
    {
        var count = stage.Settings.Rooms;
        if (stage.Server.Kind == ServerKind.Floor)
        {
            return new RepeatedByMany(stage, [.. Enumerable.Range(0, count).Select(_ => Floor.Commit(stage.Server))]);
        }

        return new RepeatedByMany(stage, [.. stage.Population.First(count).Select(InARoomOfItsOwn)]);
    }

    private static Exchange InARoomOfItsOwn(Account sender) =>
        sender.Sending(Uri.EscapeDataString(sender.CreateRoom("many rooms")));

    /// <summary>
    /// Both run by turns, twice in a slice, each once first, so that pending disk writes of one affect both alike. The
    /// ratio is the median of all turns, so that a disturbance of one turn does not affect it.
    /// </summary>
    private sealed class ByTurns(RepeatedByMany many, RepeatedByMany oneRoom) : IRun
    {
        private readonly List<double> _ratios = [];

        public void WarmUp()
        {
            many.WarmUp();
            oneRoom.WarmUp();
        }

        public void Slice()
        {
            Turn(many, oneRoom);
            Turn(oneRoom, many);
        }

        public Figures Finish()
        {
            _ratios.Sort();
            var middle = (_ratios[(_ratios.Count - 1) / 2] + _ratios[_ratios.Count / 2]) / 2;
            return many.Finish().Add("times_one_room", middle);
        }

        public void Dispose()
        {
            many.Dispose();
            oneRoom.Dispose();
        }

        private void Turn(RepeatedByMany first, RepeatedByMany second)
        {
            first.Slice();
            second.Slice();
            _ratios.Add(many.LastPerSecond / oneRoom.LastPerSecond);
        }
    }
}
