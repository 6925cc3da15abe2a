using System.Text;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>Measures the growth of the data folder per plain message of 200 bytes (needs --data).</summary>
internal sealed class MessageGrowth : IWorkload
{
    public string Name => "growth-messages";

    public string Sentence => "growth of the data folder per plain message of 200 bytes (needs --data)";

    public IRun? Prepare(Stage stage)
    {
        if (stage.Server.Kind != ServerKind.Homeserver)
        {
            return null;
        }

        var sender = stage.Population.First(1)[0];
        var room = Uri.EscapeDataString(sender.CreateRoom("growth of messages"));
        return new GrowthRun(stage, () => { }, _ => sender.Send(room));
    }
}

/// <summary>Measures the growth of the data folder per state event in a room with much state (needs --data).</summary>
internal sealed class StateGrowth : IWorkload
{
    public string Name => "growth-state";

    public string Sentence => "growth of the data folder per state event in a room with 10,000 entries (needs --data)";

    public IRun? Prepare(Stage stage)
    {
        if (stage.Server.Kind != ServerKind.Homeserver)
        {
            return null;
        }

        var sender = stage.Population.First(1)[0];
        var room = Uri.EscapeDataString(sender.CreateRoom("growth of state"));
        var entries = stage.Settings.StateEntries;
        return new GrowthRun(
            stage,
            () =>
            {
                for (var i = 0; i < entries; i++)
                {
                    Set(sender, room, i, "before");
                }
            },
            i => Set(sender, room, (int)(i * 7919L % entries), $"after {i}"));
    }

    private static void Set(Account sender, string room, int entry, string value) =>
        sender.SetState(
            room, "org.example.entry", $"entry-{entry}", Encoding.UTF8.GetBytes($$"""{"value":"{{value}}"}"""));
}

/// <summary>Compares the folder's size before and after a single slice.</summary>
internal sealed class GrowthRun(Stage stage, Action prepare, Action<int> once) : IRun
{
    private long _before;
    private bool _done;

    public void WarmUp()
    {
        prepare();
        _before = Size();
    }

    public void Slice()
    {
        if (_done)
        {
            return;
        }

        _done = true;
        for (var i = 0; i < stage.Settings.GrowthEvents; i++)
        {
            once(i);
        }
    }

    public Figures Finish() => new Figures()
        .Add("events", stage.Settings.GrowthEvents)
        .Add("uncompacted_bytes_each", (Size() - _before) / (double)stage.Settings.GrowthEvents);

    public void Dispose()
    {
    }

    private long Size() => stage.Server.DataFolder is { } folder
        ? new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length)
        : 0;
}
