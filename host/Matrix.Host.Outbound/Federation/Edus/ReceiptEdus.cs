using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Receipts;

namespace Matrix.Host.Outbound.Federation.Edus;

/// <summary>
/// Public receipts of local users. They are gathered for a short time; only the newest of a user, room and thread
/// waits, in memory. A restart drops those that were not sent. v1.19 server-server-api#receipts
/// </summary>
internal sealed class ReceiptEdus(
    CurrentServers servers, MissedReceipts missed, OutboundOptions options, TimeProvider time)
    : IEduSource, IRestoredConsumer
{
    /// <summary>The most receipts in one EDU.</summary>
    private const int MaxInEdu = 100;

    private readonly Lock _gate = new();
    private readonly News _news = new();
    private readonly Dictionary<string, PendingReceipts> _pending = new(StringComparer.Ordinal);

    /// <summary>Receipts whose servers are not determined yet.</summary>
    private Dictionary<ReceiptKey, ReceiptMoved> _moved = [];

    private IEduDestinations? _destinations;

    /// <inheritdoc/>
    public void Attach(IEduDestinations destinations) => _destinations = destinations;

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (change is not ReceiptMoved moved || !Concerns(moved)) return;
        var key = ReceiptKey.Of(moved);
        lock (_gate)
        {
            if (_moved.Count >= options.MaxWaitingReceipts && !_moved.ContainsKey(key)) return;
            _moved[key] = moved;
        }

        _news.Wake();
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
    }

    /// <inheritdoc/>
    public async ValueTask RestoreAsync(long after, long through, CancellationToken stop)
    {
        await foreach (var receipt in missed.OfLocalUsersAsync(after, through, stop))
        {
            if (Concerns(receipt)) TakeBack([new(ReceiptKey.Of(receipt), receipt)]);
        }
    }

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            await _news.WaitAsync(stop);
            await Task.Delay(options.ReceiptDelay, time, stop);
            Dictionary<ReceiptKey, ReceiptMoved> moved;
            lock (_gate) (moved, _moved) = (_moved, []);
            var receivers = new HashSet<string>(StringComparer.Ordinal);
            try
            {
                foreach (var ofRoom in moved.Values.GroupBy(static receipt => receipt.Room).ToArray())
                {
                    if (await servers.OfAsync(ofRoom.Key, stop) is var (roomId, names))
                    {
                        Enqueue(names, [.. ofRoom.Select(receipt => new PendingReceipt(roomId, receipt))]);
                        receivers.UnionWith(names);
                    }

                    foreach (var receipt in ofRoom) moved.Remove(ReceiptKey.Of(receipt));
                }
            }
            finally
            {
                // After a failed read this task begins anew.
                if (moved.Count > 0) TakeBack(moved);
                foreach (var server in receivers) _destinations!.Notify(server);
            }
        }
    }

    /// <inheritdoc/>
    public void Drop(Func<string, bool> isOf)
    {
        lock (_gate)
        {
            foreach (var server in _pending.Keys.Where(isOf).ToArray()) _pending.Remove(server);
        }
    }

    /// <inheritdoc/>
    public bool HasFor(string server)
    {
        lock (_gate) return _pending.ContainsKey(server);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<OutboundEdu>> NextAsync(
        string server, int most, IReadOnlyList<OutboundEdu> deferred, CancellationToken stop)
    {
        PendingReceipt[] receipts;
        lock (_gate) receipts = _pending.TryGetValue(server, out var pending) ? [.. pending.InOrder] : [];
        var rooms = await servers.RoomsWithAsync(server, receipts.Select(static receipt => receipt.Key.Room), stop);
        Remove(server, receipts.Where(receipt => !rooms.Contains(receipt.Key.Room)));
        var without = deferred.OfType<ReceiptEdu>().SelectMany(static edu => edu.Receipts).ToHashSet();
        return EdusOf(receipts.Where(each => rooms.Contains(each.Key.Room) && !without.Contains(each)), most);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> IsStillForAsync(string server, OutboundEdu edu, CancellationToken stop)
    {
        var rooms = ((ReceiptEdu)edu).Receipts.Select(static receipt => receipt.Key.Room).Distinct().ToArray();
        return (await servers.RoomsWithAsync(server, rooms, stop)).Count == rooms.Length;
    }

    /// <inheritdoc/>
    public void Remove(string server, IReadOnlyList<OutboundEdu> edus, IReadOnlyList<OutboundEdu> deferred) =>
        Remove(server, edus.OfType<ReceiptEdu>().SelectMany(static edu => edu.Receipts));

    /// <inheritdoc/>
    public void Failed(string server, IReadOnlyList<OutboundEdu> repeated)
    {
        lock (_gate)
        {
            if (!_pending.TryGetValue(server, out var pending)) return;
            pending.KeepNewest(options.MaxReceiptsInOutage);
            if (pending.Count == 0) _pending.Remove(server);
        }
    }

    private void Remove(string server, IEnumerable<PendingReceipt> receipts)
    {
        lock (_gate)
        {
            if (!_pending.TryGetValue(server, out var pending)) return;
            foreach (var receipt in receipts) pending.Remove(receipt);
            if (pending.Count == 0) _pending.Remove(server);
        }
    }

    private static bool Concerns(ReceiptMoved moved) => moved is { IsLocal: true, Type: ReceiptTypes.Read };

    /// <summary>
    /// Gathers receipts that were missed, or whose servers could not be read, unless newer ones replace them.
    /// </summary>
    private void TakeBack(IEnumerable<KeyValuePair<ReceiptKey, ReceiptMoved>> moved)
    {
        lock (_gate)
        {
            foreach (var (key, receipt) in moved)
            {
                if (_moved.Count < options.MaxWaitingReceipts) _moved.TryAdd(key, receipt);
            }
        }

        _news.Wake();
    }

    private void Enqueue(IReadOnlySet<string> names, IReadOnlyList<PendingReceipt> receipts)
    {
        foreach (var server in names)
        {
            if (!_destinations!.IsHere(server)) continue;
            var most = _destinations.IsFailing(server) ? options.MaxReceiptsInOutage : options.MaxPendingReceipts;
            lock (_gate)
            {
                if (!_pending.TryGetValue(server, out var pending)) _pending[server] = pending = new PendingReceipts();
                foreach (var receipt in receipts) pending.Put(receipt);
                pending.KeepNewest(most);
                if (pending.Count == 0) _pending.Remove(server);
            }
        }
    }

    /// <summary>
    /// Puts receipts into EDUs. One EDU has one receipt of a user in a room: those of other threads go into the next.
    /// </summary>
    private static List<OutboundEdu> EdusOf(IEnumerable<PendingReceipt> receipts, int most)
    {
        var edus = new List<Dictionary<(RoomNid, string), PendingReceipt>>();
        foreach (var receipt in receipts)
        {
            var key = (receipt.Key.Room, receipt.Key.UserId);
            var edu = edus.Find(each => each.Count < MaxInEdu && !each.ContainsKey(key));
            if (edu is null)
            {
                if (edus.Count == most) continue;
                edus.Add(edu = []);
            }

            edu.Add(key, receipt);
        }

        return [.. edus.Select(static edu => new ReceiptEdu(JsonOf(edu.Values), [.. edu.Values]))];
    }

    private static byte[] JsonOf(IEnumerable<PendingReceipt> receipts) => CanonicalJson.Bytes(Json.Of(
        JsonObject.OfSeq(
        [
            // v1.19 server-server-api#definition-mreceipt
            ("edu_type", Json.Of(EventTypes.Receipt)),
            ("content", Json.Of(JsonObject.OfSeq(receipts.GroupBy(static receipt => receipt.RoomId).Select(
                static room => (room.Key, Json.Of(JsonObject.OfSeq(
                [
                    (ReceiptTypes.Read, Json.Of(JsonObject.OfSeq(
                        room.Select(static receipt => (receipt.Key.UserId, receipt.Json))))),
                ]))))))),
        ])));

    private readonly record struct ReceiptKey(RoomNid Room, string UserId, string ThreadId)
    {
        internal static ReceiptKey Of(ReceiptMoved moved) => new(moved.Room, moved.UserId, moved.ThreadId);
    }

    private sealed record ReceiptEdu(ReadOnlyMemory<byte> Json, IReadOnlyList<PendingReceipt> Receipts)
        : OutboundEdu(Json);

    /// <summary>A receipt; all servers that it is owed to share it.</summary>
    private sealed class PendingReceipt(string roomId, ReceiptMoved moved)
    {
        internal string RoomId => roomId;

        internal ReceiptKey Key => ReceiptKey.Of(moved);

        internal Json Json
        {
            get
            {
                var time = ("ts", Core.Json.Json.Of(moved.Timestamp));
                return Core.Json.Json.Of(JsonObject.OfSeq(
                [
                    ("event_ids", Core.Json.Json.Of([Core.Json.Json.Of(moved.EventId)])),
                    ("data", Core.Json.Json.Of(JsonObject.OfSeq(moved.ThreadId.Length == 0
                        ? [time]
                        : [time, ("thread_id", Core.Json.Json.Of(moved.ThreadId))]))),
                ]));
            }
        }
    }

    /// <summary>The receipts that a server is owed, in the order in which they moved.</summary>
    private sealed class PendingReceipts
    {
        private readonly Dictionary<ReceiptKey, LinkedListNode<PendingReceipt>> _byKey = [];
        private readonly LinkedList<PendingReceipt> _inOrder = new();

        internal int Count => _byKey.Count;

        internal IEnumerable<PendingReceipt> InOrder => _inOrder;

        internal void Put(PendingReceipt receipt)
        {
            if (_byKey.TryGetValue(receipt.Key, out var before)) _inOrder.Remove(before);
            _byKey[receipt.Key] = _inOrder.AddLast(receipt);
        }

        /// <summary>Removes a receipt, unless a newer one has replaced it.</summary>
        internal void Remove(PendingReceipt receipt)
        {
            if (_byKey.TryGetValue(receipt.Key, out var node) && ReferenceEquals(node.Value, receipt)) Remove(node);
        }

        internal void KeepNewest(int most)
        {
            while (_byKey.Count > most) Remove(_inOrder.First!);
        }

        private void Remove(LinkedListNode<PendingReceipt> node)
        {
            _byKey.Remove(node.Value.Key);
            _inOrder.Remove(node);
        }
    }
}
