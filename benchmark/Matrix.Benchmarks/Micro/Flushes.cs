using BenchmarkDotNet.Attributes;
using Matrix.Benchmarks.Floor;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Formats;
using Matrix.Host.Storage.Tables;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.Unread;

namespace Matrix.Benchmarks.Micro;

/// <summary>What a flush of plain messages costs as bytes, beside the copy of the events' JSON.</summary>
[MemoryDiagnoser]
public class Flushes
{
    private readonly FlushFormat _format = new(SharedChanges.Formats);
    private readonly byte[] _copy = new byte[4096];
    private readonly List<WriteBatch> _batches = [];
    private ReadOnlyMemory<byte> _json;
    private byte[] _bytes = [];

    /// <summary>The messages of the flush, each in a batch.</summary>
    [Params(1, 100)]
    public int Messages { get; set; }

    /// <summary>Makes the flush: of each message the event, the room's header and two users' unread marks.</summary>
    [GlobalSetup]
    public void Make()
    {
        var room = PlainEvent.Room(new RoomNid(7));
        for (var i = 0; i < Messages; i++)
        {
            var nid = EventNid.Of(room.Nid, EventNid.FirstLiveOrdinal + (uint)i);
            var header = new RoomHeader { LastOrdinal = nid.Ordinal, CurrentStep = 9, JoinedCount = 40, Depth = i };
            _batches.Add(new WriteBatch(Authority.Nobody) { Position = 1000 + i }
                .Add(PlainEvent.Message(nid))
                .Add(new UnreadAdded("@first-of-two:hybrid.test", nid, EventNid.None, UnreadKind.Notify))
                .Add(new UnreadAdded("@second-of-two:hybrid.test", nid, EventNid.None, UnreadKind.Silent))
                .Add(new RoomAdvanced(room, header, header)));
        }

        _json = PlainEvent.Message(EventNid.Of(room.Nid, 1)).Events[0].Row.Json;
        _bytes = _format.Write(_batches).ToArray();
    }

    /// <summary>Copies the JSON.</summary>
    [Benchmark(Baseline = true)]
    public void Copy()
    {
        for (var i = 0; i < Messages; i++) _json.Span.CopyTo(_copy);
    }

    /// <summary>Writes the flush.</summary>
    [Benchmark]
    public int Write() => _format.Write(_batches).Length;

    /// <summary>Reads it.</summary>
    [Benchmark]
    public bool Read() => _format.TryRead(_bytes, out _, out _);
}
