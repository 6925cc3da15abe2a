using System.Threading.Channels;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Receipts;

/// <summary>A receipt of another server that came before its event.</summary>
internal sealed record EarlyReceipt(string Server, RoomNid Room, string RoomId, RemoteReceipt Receipt);

/// <summary>
/// Receipts that came before their events. They wait in memory, within bounds for each server and for all. Beyond these
/// the server with the most of them loses its oldest. Thread-safe.
/// </summary>
internal sealed class EarlyReceipts(ReadingOptions options) : IChangeConsumer
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(RoomNid Room, string EventId), List<Entry>> _byEvent = [];
    private readonly Dictionary<string, LinkedList<Entry>> _byServer = new(StringComparer.Ordinal);

    // The last is the server with the most. Of several, it is the one whose oldest receipt came first.
    private readonly SortedSet<(int Count, long Age, string Server)> _byCount = [];
    private readonly Channel<EarlyReceipt> _due = Channel.CreateBounded<EarlyReceipt>(
        new BoundedChannelOptions(options.MaxEarlyReceipts) { FullMode = BoundedChannelFullMode.DropWrite });

    private int _count;
    private long _kept;

    /// <summary>The number of receipts that wait for their events.</summary>
    internal int Count => Volatile.Read(ref _count);

    /// <summary>Receipts whose events have come.</summary>
    internal ChannelReader<EarlyReceipt> Due => _due.Reader;

    /// <summary>Keeps a receipt until its event comes. A newer one of the same user and thread replaces it.</summary>
    internal void Keep(EarlyReceipt receipt)
    {
        lock (_gate)
        {
            var entry = new Entry(receipt, _kept++);
            if (_byEvent.TryGetValue(entry.Event, out var same)
                && same.Find(each => each.IsOfSameUserAndThread(receipt)) is { } before)
            {
                Drop(before);
            }

            var ofServer = _byServer.GetValueOrDefault(receipt.Server);
            if (ofServer?.Count >= options.MaxEarlyReceiptsOfServer) Drop(ofServer.First!.Value);
            else if (_count >= options.MaxEarlyReceipts) Drop(FirstToGo(receipt.Server));
            Add(entry);
        }
    }

    /// <summary>Keeps a receipt no longer: it was applied meanwhile.</summary>
    internal void Forget(EarlyReceipt receipt)
    {
        lock (_gate)
        {
            if (_byEvent.TryGetValue((receipt.Room, receipt.Receipt.EventId), out var ofEvent)
                && ofEvent.Find(each => ReferenceEquals(each.Receipt, receipt)) is { } entry)
            {
                Drop(entry);
            }
        }
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (change is not EventsAppended appended || Count == 0) return;
        lock (_gate)
        {
            foreach (var stored in appended.Events)
            {
                if (stored.IsShown && _byEvent.TryGetValue((appended.Room.Nid, stored.EventId), out var receipts))
                {
                    foreach (var entry in receipts.ToArray()) IsDue(entry);
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        // Those whose events have not come are kept again.
        lock (_gate)
        {
            foreach (var entry in _byServer.Values.SelectMany(static all => all).OrderBy(static each => each.Number)
                .ToArray())
            {
                IsDue(entry);
            }
        }
    }

    /// <summary>What makes room for a receipt of a server: the oldest of the server with the most.</summary>
    private Entry FirstToGo(string server)
    {
        var (most, _, name) = _byCount.Max;
        var own = _byServer.GetValueOrDefault(server);
        return (own?.Count == most ? own : _byServer[name]).First!.Value;
    }

    private void IsDue(Entry entry)
    {
        Drop(entry);
        _due.Writer.TryWrite(entry.Receipt);
    }

    private void Add(Entry entry)
    {
        _count++;
        Change(entry.Receipt.Server, all => all.AddLast(entry.OfServer));
        if (!_byEvent.TryGetValue(entry.Event, out var ofEvent)) _byEvent[entry.Event] = ofEvent = [];
        ofEvent.Add(entry);
    }

    private void Drop(Entry entry)
    {
        _count--;
        Change(entry.Receipt.Server, all => all.Remove(entry.OfServer));
        var ofEvent = _byEvent[entry.Event];
        ofEvent.Remove(entry);
        if (ofEvent.Count == 0) _byEvent.Remove(entry.Event);
    }

    /// <summary>Changes the list of a server, and its place among the servers.</summary>
    private void Change(string server, Action<LinkedList<Entry>> change)
    {
        if (!_byServer.TryGetValue(server, out var all)) _byServer[server] = all = new();
        if (all.First is { } before) _byCount.Remove((all.Count, -before.Value.Number, server));
        change(all);
        if (all.First is { } after) _byCount.Add((all.Count, -after.Value.Number, server));
        else _byServer.Remove(server);
    }

    private sealed class Entry
    {
        internal Entry(EarlyReceipt receipt, long number)
        {
            Receipt = receipt;
            Number = number;
            OfServer = new LinkedListNode<Entry>(this);
        }

        internal EarlyReceipt Receipt { get; }

        internal long Number { get; }

        internal LinkedListNode<Entry> OfServer { get; }

        internal (RoomNid Room, string EventId) Event => (Receipt.Room, Receipt.Receipt.EventId);

        internal bool IsOfSameUserAndThread(EarlyReceipt other) =>
            Receipt.Receipt.UserId == other.Receipt.UserId && Receipt.Receipt.ThreadId == other.Receipt.ThreadId;
    }
}
