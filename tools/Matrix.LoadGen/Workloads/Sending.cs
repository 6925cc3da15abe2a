using Matrix.LoadGen.Http;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>One user sends one message after another in a room of its own.</summary>
internal sealed class SequentialSend : IWorkload
{
    public string Name => "send-sequential";

    public string Sentence => "one user sends messages of 200 bytes one after another (floor: one commit after another)";

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

    public IRun Prepare(Stage stage)
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

    public string Sentence => "50 users send at once, each in a room of its own, by turns with send-one-room (floor: 50 clients commit at once)";

    public IRun Prepare(Stage stage) => new ByTurns(Many(stage), new OneRoomSend().Prepare(stage));

    private static RepeatedByMany Many(Stage stage)
    {
        var count = stage.Settings.Rooms;
        if (stage.Server.Kind == ServerKind.Floor)
        {
            return new RepeatedByMany(stage, [.. Enumerable.Range(0, count).Select(_ => Floor.Commit(stage.Server))]);
        }

        return new RepeatedByMany(stage, [.. stage.Population.First(count).Select(InARoomOfItsOwn)]);
    }

    private static Exchange InARoomOfItsOwn(Account sender) => sender.Sending(Uri.EscapeDataString(sender.CreateRoom("many rooms")));

    /// <summary>Slice by slice, so that what the machine does meanwhile is the same for both, and their ratio stays true.</summary>
    private sealed class ByTurns(IRun many, IRun oneRoom) : IRun
    {
        public void WarmUp()
        {
            many.WarmUp();
            oneRoom.WarmUp();
        }

        public void Slice()
        {
            many.Slice();
            oneRoom.Slice();
        }

        public Figures Finish()
        {
            var figures = many.Finish();
            return figures.Add("times_one_room", figures["per_second"] / oneRoom.Finish()["per_second"]);
        }

        public void Dispose()
        {
            many.Dispose();
            oneRoom.Dispose();
        }
    }
}
